r"""Clebsch–Gordan: the full tensor product, each path its own output.

For every path (l1, l2, l3) allowed by the selection rules and asked for in `irreps_out`,

    z[(l3; l1, l2)][m3] = sqrt(2 l3 + 1) sum_{m1 m2} C(l1, l2, l3)[m1, m2, m3] x[l1][m1] y[l2][m2]

with C the real Wigner 3j tensor of unit norm ("component" normalisation) [@geiger2022]. Paths are
sorted by (l3, parity, l1, l2). Selection rule: |l1 - l2| <= l3 <= l1 + l2 and, with parity,
p3 = p1 p2. Every path is free, so nothing is lost: the map is an isometry up to the outputs left
out. Cost: O(L^6) dense, O(L^5) on the nonzero coefficients, O(L^4) output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.families.product import irreps_of, irreps_space, shape_of
from impls.operation import Exactness, Operation
from impls.operation import Path as PathKey
from impls.problem import Problem, Refusal
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import clebsch_gordan
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class Path:
    """One path: the irreps it couples and where their components lie in x, y and z."""

    i1: int
    i2: int
    ir1: Irrep
    ir2: Irrep
    ir3: Irrep
    in1: slice
    in2: slice
    out: slice


def coupled_paths(first: Irreps, second: Irreps, out: Irreps) -> tuple[Path, ...]:
    """Return the allowed paths of two inputs into the asked irreps, in canonical order."""
    asked = {ir for _, ir in out}
    found = [
        (ir3, ir1, ir2, i1, i2)
        for i1, (_, ir1) in enumerate(first)
        for i2, (_, ir2) in enumerate(second)
        for ir3 in ir1 * ir2
        if ir3 in asked
    ]
    found.sort(key=lambda t: (t[0].l, t[0].p, t[1].l, t[1].p, t[2].l, t[2].p))
    slices1, slices2 = first.slices(), second.slices()
    paths, start = [], 0
    for ir3, ir1, ir2, i1, i2 in found:
        stop = start + ir3.dim
        paths.append(Path(i1, i2, ir1, ir2, ir3, slices1[i1], slices2[i2], slice(start, stop)))
        start = stop
    return tuple(paths)


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths of a product problem in canonical order."""
    return coupled_paths(*irreps_of(problem))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    irreps = Irreps(tuple((1, path.ir3) for path in paths_of(problem)))
    return {"z": irreps_space(shape_of(problem, irreps), irreps)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, y = inputs["x"], inputs["y"]
    blocks = [
        np.einsum(
            "ijk,...i,...j->...k",
            clebsch_gordan(path.ir1.l, path.ir2.l, path.ir3.l),
            x[..., path.in1],
            y[..., path.in2],
            optimize=True,
        )
        for path in paths_of(problem)
    ]
    return {"z": np.concatenate(blocks, axis=-1)}


def _supports(problem: Problem) -> Refusal | None:
    if paths_of(problem):
        return None
    first, second, out = irreps_of(problem)
    return Refusal(
        f"empty output: no path of {first} x {second} ends in {out} "
        "(odd l1+l2+l3 changes the parity)",
        "ask for other output irreps, or for so3 (degrees only)",
    )


def _coefficients(problem: Problem) -> Mapping[PathKey, float]:
    paths = paths_of(problem)
    return {(p.i1, p.i2, i3): float(np.sqrt(p.ir3.dim)) for i3, p in enumerate(paths)}


def _cost(problem: Problem) -> Mapping[str, float]:
    samples = float(problem.sizes["batch"]) * float(problem.sizes["channels"])  # type: ignore[arg-type]
    first, second, _ = irreps_of(problem)
    paths = paths_of(problem)
    nonzero = sum(
        np.count_nonzero(np.abs(clebsch_gordan(p.ir1.l, p.ir2.l, p.ir3.l)) > 1e-12) for p in paths
    )
    numbers = first.dim + second.dim + sum(p.ir3.dim for p in paths)
    width = {"float64": 8, "float32": 4, "bfloat16": 2}[problem.dtype]
    return {"flops": 3.0 * nonzero * samples, "bytes": float(numbers * width) * samples}


OPERATION = Operation(
    name="clebsch_gordan",
    family="product",
    summary="full tensor product, each path its own output",
    papers=("thomas2018", "geiger2022"),
    exactness=Exactness("exact", ("rotation", "inversion")),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
)
