"""Options of a family become its problems: words, sizes, sweeps, numbers of copies; refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ask.options import options_of, problem_of, problems, spread
from impls.families import product
from impls.registry import load

REGISTRY = load()
PRODUCT = REGISTRY.family("product")
EXAMPLES = [(name, p) for name, f in sorted(REGISTRY.families.items()) for p in f.examples]


def test_every_family_has_examples_that_it_takes():
    assert {name for name, _ in EXAMPLES} == set(REGISTRY.families)
    assert all(REGISTRY.family(name).check(problem) is None for name, problem in EXAMPLES)


@pytest.mark.parametrize(("name", "problem"), EXAMPLES)
def test_every_problem_can_be_asked_by_its_sizes(name, problem):
    shared = {"dtype": problem.dtype, "data": problem.data, "seed": problem.seed}
    assert problem_of(REGISTRY.family(name), {**problem.sizes, **shared}) == problem


def test_options_are_words_sizes_and_what_all_questions_have():
    options = options_of(PRODUCT)
    assert {"setting", "symmetry", "lmax", "irreps_in1", "channels", "batch"} <= set(options)
    assert {"dtype", "data", "seed"} <= set(options)
    assert options["lmax"].kinds == (int,) and options["channels"].default == 1
    assert options["dtype"].choices == ("float64", "float32", "bfloat16")
    assert options["lmax"].read("3") == 3 and options["irreps_in1"].read("0") == "0"
    with pytest.raises(ValueError, match="lmax='three' is not an integer"):
        options["lmax"].read("three")


def test_a_list_is_a_sweep_and_the_last_option_changes_fastest():
    found = problems(PRODUCT, {"setting": ("mimo", "siso"), "lmax": (1, 2), "batch": (10,)})
    assert found == [
        product.problem(setting, lmax, batch=10) for setting in ("mimo", "siso") for lmax in (1, 2)
    ]
    assert len(problems(PRODUCT, {"setting": ("mimo", "mimo"), "lmax": (1,)})) == 1


REFUSED = {
    "a name": ({"lmx": (1,)}, "unknown option 'lmx': did you mean 'lmax'"),
    "a type": ({"setting": ("mimo",), "lmax": ("3",)}, "lmax='3' is not an integer"),
    "a truth": ({"setting": ("mimo",), "lmax": (True,)}, "lmax=True is not an integer"),
    "a choice": (
        {"setting": ("mimo",), "lmax": (1,), "dtype": ("float23",)},
        "unknown dtype 'float23': did you mean 'float32'",
    ),
    "a setting": ({"setting": ("momo",), "lmax": (1,)}, "family product: unknown setting 'momo'"),
    "a size": (
        {"setting": ("mimo",), "lmax": (1,), "channels": (0,)},
        "family product: size channels=0 is not a positive integer",
    ),
    "data": (
        {"setting": ("mimo",), "lmax": (1,), "data": ("odd",)},
        "family product: unknown data 'odd'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_option_or_no_value_is_refused_by_name(what):
    sweeps, message = REFUSED[what]
    with pytest.raises(ValueError) as refused:
        problems(PRODUCT, sweeps)
    assert message in str(refused.value)


def test_a_family_says_what_is_missing():
    family = load([Path(__file__).parents[1] / "plugins/polyphase.py"]).family("image")
    with pytest.raises(ValueError, match=r"image: needs size, or all its sizes: batch, channels"):
        problem_of(family, {"data": "normal"})
    with pytest.raises(ValueError, match=r"family image: sizes of family image are height, width"):
        problem_of(family, {"channels": 3})
    assert problem_of(family, {"size": 32, "height": 16}).sizes["height"] == 16


def test_one_number_of_copies_means_channels():
    chosen = {"irreps_in1": "128x0e+128x1o", "irreps_in2": "128x0e+128x1o", "irreps_out": "128x0e"}
    asked = problem_of(PRODUCT, chosen)
    assert asked.sizes["channels"] == 128
    assert [asked.sizes[name] for name in product.SIZES[:3]] == ["1x0e+1x1o", "1x0e+1x1o", "1x0e"]
    assert problem_of(PRODUCT, {**chosen, "channels": 128}) == asked
    plain = problem_of(PRODUCT, {"irreps_in1": "0e+1x1o"})
    assert plain.sizes["channels"] == 1
    several = problem_of(PRODUCT, {"irreps_in1": "0e+1o", "channels": 16})
    assert several.sizes["channels"] == 16


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"irreps_in1": "128x0e+64x1o"},
            "no multiplicities of its own in irreps_in1=128x0e+64x1o, and these are unequal; "
            "write 0e+0e+1o with --channels 64",
        ),
        ({"irreps_in1": "127x0e+64x1o"}, "write each copy out, or take one number of copies"),
        (
            {"irreps_in1": "8x0e", "irreps_in2": "4x0e"},
            "these have 8 of irreps_in1, 4 of irreps_in2; write the same number before all of",
        ),
        (
            {"irreps_in1": "8x0e", "irreps_in2": "0e"},
            "these have 8 of irreps_in1, 1 of irreps_in2; write the same number before all of",
        ),
        (
            {"irreps_in1": "8x0e", "channels": 16},
            "irreps with 8 copies mean channels=8, and channels=16 is asked for; leave one",
        ),
    ],
)
def test_unequal_numbers_of_copies_are_refused_with_the_remedy(chosen, message):
    with pytest.raises(ValueError) as refused:
        spread(PRODUCT, chosen)
    assert message in str(refused.value)


def test_each_of_a_weighted_family_s_irreps_has_a_number_of_its_own():
    family = next(f for f in REGISTRY.families.values() if f.sizes and "mul1" in f.sizes.names())
    found = spread(
        family, {"irreps_in1": "64x0e+64x1o", "irreps_in2": "0e+1o", "irreps_out": "32x0e"}
    )
    assert (found["mul1"], found["mul2"], found["mul3"]) == (64, 1, 32)
    assert found["irreps_in1"] == "1x0e+1x1o"
    with pytest.raises(ValueError, match="these are unequal"):
        spread(family, {"irreps_in1": "64x0e+32x1o"})


def test_harmonics_of_edges_have_no_copies():
    points = REGISTRY.family("points")
    chosen = {"irreps_node": "128x0e+128x1o", "irreps_edge": "0e+1o+2e", "irreps_out": "128x0e"}
    asked = problem_of(points, {**chosen, "data": "lattice:8x3"})
    assert (asked.sizes["channels"], asked.sizes["irreps_edge"]) == (128, "1x0e+1x1o+1x2e")
    with pytest.raises(ValueError, match="irreps_edge=2x0e: multiplicities are not supported"):
        problem_of(points, {**chosen, "irreps_edge": "2x0e"})
