"""The order of blocks is random but for sizes, and a failure answers for what is larger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.ask.narrowing import narrowed
from bench.ask.plan import cases, plan
from bench.ask.reading import load
from bench.drive.schedule import larger, shuffled, sizes
from impls.families.product import problem
from impls.implementation import Target

NAME = "clebsch_gordan.numpy_dense"


@pytest.fixture(scope="module")
def blocks(registry):
    return plan(load("paper"), Target(), registry, "*::clebsch_gordan.torch_dense/*").blocks()


def names(blocks):
    return [planned.key for block in blocks for planned in block]


def test_every_block_has_its_turn_in_another_order_each_round(blocks, registry):
    first, second = (shuffled(blocks, registry, seed) for seed in "01")
    assert sorted(names(first)) == sorted(names(second)) == sorted(names(blocks))
    assert names(first) != names(blocks) and names(first) != names(second)
    assert names(first) == names(shuffled(blocks, registry, "0"))


def test_problems_that_differ_in_size_only_come_from_small_to_large(blocks, registry):
    seen = {}
    for block in shuffled(blocks, registry, "0"):
        case = block[0].case
        kind, numbers = sizes(case, registry)
        for earlier, theirs in seen.setdefault(kind, []):
            assert not all(numbers[name] <= theirs[name] for name in theirs), (case, earlier)
        seen[kind].append((case, numbers))
    assert max(len(chain) for chain in seen.values()) > 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"lmax": 3}, True),
        ({"lmax": 1}, False),
        ({"batch": 2000}, True),
        ({"batch": 10}, False),
        ({"lmax": 3, "batch": 10}, False),
        ({"symmetry": "so3"}, False),
        ({"dtype": "float64"}, True),
        ({"channels": 2}, True),
    ],
)
def test_larger_means_in_every_respect(hand, registry, change, expected):
    def case(lmax=2, symmetry="o3", **sizes):
        asked = problem("mimo", lmax, symmetry, **{"batch": 1000, "dtype": "float32", **sizes})
        return hand.case(registry, NAME, asked)

    assert larger(case(**change), case(), registry) is expected


def test_passes_grow_and_modes_and_targets_are_apart(hand, registry):
    asked = hand.problem()
    fwd = hand.case(registry, "clebsch_gordan.torch_dense", asked)
    assert larger(replace(fwd, pass_="grad2"), fwd, registry)
    assert not larger(fwd, replace(fwd, pass_="grad"), registry)
    assert not larger(replace(fwd, mode="compile"), fwd, registry)
    assert not larger(replace(fwd, target=Target("cuda")), fwd, registry)
    assert not larger(hand.case(registry, NAME, asked), fwd, registry)


def test_modes_are_asked_of_the_frameworks_that_have_them(registry):
    quick = narrowed(load("quick"), registry, implementations=["clebsch_gordan.*_dense"])
    found = [c for c, _ in cases(quick, Target(), registry, ["eager", "compile"])]
    modes = {(registry.implementation(c.implementation).framework, c.mode) for c in found}
    assert modes == {
        ("torch", "eager"),
        ("torch", "compile"),
        ("jax", "jit"),
        ("numpy", "eager"),
    }
    alone = [c for c, _ in cases(quick, Target(), registry, ["compile"])]
    assert {c.mode for c in alone} == {"compile", "jit", "eager"}
    assert {
        c.mode for c in alone if registry.implementation(c.implementation).framework == "torch"
    } == {"compile"}


def test_options_vary_one_at_a_time(registry):
    quick = load("quick")
    meant = plan(quick, Target(), registry, "*clebsch_gordan.torch_dense*", vary=True)
    options = registry.implementation("clebsch_gordan.torch_dense").options
    expected = [{}] + [{name: v} for name, values in options.items() for v in values[1:]]
    assert len(expected) > 1
    for block in meant.blocks():
        assert [dict(planned.case.options) for planned in block] == expected
    plain = plan(quick, Target(), registry, "*clebsch_gordan.torch_dense*")
    assert all(not planned.case.options for planned in plain.planned)


def test_unknown_passes_and_modes_are_named(registry):
    with pytest.raises(ValueError, match="unknown pass 'backward': known are fwd, grad, grad2"):
        narrowed(load("quick"), registry, passes=["backward"])
    with pytest.raises(ValueError, match="unknown mode 'fast': known are eager, compile"):
        plan(load("quick"), Target(), registry, modes=["fast"])
