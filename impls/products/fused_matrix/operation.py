r"""Parity-split matrix product: even and odd parts multiplied apart, each with its own output.

Each input is the sum of an even and an odd part. As in `matrix`, with j = ceil(max degree / 2),

    X_p = sum_{l in part p} sqrt(2l+1) C(j,j,l) x_l,   Y_q likewise,   Z_pq = X_p Y_q,
    z_pq,l = sqrt(2l+1) <C(j,j,l), Z_pq>,   pq = ee, eo, oe, oo

with C of unit norm: the fused product of e3x [@unke2024] with all its constants 1. With parity the
parts are those of even and of odd parity, p and q, and Z_pq has parity pq; without it they are the
degrees that would have that parity in a natural tensor, even and odd l. Each of the four products
has output copies of its own: for ee, eo, oe, oo in turn, the irreps of `irreps_out` that it
reaches, in their order. Within one product all paths into an irrep are summed, with

    w = (-1)^l3 sqrt((2l1+1)(2l2+1)(2l3+1)) {l1 l2 l3; j j j}.

Selection rule: triangle, p3 = p1 p2 and a nonzero 6j symbol (rare zeros exist, the first for
j = 3 at (3, 5, 5)). Unlike the product of one block, which mixes parities, it is equivariant under
inversion too, and it couples every triple of irreps where the 6j symbol allows. Cost: O(L^4) in the
conversions, O(L^3) in the four products; four times the matrices of `matrix`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.matrix.operation import ZERO, block_of
from impls.products.paths import weighted_sum
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import matrix_coefficient, wigner_3j
from impls.spaces import Arrays, Space

PARTS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""The four products, by the signs of the parts of x and y."""


def sign_of(ir: Irrep) -> int:
    """Return the part of an irrep: its parity, or without parity that of its degree."""
    return ir.p or (-1) ** ir.l


def paths_of(problem: Problem) -> Mapping[tuple[int, int], Mapping[Path, float]]:
    """Return for each of the four products its paths (i1, i2, i3 in irreps_out), and their w."""
    first, second, out = irreps_of(problem)
    twice_j = 2 * block_of(problem)
    found: dict[tuple[int, int], dict[Path, float]] = {part: {} for part in PARTS}
    for i1, (_, ir1) in enumerate(first):
        for i2, (_, ir2) in enumerate(second):
            for i3, (_, ir3) in enumerate(out):
                inside = abs(ir1.l - ir2.l) <= ir3.l <= ir1.l + ir2.l
                if inside and ir3.p == ir1.p * ir2.p:
                    value = matrix_coefficient(ir1.l, ir2.l, ir3.l, twice_j)
                    if abs(value) > ZERO:
                        found[sign_of(ir1), sign_of(ir2)][i1, i2, i3] = value
    return found


def segments_of(problem: Problem) -> tuple[tuple[tuple[int, int], int], ...]:
    """Return the output segments in order: (product, i3 in irreps_out)."""
    paths = paths_of(problem)
    return tuple((part, i3) for part in PARTS for i3 in sorted({path[2] for path in paths[part]}))


def coefficients(problem: Problem) -> Mapping[Path, float]:
    """Return w of every path, i3 counting output segments."""
    place = {segment: i for i, segment in enumerate(segments_of(problem))}
    return {
        (i1, i2, place[part, i3]): value
        for part, paths in paths_of(problem).items()
        for (i1, i2, i3), value in paths.items()
    }


def output_irreps(problem: Problem) -> Irreps:
    """Return the irreps of the output: one item per segment."""
    out = irreps_of(problem)[2]
    return Irreps(tuple(out.items[i3] for _, i3 in segments_of(problem)))


def _supports(problem: Problem) -> Refusal | None:
    first, second, out = irreps_of(problem)
    if segments_of(problem):
        return None
    products = [ir for _, ir1 in first for _, ir2 in second for ir in ir1 * ir2]
    if any(ir in products for _, ir in out):
        return Refusal(
            f"identically zero: every 6j symbol {{l1 l2 l3; j j j}} is 0 at j={block_of(problem)}",
            "use clebsch_gordan",
        )
    return Refusal(
        f"empty: no path of {first} x {second} ends in {out}",
        "ask for |l1-l2| <= l3 <= l1+l2 and parity p1 p2, or for so3 (degrees only)",
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = output_irreps(problem)
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Sum w C(l1,l2,l3) x y with w from 6j symbols: no matrices are formed."""
    first, second, _ = irreps_of(problem)
    z = weighted_sum(
        (first, second, output_irreps(problem)), coefficients(problem), inputs["x"], inputs["y"]
    )
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the nonzero entries of the conversions and one matrix product for each pair used."""
    samples = samples_of(problem)
    j, (first, second, _) = block_of(problem), irreps_of(problem)
    out = output_irreps(problem)
    used = len({part for part, _ in segments_of(problem)})
    nonzero = sum(
        int(np.count_nonzero(np.abs(wigner_3j(j, j, ir.l)) > ZERO))
        for irreps in (first, second, out)
        for _, ir in irreps
    )
    numbers = first.dim + second.dim + out.dim
    flops = 2.0 * (nonzero + used * (2 * j + 1) ** 3) * samples
    return {"flops": flops, "bytes": float(numbers * BYTES[problem.dtype]) * samples}


OPERATION = Operation(
    name="fused_matrix",
    title="Parity-split matrix product",
    family="product",
    summary="four matrix products of even and odd parts, each with its own output",
    papers=("unke2024",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=coefficients,
    growth=Growth({"lmax": 3, "channels": 1}),
)
