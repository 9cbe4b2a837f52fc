r"""Matrix product with all blocks: matrices of all spherical tensors of two degrees up to J.

    X[a, b] = sum_l sqrt(2l+1) C(a,b,l) x_l,   Y likewise,   Z = X Y,
    z_l = sqrt(2l+1) sum_{a b} <C(a,b,l), Z[a, b]>,   a, b = 0..J,   J = ceil((L1 + L2) / 2)

with C of unit norm and matrices of size (J+1)^2. This is the product that [@xie2025] times under
the name of matrix tensor product; it is *not* the product of a single block, `matrix`, whose
matrices have size 2j+1 [@unke2024]. All constants are 1 here. By recoupling

    w = sqrt((2l1+1)(2l2+1)(2l3+1)) sum_{abc = 0..J} (-1)^(a+c+l3) {l1 l2 l3; c a b}

[@varshalovich1988]. All paths into one output irrep are summed, with fixed coefficients, so the
output has one copy of each irrep asked for, in the order of `irreps_out`; where no path ends, it is
exactly zero. Selection rule: triangle and a nonzero sum. It can express no more than the single
block: the dimension is 4L+1 for both.

The product mixes both parities of l1+l2+l3, so labels of parity are ignored: the map is equivariant
under rotations and not under inversion. Cost: O(L^6) in the conversions and in X Y.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product
from math import sqrt

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.gaunt.operation import nonzeros, triples_of
from impls.products.paths import weighted_sum
from impls.so3.symbols import alternating, triangle, wigner_6j
from impls.spaces import Arrays, Space

ZERO = 1e-9
"""Reduced coefficients below this are zeros, up to rounding."""


def largest_block(problem: Problem) -> int:
    """Return J = ceil((L1 + L2) / 2)."""
    first, second, _ = irreps_of(problem)
    return (first.lmax + second.lmax + 1) // 2


@cache
def multiblock_coefficient(l1: int, l2: int, l3: int, largest: int) -> float:
    """Return w of a path, summed over all blocks up to the largest."""
    total = 0.0
    for a, b, c in product(range(largest + 1), repeat=3):
        if triangle(a, b, l1) and triangle(b, c, l2) and triangle(a, c, l3):
            total += alternating(a + c + l3) * wigner_6j(l1, l2, l3, c, a, b)
    return sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1)) * total


def coefficients(problem: Problem) -> Mapping[Path, float]:
    """Return w of every path that does not vanish, whatever its labels of parity."""
    largest = largest_block(problem)
    found = {}
    for where, (ir1, ir2, ir3) in triples_of(problem):
        value = multiblock_coefficient(ir1.l, ir2.l, ir3.l, largest)
        if abs(value) > ZERO:
            found[where] = value
    return found


def reached(problem: Problem) -> tuple[int, ...]:
    """Return which output irreps a path ends in."""
    return tuple(sorted({i3 for _, _, i3 in coefficients(problem)}))


def _supports(problem: Problem) -> Refusal | None:
    first, second, out = irreps_of(problem)
    if not any(triples_of(problem)):
        return Refusal(
            f"empty: no path of {first} x {second} ends in {out}", "ask for |l1-l2| <= l3 <= l1+l2"
        )
    if coefficients(problem):
        return None
    return Refusal("identically zero: the sum over blocks vanishes", "use clebsch_gordan")


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Sum w C(l1,l2,l3) x y with w from 6j symbols: no matrices are formed."""
    z = weighted_sum(irreps_of(problem), coefficients(problem), inputs["x"], inputs["y"])
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the entries of all conversions that the orders allow, and one matrix product."""
    samples = samples_of(problem)
    blocks = range(largest_block(problem) + 1)
    nonzero = sum(
        nonzeros(a, b, ir.l)
        for irreps in irreps_of(problem)
        for _, ir in irreps
        for a in blocks
        for b in blocks
        if triangle(a, b, ir.l)
    )
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    flops = 2.0 * (nonzero + len(blocks) ** 6) * samples
    return {"flops": flops, "bytes": float(numbers * BYTES[problem.dtype]) * samples}


OPERATION = Operation(
    name="matrix_multiblock",
    title="Matrix product of all blocks",
    family="product",
    summary="product of matrices of all blocks up to J, O(L^6); not the single-block product",
    papers=("xie2025",),
    claims=exact("rotation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=coefficients,
    growth=Growth({"lmax": 6, "channels": 1}),
)
