"""Keys: equal for the same measurement of the same code, anywhere; different for anything else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench.record import fingerprint
from bench.record.fingerprint import key
from impls.implementation import Target
from impls.registry import load

PLUGIN = """
from impls.implementation import Built, Implementation
from impls.products.paths import coupled_paths

def build(problem, target, options):
    return Built(lambda inputs, weights: {{"z": inputs["x"] * {factor}}})

MINE = Implementation("clebsch_gordan", "mine", "numpy", build)
"""

ASK = """
from bench.record.fingerprint import key
from bench.ask.plan import plan
from bench.ask.reading import load as load_profile
from impls.implementation import Target
from impls.registry import load
for planned in plan(load_profile("quick"), Target(), load()).planned:
    print(planned.key)
"""


def test_keys_are_the_same_in_every_process(hand):
    answers = set()
    for seed in ("1", "2"):
        answers.add(
            subprocess.run(
                [sys.executable, "-c", ASK],
                env={**os.environ, "PYTHONHASHSEED": seed},
                cwd=hand.root,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
    assert len(answers) == 1
    keys = answers.pop().split()
    assert len(set(keys)) == len(keys) > 20 and {len(k) for k in keys} == {16}


def plugin_key(hand, folder: Path, factor: str):
    folder.mkdir()
    file = folder / "mine.py"
    file.write_text(PLUGIN.format(factor=factor), encoding="utf-8")
    registry = load([file])
    return key(hand.case(registry, "clebsch_gordan.mine"), registry)


def test_a_key_follows_the_source_of_the_implementation_not_its_place(hand, tmp_path):
    first = plugin_key(hand, tmp_path / "a", "1.0")
    assert plugin_key(hand, tmp_path / "b", "1.0") == first
    assert plugin_key(hand, tmp_path / "c", "2.0") != first


def test_a_plugin_changes_no_other_key(hand, registry, trapped):
    case = hand.case(registry, "gaunt.torch_grid")
    assert key(case, registry) == key(case, trapped)


def test_a_key_follows_everything_in_the_case(hand, registry):
    case = hand.case(registry, "clebsch_gordan.torch_dense")
    others = [
        case,
        replace(case, pass_="grad"),
        replace(case, problem=hand.problem(seed=1)),
        replace(case, problem=hand.problem(dtype="float32")),
        replace(case, target=Target(threads=2)),
        replace(case, target=Target(precision="tf32")),
        replace(case, options={"block": "pair"}),
        replace(case, implementation="clebsch_gordan.torch_sparse"),
    ]
    assert len({key(other, registry) for other in others}) == len(others)


def test_a_key_follows_the_protocol(hand, registry, monkeypatch):
    case = hand.case(registry, "clebsch_gordan.torch_dense")
    before = key(case, registry)
    monkeypatch.setattr(fingerprint, "PROTOCOL", "p999")
    assert key(case, registry) != before


def test_sources_are_what_is_imported_directly_or_not_lazily_or_not(registry):
    implementation = registry.implementation("clebsch_gordan.numpy_dense")
    closure = fingerprint.closure([Path(registry.origin(implementation))], fingerprint.MEASURED)
    names = {str(path.relative_to(fingerprint.ROOT)) for path in closure}
    assert "impls/products/clebsch_gordan/dense.py" in names
    assert "impls/products/clebsch_gordan/operation.py" in names
    assert "impls/products/paths.py" in names and "impls/problem.py" in names
    assert not any("gaunt" in name or name.startswith("bench") for name in names)


DOUBLE = """
from impls.algorithm import Algorithm
from impls.implementation import Built

def double(problem, b, options):
    index = b.index([0])
    return Built(lambda inputs, weights: {"z": b.take(inputs["x"], index)})

ALGORITHM = Algorithm("clebsch_gordan", "mine", "mine", double)
"""


def algorithm_keys(hand, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(DOUBLE, encoding="utf-8")
    registry = load([file])
    names = [f"clebsch_gordan.{framework}_mine" for framework in ("numpy", "torch", "jax")]
    return [key(hand.case(registry, name), registry) for name in names]


def test_a_key_sees_what_it_uses_of_its_own_framework_s_backend(hand, tmp_path, monkeypatch):
    """A new member changes no key; a changed one changes those that use it, in its framework."""
    before = algorithm_keys(hand, tmp_path)
    copies = tmp_path / "backends"
    shutil.copytree(fingerprint.BACKENDS, copies)
    monkeypatch.setattr(fingerprint, "BACKENDS", copies)
    assert algorithm_keys(hand, tmp_path) == before

    def edit(old, new):
        file = copies / "jax.py"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        for cached in (fingerprint._units, fingerprint._members, fingerprint._sources):
            cached.cache_clear()
        return algorithm_keys(hand, tmp_path)

    added = "    def rolled(self, a: Any) -> Any:\n        return jnp.roll(a, 1)\n\n    def table("
    assert edit("    def table(", added) == before
    assert edit("jax.nn.sigmoid(a)", "jax.nn.sigmoid(-a)") == before
    after = edit("return a[..., index]", "return jnp.take(a, index, -1)")
    assert after[:2] == before[:2] and after[2] != before[2]
    assert edit("jnp.int32", "jnp.int64")[2] not in (before[2], after[2])


def c_sources(registry, name):
    implementation = registry.implementation(name)
    operation = registry.operation(implementation.operation)
    things = implementation, operation, registry.family(operation.family)
    origins = tuple(registry.origin(thing) for thing in things)
    found = fingerprint._sources(origins, implementation.framework, fingerprint.BACKENDS)
    return {name.rpartition("/")[2] for name in found if name.endswith(".c")}


def test_a_key_sees_the_c_sources_that_its_framework_compiles(registry):
    rows, graph = {"lanes.c", "rows.c"}, {"lanes.c", "graph.c"}
    assert c_sources(registry, "gaunt.numpy_kernel") == rows
    assert c_sources(registry, "gaunt.torch_kernel") == rows
    assert c_sources(registry, "gaunt.jax_kernel") == rows | {"xla.c"}
    assert c_sources(registry, "channelwise.torch_kernel") == graph
    assert c_sources(registry, "gaunt.torch_lebedev") == set()


def test_a_key_follows_a_file_beside_the_source_that_names_it(hand, tmp_path):
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine/mine.py"
    file.write_text(PLUGIN.format(factor="1.0") + '\nDATA = "numbers.csv"\n', encoding="utf-8")
    registry = load([file])
    case = hand.case(registry, "clebsch_gordan.mine")

    def found():
        for cached in (fingerprint._hash, fingerprint._imported, fingerprint._sources):
            cached.cache_clear()
        return key(case, registry)

    absent = found()
    (tmp_path / "mine/other.csv").write_text("1\n")
    assert found() == absent
    (tmp_path / "mine/numbers.csv").write_text("1\n")
    first = found()
    (tmp_path / "mine/numbers.csv").write_text("2\n")
    assert len({absent, first, found()}) == 3


EDITED = """
import json, sys
from bench.record import fingerprint
from bench.record.case import digest
from bench.commands.analyse import _sources

def answer():
    caches = fingerprint._hash, fingerprint._imported, _sources
    for cached in caches:
        cached.cache_clear()
    return digest(_sources("discrimination", "numpy"))

assert str(fingerprint.ROOT) == sys.argv[1], fingerprint.ROOT
before, changed = answer(), {}
for name in sys.argv[2:]:
    file = fingerprint.ROOT / name
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\\n# edited\\n", encoding="utf-8")
    changed[name] = answer() != before
    file.write_text(text, encoding="utf-8")
assert answer() == before
print(json.dumps(changed))
"""


def test_an_analysis_follows_all_that_it_is_made_of_and_nothing_else(hand, tmp_path):
    """Edited in a copy of the tree, so that no module of this one is touched."""
    followed = (
        "bench/measuring/probes/discrimination.py",
        "bench/measuring/probes/bilinear.py",
        "bench/measuring/blackbox.py",
        "bench/measuring/built_case.py",
        "bench/measuring/tolerances.py",
        "bench/measuring/frameworks/numpy.py",
        "analysis/discrimination.py",
        "analysis/reduced.py",
        "impls/groups/group.py",
    )
    others = (
        "reports/tables/price.py",
        "bench/drive/pool.py",
        "bench/measuring/probes/energy.py",
        "bench/measuring/probes/expressivity.py",
        "bench/measuring/frameworks/torch.py",
        "analysis/nero.py",
        "impls/families/images.py",
    )
    root = tmp_path.resolve() / "copy"
    for package in ("impls", "analysis", "bench", "reports"):
        shutil.copytree(
            hand.root / package,
            root / package,
            ignore=lambda folder, names: [n for n in names if n in ("out", "published")],
        )
    done = subprocess.run(
        [sys.executable, "-c", EDITED, str(root), *followed, *others],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = dict.fromkeys(followed, True) | dict.fromkeys(others, False)
    assert json.loads(done.stdout) == expected
