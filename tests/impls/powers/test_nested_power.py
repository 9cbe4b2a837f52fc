"""Nested power: against closed forms, and what a cut of the intermediates takes away."""

import math

import numpy as np
import pytest

from analysis import powers
from impls.families.feature import FAMILY, ask, irreps_of
from impls.families.feature import power as problem
from impls.powers.gaunt_power.operation import OPERATION as GAUNT
from impls.powers.nested_power.operation import CUT, OPERATION, chains_of, counts_of
from impls.so3.wigner import gaunt_coefficient
from impls.streams import Streams

SIZE = {"channels": 2, "batch": 3, "dtype": "float64"}
MACE = problem(3, 3, 1, "o3", channels=1, batch=40, dtype="float64")
"""Degrees 0..3 of natural parity into scalars and vectors."""


def custom(inside, out, nu):
    return ask(irreps_in=inside, irreps_out=out, nu=nu, **SIZE)


@pytest.mark.parametrize(
    "asked",
    [
        custom("1e+0o+1o", "1o+0e", 3),
        custom("2+0+2+1", "1+3+1", 3),  # an irrep of the input, and one of the output, twice
        custom("1o+2e", "0e", 2),
        problem(4, 1, 1, **SIZE),
    ],
    ids=str,
)
def test_of_any_irreps_and_at_each_cut(asked, agrees):
    for cut in CUT.values(asked):
        agrees(OPERATION, asked.at(cut=cut))


@pytest.mark.parametrize("nu", [2, 3, 4])
def test_without_a_cut_it_holds_the_gaunt_power(nu, distance):
    """Each coupling weighted by its Gaunt coefficient, over sqrt(2l+1) of what is normalised."""
    asked = problem(nu, 2, 2, "so3", **SIZE)
    asked = asked.at(cut=CUT.values(asked)[-1])
    inside = irreps_of(asked)[0]
    x = FAMILY.draw(asked.question, Streams(0))
    weights = []
    for chain in (chain for chains in chains_of(asked) for chain in chains):
        degree, weight = inside.items[chain.items[0]][1].l, 1.0
        for item, ir in zip(chain.items[1:], chain.irreps, strict=True):
            weight *= gaunt_coefficient(degree, inside.items[item][1].l, ir.l)
            weight /= math.sqrt(2 * ir.l + 1)
            degree = ir.l
        weights.append([weight] * 2)
    found = OPERATION.oracle(asked, x, {"w": np.array(weights)})["z"]
    assert distance(found, GAUNT.oracle(asked.question, x, {})["z"]) < 1e-12


def test_chains_without_a_cut_are_the_nested_couplings_that_characters_count():
    whole = MACE.at(cut=CUT.values(MACE)[-1])
    inside, out = irreps_of(MACE)
    counts = [powers.count(inside, ir, 3).nested for _, ir in out]
    assert [len(chains) for chains in chains_of(whole)] == counts == [23, 51]
    assert list(counts_of(MACE, CUT.of(whole))) == counts


@pytest.mark.parametrize(
    ("cut", "chains", "independent"),
    [(0, 8, 8), (1, 29, 14), (2, 54, 20), (3, 70, 20), (4, 74, 20)],
)
def test_what_a_cut_takes_away(cut, chains, independent):
    """The rank of the outputs of each weight alone; 20 is the number of all polynomials."""
    asked = MACE.at(cut=cut)
    inside, out = irreps_of(MACE)
    assert sum(powers.count(inside, ir, 3).minimal for _, ir in out) == 20
    x = FAMILY.draw(MACE, Streams(0))
    assert sum(len(found) for found in chains_of(asked)) == chains
    units = np.eye(chains)[..., None]
    maps = np.stack([OPERATION.oracle(asked, x, {"w": unit})["z"].ravel() for unit in units])
    values = np.linalg.svd(maps, compute_uv=False)
    assert int(np.count_nonzero(values > 1e-10 * values[0])) == independent


def test_two_factors_have_no_intermediate():
    asked = problem(2, 2, 2, **SIZE)
    assert CUT.values(asked) == (0,) and CUT.of(asked) == 0
    assert [len(chains) for chains in chains_of(asked)] == [3, 4, 4]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem(3, 1, 1, **SIZE).at(cut=-1), "knob cut=-1 is not a degree"),
        (problem(3, 1, 1, **SIZE).at(cut=True), "knob cut=True is not a degree"),
        (problem(5, 1, 1, **SIZE), "nu=5: chains are counted up to nu=4"),
        (problem(4, 4, 1, "so3", **SIZE), "3406 chains of 4 factors, over 1000"),
        (problem(4, 20, 20, "so3", **SIZE), "291863043 chains"),  # counted, and not one by one
        (custom("1o+2e", "0e+0o", 2), "identically zero: no chain of 2 factors of 1x1o+1x2e"),
        (
            problem(3, 1, 3, **SIZE),
            "identically zero: no chain of 3 factors of 1x0e+1x1o with cut=1",
        ),
        (ask(irreps_in="0e+1o", nu=1), "nu=1 asks for a function"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason) and refusal.remedy
