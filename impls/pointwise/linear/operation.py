r"""Linear map: the channels of each irrep are mixed, and nothing else is.

    z_w[l, m] = sum_u W[l, u, w] x_u[l, m]

for each irrep l of `irreps_out` that is in the input, in that order, with weights
w [irreps, channels, channels_out] that do not depend on m [@geiger2022]. By Schur's lemma this is
every linear map that commutes with the group: no irrep feeds another. No sum is normalised: a
factor 1/sqrt(channels) belongs to how weights are drawn. There is no bias.

Cost: O(L^2 C^2) for each sample, 2 C of these for each number that is moved: of all parts of a
layer the one that is nearest to a matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.families.feature import channels_of, irreps_of, no_map, output_space, shape_of
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irrep, Irreps
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class Block:
    """An irrep that is in both, and where it lies in x."""

    ir: Irrep
    part: slice


def blocks_of(problem: Problem) -> tuple[Block, ...]:
    """Return the blocks, in the order of the output."""
    inside, out = irreps_of(problem)
    parts = {ir: part for (_, ir), part in zip(inside, inside.slices(), strict=True)}
    return tuple(Block(ir, parts[ir]) for _, ir in out if ir in parts)


def reached(problem: Problem) -> Irreps:
    """Return the irreps of the output."""
    return Irreps(tuple((1, block.ir) for block in blocks_of(problem)))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem, reached(problem))}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"w": Space((len(blocks_of(problem)), *channels_of(problem)))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Sum over the channels of the input, one at a time."""
    x, out = inputs["x"], reached(problem)
    z = np.zeros((len(x), channels_of(problem)[1], out.dim))
    for block, part, w in zip(blocks_of(problem), out.slices(), weights["w"], strict=True):
        for u, row in enumerate(w):
            z[..., part] += row[:, None] * x[:, None, u, block.part]
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_map(problem)
    if refusal:
        return refusal
    inside, out = irreps_of(problem)
    for irreps in (inside, out):
        if len({ir for _, ir in irreps}) < len(irreps):
            return Refusal(f"{irreps}: an irrep is repeated", "use channels")
    if blocks_of(problem):
        return None
    return Refusal(
        f"empty output: {inside} and {out} have no irrep in common", "ask for one of the input"
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count a product and a sum for each weight, component and sample."""
    batch, (mul, many) = shape_of(problem)[0], channels_of(problem)
    out = reached(problem)
    read = sum(block.ir.dim for block in blocks_of(problem))
    numbers = batch * (mul * read + many * out.dim) + len(out) * mul * many
    return {
        "flops": float(2 * batch * mul * many * out.dim),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="linear",
    title="Linear map",
    family="feature",
    summary="channels mixed irrep by irrep: every linear map that is equivariant",
    papers=("geiger2022",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("x", 1), ("w", 1)),
    users=("batzner2022", "batatia2022", "liao2023"),
    growth=Growth({"lmax": 2, "channels": 2}),
)
