r"""Aggregation: features gathered at senders, weighted edge by edge, summed at receivers.

    z[n, c] = sum_{e: dst[e] = n} a[e, c] x[src[e], c]

with a weight for each edge and channel, the same for all components, as attention gives it
[@liao2023]. It is the convolution with the harmonic of degree 0 alone, and answers questions that
ask for no other (`irreps_edge` of degree 0, the irreps of nodes out): what convolutions add to it
is the product, and what they have of it is memory traffic. Directions do not matter, so that
rotations act on features only; all irreps are as if invariant.

Cost: two operations for each number that an edge carries, O(L^2) a channel, and as many reads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[0])}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Multiply with the weighted adjacency matrix of each channel."""
    from scipy.sparse import coo_array  # not at import: it takes a quarter of a second

    x, a, ends = inputs["x"], inputs["a"], (inputs["dst"], inputs["src"])
    z = np.empty(x.shape)
    for channel in range(x.shape[1]):
        adjacency = coo_array((a[:, channel], ends), shape=(len(x), len(x))).tocsr()
        z[:, channel] = adjacency @ x[:, channel]
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    if edge.lmax > 0:
        return Refusal(
            f"irreps_edge={edge}: an aggregation knows no direction", "ask for irreps_edge=0e, or 0"
        )
    if out != node:
        return Refusal(
            f"irreps_out={out}: an aggregation has the irreps of nodes", "leave irreps_out out"
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count a product and a sum for each number of each message."""
    dim, channels, (nodes, edges) = (
        irreps_of(problem)[0].dim,
        channels_of(problem),
        counts_of(problem),
    )
    numbers = 2 * nodes * channels * dim + edges * channels
    return {
        "flops": float(2 * edges * channels * dim),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="aggregation",
    title="Aggregation",
    family="points",
    reads=("x", "a", "src", "dst"),
    summary="features of neighbours with a weight per edge and channel, summed: gather and scatter",
    papers=("liao2023",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("a", 1)),
    users=("liao2023", "liao2024"),
    growth=Growth({"lmax": 2, "channels": 1}),
)
