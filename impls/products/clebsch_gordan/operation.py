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

import numpy as np

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.operation import Path as PathKey
from impls.problem import Problem, Refusal
from impls.products.costs import of_coefficients
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.spaces import Arrays, Space

__all__ = ["OPERATION", "Path", "paths_of"]


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths of a product problem in canonical order."""
    return coupled_paths(*irreps_of(problem))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    irreps = output_irreps(paths_of(problem))
    return {"z": irreps_space(shape_of(problem, irreps), irreps)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, y = inputs["x"], inputs["y"]
    blocks = [
        np.einsum(
            "ijk,...i,...j->...k",
            path.tensor,
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
    first, second, _ = irreps_of(problem)
    paths = paths_of(problem)
    nonzero = sum(int(np.count_nonzero(path.nonzero)) for path in paths)
    numbers = first.dim + second.dim + sum(p.ir3.dim for p in paths)
    return of_coefficients(problem, samples_of(problem), nonzero, numbers)


OPERATION = Operation(
    name="clebsch_gordan",
    title="Clebsch–Gordan product",
    family="product",
    summary="full tensor product, each path its own output",
    papers=("thomas2018", "geiger2022"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    users=("thomas2018", "brandstetter2022", "corso2023", "yu2023", "musaelian2023"),
    growth=Growth({"lmax": 5, "channels": 1}),
)
