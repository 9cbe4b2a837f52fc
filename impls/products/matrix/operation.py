r"""Matrix product: embed features into one block of matrices, multiply, and project back.

With j = ceil(max(L1, L2, L3) / 2) and matrices of size 2j+1,

    X = sum_l sqrt(2l+1) C(j,j,l) x_l,   Y likewise,   Z = X Y,   z_l = sqrt(2l+1) <C(j,j,l), Z>

with C of unit norm; all constants are 1 (a single block of [@unke2024]). By recoupling

    z[l3] = sum_{l1 l2} w(l1,l2,l3) C(l1,l2,l3) x[l1] y[l2],
    w = (-1)^l3 sqrt((2l1+1)(2l2+1)(2l3+1)) {l1 l2 l3; j j j}

[@varshalovich1988]. All paths into one output irrep are summed, with fixed coefficients, so the
output has one copy of each irrep asked for, in the order of `irreps_out`; where no path ends, it is
exactly zero. Selection rule: triangle and a nonzero 6j symbol (rare zeros exist, the first for
j = 3 at (3, 5, 5)). Paths of odd l1+l2+l3 belong to the commutator and are suppressed by 1/(2j).

The product mixes both parities of l1+l2+l3, so labels of parity are ignored: the map is equivariant
under rotations and not under inversion. Cost: O(L^4) in the conversions, O(L^3) for X Y.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import weighted_sum
from impls.so3.wigner import matrix_coefficient, wigner_3j
from impls.spaces import Arrays, Space

ZERO = 1e-12
"""Reduced coefficients below this are zeros of the 6j symbol, up to rounding."""


def block_of(problem: Problem) -> int:
    """Return j, the smallest integer with 2j >= every degree."""
    return (max(irreps.lmax for irreps in irreps_of(problem)) + 1) // 2


def coefficients(problem: Problem) -> Mapping[Path, float]:
    """Return w of every path that does not vanish, whatever its labels of parity."""
    first, second, out = irreps_of(problem)
    twice_j = 2 * block_of(problem)
    found = {}
    for i1, (_, ir1) in enumerate(first):
        for i2, (_, ir2) in enumerate(second):
            for i3, (_, ir3) in enumerate(out):
                if abs(ir1.l - ir2.l) <= ir3.l <= ir1.l + ir2.l:
                    value = matrix_coefficient(ir1.l, ir2.l, ir3.l, twice_j)
                    if abs(value) > ZERO:
                        found[i1, i2, i3] = value
    return found


def _supports(problem: Problem) -> Refusal | None:
    first, second, out = irreps_of(problem)
    if coefficients(problem):
        return None
    degrees1, degrees2, degrees3 = ([ir.l for _, ir in irreps] for irreps in (first, second, out))
    if any(abs(a - b) <= c <= a + b for a in degrees1 for b in degrees2 for c in degrees3):
        return Refusal(
            f"identically zero: every 6j symbol {{l1 l2 l3; j j j}} is 0 at j={block_of(problem)}",
            "use clebsch_gordan",
        )
    return Refusal(
        f"empty: no path of {first} x {second} ends in {out}", "ask for |l1-l2| <= l3 <= l1+l2"
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Sum w C(l1,l2,l3) x y with w from 6j symbols: no matrices are formed."""
    z = weighted_sum(irreps_of(problem), coefficients(problem), inputs["x"], inputs["y"])
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the nonzero entries of the three conversions and one matrix product."""
    samples = samples_of(problem)
    j = block_of(problem)
    nonzero = sum(
        int(np.count_nonzero(np.abs(wigner_3j(j, j, ir.l)) > ZERO))
        for irreps in irreps_of(problem)
        for _, ir in irreps
    )
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    width = BYTES[problem.dtype]
    flops = 2.0 * (nonzero + (2 * j + 1) ** 3) * samples
    return {"flops": flops, "bytes": float(numbers * width) * samples}


OPERATION = Operation(
    name="matrix",
    title="Matrix product",
    family="product",
    summary="product of matrices of one block; all paths into an irrep are summed",
    papers=("unke2024", "xie2025"),
    claims=exact("rotation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=coefficients,
    growth=Growth({"lmax": 3, "channels": 1}),
)
