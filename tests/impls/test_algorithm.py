"""An Algorithm: what it becomes in each framework, what it refuses, and its options."""

import numpy as np
import pytest

from impls import backends
from impls.algorithm import Algorithm
from impls.families.product import problem
from impls.growth import Growth
from impls.implementation import FRAMEWORKS, Built, Target
from impls.problem import Refusal
from impls.registry import load

ASKED = problem("siso", 1, batch=2, dtype="float32")
NAMES = ["numpy_times", "torch_times", "jax_times"]
DECLARED = """
from impls.algorithm import Algorithm
from impls.implementation import Built

def build(problem, b, options):
    return Built(lambda inputs, weights: {"z": inputs["x"]})

ALGORITHM = Algorithm("clebsch_gordan", "mine", "mine", build)
"""


def times(problem, b, options):
    factor = b.table(np.array(options["factor"]))
    return Built(lambda inputs, weights: {"z": factor * inputs["x"]}, kernel=str(dict(options)))


def few_channels(problem, target):
    return Refusal("too many channels") if problem.sizes["channels"] > 3 else None


def declare(**changes):
    declared = {
        "supports": few_channels,
        "options": {"factor": (2, 3), "order": ("up", "down")},
        "requires": ("json",),
        "papers": ("geiger2022",),
        "growth": Growth({"lmax": 2}),
        "licence": "BSD-3-Clause",
    }
    return Algorithm("clebsch_gordan", "times", "times a number", times, **(declared | changes))


@pytest.fixture
def implementations():
    return {i.name: i for i in declare().implementations()}


def test_it_becomes_one_implementation_in_each_framework(implementations):
    assert list(implementations) == NAMES
    assert [i.framework for i in implementations.values()] == list(FRAMEWORKS)
    algorithm = declare()
    shared = ("operation", "title", "options", "requires", "papers", "growth", "licence")
    for found in implementations.values():
        assert {f: getattr(found, f) for f in shared} == {f: getattr(algorithm, f) for f in shared}
        assert not found.baseline


def test_it_becomes_those_of_the_frameworks_that_it_names():
    assert [i.name for i in declare(frameworks=("torch",)).implementations()] == ["torch_times"]


@pytest.mark.parametrize("name", NAMES)
def test_each_computes_in_its_framework(implementations, name):
    framework = name.removesuffix("_times")
    pytest.importorskip(framework)
    x = backends.load(framework, ASKED, Target()).table(np.array([1.0, -2.0]))
    z = implementations[name].build(ASKED, Target(), {}).call({"x": x}, {})["z"]
    assert type(z) is type(x)
    np.testing.assert_array_equal(np.asarray(z), [2.0, -4.0])


def test_options_that_are_left_out_have_their_first_value(implementations):
    def chosen(**options):
        return implementations["numpy_times"].build(ASKED, Target(), options).kernel

    assert chosen() == str({"factor": 2, "order": "up"})
    assert chosen(order="down") == str({"factor": 2, "order": "down"})
    assert chosen(order="down", factor=3) == str({"factor": 3, "order": "down"})


@pytest.mark.parametrize(
    ("known", "options", "message"),
    [
        ({"order": ("up", "down")}, {"order": "left"}, "unknown order 'left': choose one of up, d"),
        ({"order": ("up", "down")}, {"speed": 2}, "numpy_times has no option 'speed': it has ord"),
        ({}, {"speed": 2}, "numpy_times has no option 'speed': it has none"),
    ],
)
def test_an_unknown_option_or_value_is_refused_with_the_known_ones(known, options, message):
    (found,) = declare(options=known, frameworks=("numpy",)).implementations()
    with pytest.raises(ValueError, match=message):
        found.build(ASKED, Target(), options)


def test_a_baseline_is_the_implementation_in_torch():
    found = declare(baseline=True).implementations()
    assert [i.name for i in found if i.baseline] == ["torch_times"]


def test_numpy_refuses_what_it_lacks_and_the_others_do_not(implementations):
    half, gpu = problem("siso", 1, dtype="bfloat16"), Target("cuda")
    refused = {name: i.supports(half, Target()) for name, i in implementations.items()}
    assert "NumPy has no bfloat16 (use an" in str(refused.pop("numpy_times"))
    assert set(refused.values()) == {None}
    refused = {name: i.supports(ASKED, gpu) for name, i in implementations.items()}
    assert "NumPy does not run on cuda (use an" in str(refused.pop("numpy_times"))
    assert set(refused.values()) == {None}


def test_all_refuse_what_the_algorithm_refuses(implementations):
    for found in implementations.values():
        assert found.supports(ASKED, Target()) is None
        assert "too many channels" in str(found.supports(ASKED.with_sizes(channels=4), Target()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frameworks": ()}, r"times: frameworks=\(\); choose from numpy, torch, jax"),
        ({"frameworks": ("torch", "tinygrad")}, "'tinygrad'.; choose from numpy, torch, jax"),
        ({"options": {"order": ()}}, "clebsch_gordan.times: option 'order' has no value"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        declare(**changes)


def test_a_file_that_declares_one_has_its_implementations(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(DECLARED, encoding="utf-8")
    registry = load([file])
    for framework in FRAMEWORKS:
        found = registry.implementation(f"clebsch_gordan.{framework}_mine")
        assert registry.origin(found) == str(file)


def test_one_that_another_file_imports_is_registered_once(tmp_path):
    file = tmp_path / "user.py"
    file.write_text(
        "from impls.products.clebsch_gordan.dense import ALGORITHM\n" + DECLARED.strip(),
        encoding="utf-8",
    )
    imported = tmp_path / "imports.py"
    imported.write_text("from impls.products.matrix.dense import ALGORITHM", encoding="utf-8")
    before, after = load(), load([file, imported])
    mine = {f"clebsch_gordan.{framework}_mine" for framework in FRAMEWORKS}
    assert set(after.implementations) == {*before.implementations, *mine}
