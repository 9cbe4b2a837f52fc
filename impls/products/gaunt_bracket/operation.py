r"""Gaunt product and Poisson bracket side by side, each with its own output.

    z = (coefficients of f_x f_y,  coefficients of rhat . (grad f_x x grad f_y))

[@luo2024] [@bochkarev2026]; see `gaunt` and `poisson_bracket`. First come the irreps of
`irreps_out` that the Gaunt product reaches, in their order, then those that the bracket reaches:
separate copies, so that a linear layer behind can weight them separately. Within each half all
paths into an irrep are summed with fixed coefficients. Selection rule: the triangle alone; every
path is in exactly one half, by the parity of l1+l2+l3, so that every triple of irreps is coupled.
As a family of maps it has 6L dimensions (L >= 1, one copy of each degree) of the O(L^3) of the full
product: both halves see the same linear maps of the inputs. The two operations apart, each behind
linear maps of its own, reach (4L+1) + (4L-3).

With parity the first half is a function and the second a pseudo function: both need outputs of
their own in `irreps_out`, and the operation is refused where one of the halves would be empty.
Cost: O(L^6) with all coefficients, O(L^3) on a separable grid.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.gaunt.operation import OPERATION as GAUNT
from impls.products.gaunt.operation import at_points
from impls.products.gaunt.operation import reached as reached_by_gaunt
from impls.products.poisson_bracket.operation import OPERATION as BRACKET
from impls.products.poisson_bracket.operation import reached as reached_by_bracket
from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space


def halves(problem: Problem) -> tuple[Problem, Problem]:
    """Return the problem of each half, with the outputs that it reaches."""
    items = irreps_of(problem)[2].items
    gaunt, bracket = (
        problem.with_sizes(
            irreps_out=str(Irreps(tuple(item for item, k in zip(items, kept, strict=True) if k)))
        )
        for kept in (reached_by_gaunt(problem), reached_by_bracket(problem))
    )
    return gaunt, bracket


def _supports(problem: Problem) -> Refusal | None:
    for operation, other in ((GAUNT, BRACKET), (BRACKET, GAUNT)):
        refusal = operation.supports(problem)
        if refusal:
            useful = other.supports(problem) is None
            remedy = f"use {other.name}, or {refusal.remedy}" if useful else refusal.remedy
            return Refusal(f"{operation.name}: {refusal.reason}", remedy)
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    gaunt, bracket = (irreps_of(half)[2] for half in halves(problem))
    out = Irreps(gaunt.items + bracket.items)
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    gaunt, bracket = halves(problem)
    parts = (GAUNT.oracle(gaunt, inputs, {}), BRACKET.oracle(bracket, inputs, {}))
    return {"z": np.concatenate([part["z"] for part in parts], axis=-1)}


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    gaunt, bracket = halves(problem)
    assert GAUNT.coefficients and BRACKET.coefficients
    shift = len(irreps_of(gaunt)[2])
    second = BRACKET.coefficients(bracket).items()
    return {**GAUNT.coefficients(gaunt), **{(a, b, c + shift): w for (a, b, c), w in second}}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Add the flops of both halves; inputs are moved once."""
    samples = samples_of(problem)
    gaunt, bracket = halves(problem)
    first, second, out = irreps_of(gaunt)
    numbers = first.dim + second.dim + out.dim + irreps_of(bracket)[2].dim
    flops = GAUNT.cost(gaunt)["flops"] + BRACKET.cost(bracket)["flops"]
    return {"flops": flops, "bytes": float(numbers * BYTES[problem.dtype]) * samples}


OPERATION = Operation(
    name="gaunt_bracket",
    title="Gaunt product with Poisson bracket",
    family="product",
    summary="Gaunt product and Poisson bracket, each its own output: couples every triple",
    papers=("bochkarev2026", "luo2024"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    at_points=at_points,
    users=("bochkarev2026",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
