"""The registry: what it finds, what it refuses by name, and that it needs no framework."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from impls.implementation import Implementation
from impls.operation import SymmetryClaim
from impls.registry import load

PLUGIN = """
from impls.implementation import Built, Implementation

def build(problem, target, options):
    return Built(lambda inputs, weights: {{"z": inputs["x"]}})

IMPLEMENTATION = Implementation(
    operation={operation!r}, name={name!r}, framework="numpy", build=build
)
"""

OWN = """
from dataclasses import replace
from impls.products.gaunt.operation import OPERATION as GAUNT

MINE = replace(GAUNT, name="mine")
"""

BLOCKED = """
import sys
absent = ["torch", "jax", "jaxlib", "e3nn", "e3nn_jax", "cuequivariance", "e3x", "e3j"]
sys.modules.update(dict.fromkeys(absent))
from impls.registry import load
registry = load()
print(*sorted(registry.implementations))
print(registry.implementation("channelwise.torch_dense").framework)
"""


def plugin(folder: Path, file: str, operation: str = "channelwise", name: str = "mine") -> Path:
    path = folder / file
    path.write_text(PLUGIN.format(operation=operation, name=name), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def registry():
    return load()


def test_every_file_imports_without_any_framework(registry):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKED],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == sorted(registry.implementations)


def test_declarations_are_found_under_their_names_with_their_files(registry):
    assert registry.family("points").name == "points"
    assert registry.operation("channelwise").family == "points"
    found = registry.implementation("channelwise.torch_e3nn")
    assert Path(registry.origin(found)).name == "e3nn.py"
    names = [i.full_name for i in registry.implementations_of("channelwise")]
    assert names == sorted(names) and "channelwise.jax_dense" in names
    assert registry.implementations_of("nothing") == []


def test_operations_claim_subgroups_that_their_family_has(registry):
    registry.check()
    for operation in registry.operations.values():
        family = registry.family(operation.family)
        known = set()
        for problem in family.examples:
            known |= set(family.group(problem).subgroups)
        assert set(operation.exact) <= known


def test_at_most_one_baseline_per_operation(registry):
    for name in registry.operations:
        assert sum(i.baseline for i in registry.implementations_of(name)) <= 1


def test_nothing_from_outside_becomes_the_baseline_of_an_operation_of_the_suite(tmp_path):
    """Every ratio of the operation would be one with it; an operation of its own has its own."""
    file = plugin(tmp_path, "mine.py")
    claiming = file.read_text(encoding="utf-8").replace("build=build", "build=build, baseline=True")
    file.write_text(claiming, encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.py: implementation 'channelwise\.mine' declares"):
        load([file])
    file = plugin(tmp_path, "own.py", operation="mine")
    own = claiming.replace("channelwise", "mine") + OWN
    file.write_text(own, encoding="utf-8")
    assert load([file]).implementation("mine.mine").baseline


@pytest.mark.parametrize("kind", ["family", "operation", "implementation"])
def test_unknown_names_are_refused_with_the_known_ones(registry, kind):
    with pytest.raises(ValueError, match=f"unknown {kind} 'nonsense': known are .*c"):
        getattr(registry, kind)("nonsense")


def test_a_plugin_file_is_one_more_implementation(tmp_path, registry):
    file = plugin(tmp_path, "mine.py")
    loaded = load([file, file])
    assert set(loaded.implementations) == {*registry.implementations, "channelwise.mine"}
    assert isinstance(loaded.implementation("channelwise.mine"), Implementation)
    assert loaded.origin(loaded.implementation("channelwise.mine")) == str(file)


def test_two_files_with_one_name_are_both_named(tmp_path):
    first, second = plugin(tmp_path, "first.py"), plugin(tmp_path, "second.py")
    with pytest.raises(ValueError, match="declared twice") as error:
        load([first, second])
    assert str(first) in str(error.value) and str(second) in str(error.value)
    clash = plugin(tmp_path, "clash.py", name="torch_dense")
    with pytest.raises(ValueError, match=r"dense.py and in .*clash.py"):
        load([clash])


def test_an_implementation_of_an_unknown_operation_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"lost.py: unknown operation 'levitation': known are"):
        load([plugin(tmp_path, "lost.py", operation="levitation")])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no such file: .*absent\.py"):
        load([tmp_path / "absent.py"])


def test_a_file_that_is_not_python_is_refused(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("hello", encoding="utf-8")
    with pytest.raises(ValueError, match="not a Python file"):
        load([file])


def test_a_file_that_fails_to_import_is_refused_and_can_be_mended(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import a_package_that_is_not_there", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.py failed to import: ModuleNotFoundError"):
        load([file])
    plugin(tmp_path, "broken.py")
    assert "channelwise.mine" in load([file]).implementations


def changed(registry, **changes):
    """Return the registry with a changed clebsch_gordan, as a file mine.py would declare it."""
    operation = replace(registry.operation("clebsch_gordan"), **changes)
    return replace(
        registry,
        operations={**registry.operations, operation.name: operation},
        origins={**registry.origins, id(operation): "mine.py"},
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agrees_with": "nonsense"}, "mine.py: unknown operation 'nonsense': known are .*gaunt"),
        ({"agrees_with": "channelwise"}, "'clebsch_gordan' of family 'product' agrees with 'chan"),
        ({"agrees_with": "clebsch_gordan"}, "agrees with itself; name another of its family"),
        ({"approximates": "nonsense"}, "mine.py: unknown operation 'nonsense': known are .*gaunt"),
        ({"approximates": "channelwise"}, "'clebsch_gordan' of family 'product' approximates 'ch"),
        ({"approximates": "clebsch_gordan"}, "approximates itself; name another of its family"),
        ({"refused": {"gard": "no"}}, "refuses the unknown pass 'gard': known are fwd, grad, gr"),
        (
            {"claims": (SymmetryClaim("rotation", "by_knob", "rank"),)},
            "claims rotation by the knob 'rank', which it does not have: it has none",
        ),
    ],
)
def test_a_claim_that_cannot_be_checked_is_refused(registry, changes, said):
    with pytest.raises(ValueError, match=said):
        changed(registry, **changes).check()


def test_an_operation_may_agree_with_another_of_its_family(registry):
    changed(registry, agrees_with="gaunt", refused={"grad2": "why not"}).check()


def test_everything_has_words_for_people(registry):
    untitled = [o.name for o in registry.operations.values() if not o.title]
    untitled += [f.name for f in registry.families.values() if not f.title]
    untitled += [i.full_name for i in registry.implementations.values() if not i.title]
    assert untitled == []
    for family in registry.families.values():
        facets = {name for asked in family.examples for name in family.facets(asked)}
        assert facets <= set(family.labels) and all(family.labels.values()), family.name
        assert set(family.axes) <= set(family.labels), family.name


def test_every_family_says_how_it_is_asked(registry):
    for family in registry.families.values():
        assert family.sizes is not None and family.ask is not None and family.examples, family.name
        assert all(family.check(asked) is None for asked in family.examples), family.name
