r"""Tensor square: the product of a feature with itself, each pair of channels once [@geiger2022].

    z_w[l3] = sum_(l1 <= l2) sum_(u, v) W[(l1, l2, l3), (u, v), w] CG(x_u[l1], x_v[l2])

with the "component" normalised Clebsch-Gordan product CG into l3. For two different irreps all
pairs (u, v) count. For one irrep with itself CG(x_u, x_v) = (-1)^l3 CG(x_v, x_u), so that the pairs
are u <= v where l3 is even and u < v where it is odd: mul (mul + 1) / 2 and mul (mul - 1) / 2 of
them. This is Sym^2(C^mul (x) V_l) = Sym^2 C^mul (x) Sym^2 V_l + Alt^2 C^mul (x) Alt^2 V_l, whose
second factors are the even and the odd l3 <= 2 l: the weights are exactly as many as the dimension
of Hom(Sym^2(mul x irreps), mul3 x irreps_out), and none can be spared. One channel alone has no
product with itself of odd l3: no cross product of a vector with itself.

Weights are [rows, mul3]: path after path, sorted by (l3, parity, l1, l2), the pairs in
lexicographic order. Paths are summed: the output has mul3 channels for each irrep of `irreps_out`
that a path reaches, in that order. No path is normalised. Selection rule: as Clebsch-Gordan, and
u < v for odd l3 of equal irreps. The map is quadratic in x, and is not its most general product
with another feature: x y - y x is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product

import numpy as np

from impls.families.feature import (
    channels_of,
    irreps_of,
    nu_of,
    output_space,
    per_sample,
    shape_of,
    weight_space,
)
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import Path, coupled_paths
from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Square:
    """A path of the square, the number of channels, and which rows of the weights are its own."""

    path: Path
    channels: int
    rows: slice

    @property
    def count(self) -> int:
        """Return the number of pairs."""
        return int(self.rows.stop - self.rows.start)

    @property
    def pairs(self) -> Pairs:
        """Return the pairs (u, v) of channels, in the order of the rows."""
        channels = range(self.channels)
        if self.path.i1 < self.path.i2:
            return tuple(product(channels, channels))
        if self.path.ir3.l % 2 == 0:
            return tuple(combinations_with_replacement(channels, 2))
        return tuple(combinations(channels, 2))


def squares_of(problem: Problem) -> tuple[Square, ...]:
    """Return the paths that have a pair of channels, in canonical order."""
    inside, out = irreps_of(problem)
    mul, start, found = channels_of(problem)[0], 0, []
    for path in coupled_paths(inside, inside, out):
        if path.i1 > path.i2:
            continue
        count = mul * mul if path.i1 < path.i2 else mul * (mul + (-1) ** path.ir3.l) // 2
        if count:
            found.append(Square(path, mul, slice(start, start + count)))
            start += count
    return tuple(found)


def reached(problem: Problem) -> Irreps:
    """Return the irreps asked for in which a path ends, in the order of `irreps_out`."""
    ends = {square.path.ir3 for square in squares_of(problem)}
    return Irreps(tuple((1, ir) for _, ir in irreps_of(problem)[1] if ir in ends))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem, reached(problem))}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"w": weight_space(problem, squares_of(problem)[-1].rows.stop, channels_of(problem)[1])}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Couple all pairs of channels with a matrix of weights that is zero where none stands."""
    x, w, out = inputs["x"], weights["w"], reached(problem)
    mul, mul3 = channels_of(problem)
    ends = {ir: part for (_, ir), part in zip(out, out.slices(), strict=True)}
    z = np.zeros((len(x), mul3, out.dim))
    sample = "b" if per_sample(problem) else ""
    for square in squares_of(problem):
        path, (left, right) = square.path, np.array(square.pairs).T
        full = np.zeros((*w.shape[:-2], mul, mul, mul3))
        full[..., left, right, :] = w[..., square.rows, :]
        z[..., ends[path.ir3]] += np.einsum(
            f"ijk,bui,bvj,{sample}uvw->bwk",
            path.tensor,
            x[..., path.in1],
            x[..., path.in2],
            full,
            optimize=True,
        )
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    if nu_of(problem) != 2:
        return Refusal(f"nu={nu_of(problem)} is no square", "ask for nu=2")
    for irreps in irreps_of(problem):
        if len({ir for _, ir in irreps}) < len(irreps):
            return Refusal(f"{irreps}: an irrep is repeated", "use channels")
    if squares_of(problem):
        return None
    inside, out = irreps_of(problem)
    return Refusal(
        f"empty output: no square of {channels_of(problem)[0]} x ({inside}) ends in {out} "
        "(one channel has no odd l3 with itself)",
        "ask for other output irreps, or for more channels",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count three operations for each nonzero coefficient and pair of channels, then weights.

    A weight costs two for each component of its path.
    """
    batch, (mul, mul3) = shape_of(problem)[0], channels_of(problem)
    squares = squares_of(problem)
    coupled = sum(3 * int(np.count_nonzero(s.path.nonzero)) * s.count for s in squares)
    mixed = sum(2 * mul3 * s.path.ir3.dim * s.count for s in squares)
    stored = squares[-1].rows.stop * mul3 * (batch if per_sample(problem) else 1)
    numbers = batch * (mul * irreps_of(problem)[0].dim + mul3 * reached(problem).dim) + stored
    return {
        "flops": float(batch * (coupled + mixed)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="tensor_square",
    title="Tensor square",
    family="feature",
    summary="weighted symmetric square: every pair of channels once, paths summed",
    papers=("geiger2022",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("x", 2), ("w", 1)),
    growth=Growth({"lmax": 5, "channels": 3}),
)
