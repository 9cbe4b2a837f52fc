r"""Edge-wise block of eSEN [@fu2025]: two SO(2) maps in the frame of each edge and a gate between.

    x'[i]  = (R_im(|v|) + c_im) D x_i   i over the items of x[src], then of x[dst]
    s      = h1 x'                      an SO(2) map to the irreps of nodes, with their gates
    y[i]   = silu(s[i])                 for scalars, in the frame,
             sigmoid(g[i]) s[i, m]      for all other irreps i, one gate for all orders m
    z[n]   = sum over (e with dst[e] = n) of f(|v| / r_c) D^T h2 y

with the frames, maps and radial functions of `impls.layers.edge_maps`, the gates of
`impls.layers.gating` and f the envelope of order 5. It is the convolution of EquiformerV2 with what
is not smooth taken out: the gate in place of an activation on a grid, which is equivariant only by
resolution, and the envelope in place of attention, whose softmax sees an edge come into sight as a
jump [@fu2025].

As published but for constants, which belong to how weights are drawn; hidden features have as many
channels as those of nodes, linear maps no offset; radial functions are of Bessel functions without
the chemical elements of both ends. Norm, residual and feed-forward layer are operations of their
own (`layer_norm`, `grid_mlp`).

**Symmetry.** Rotations, for any m_max. h and k do not know of parity, so that inversion is not kept
(see `escn`). An edge comes into sight at the cutoff with two derivatives zero. As it is not linear,
it holds harmonics of the edge of every degree, and answers questions that ask for all of them that
a linear map has (setting full). Cost: O(L^3 C) in the rotations and O(L^3 C^2) in the maps of each
edge, and O(L^2 C) times the neurons of R.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers import edge_maps, gating
from impls.layers.edge_maps import functions_of
from impls.layers.gating import Gated
from impls.layers.radial import envelope, lengths_of
from impls.operation import Operation, exact
from impls.points.circle import feature_of, numbers_of
from impls.points.escn.operation import M_MAX
from impls.problem import BYTES, Problem
from impls.spaces import Arrays, Space

ORDER = 5
"""Of the envelopes, as published."""


def gated_of(problem: Problem) -> Gated:
    """Return the gates of the hidden features."""
    return Gated(irreps_of(problem)[0])


def gates_of(problem: Problem) -> int:
    """Return how many gates a channel has."""
    return len(gated_of(problem).items)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return edge_maps.weights_of(problem, gates_of(problem), ORDER, edge_maps.near_of(problem))


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    gated = gated_of(problem)
    turns = edge_maps.any_turns(inputs["v"])
    numbers = edge_maps.hidden(problem, gates_of(problem), ORDER, inputs, weights, turns)
    y = gating.oracle(gated, feature_of(functions_of(gated.every), numbers))
    opened = numbers_of(functions_of(gated.irreps), y)
    sent = edge_maps.mapped(edge_maps.second_of(problem), opened, weights["h2"])
    within = envelope(lengths_of(inputs) / cutoff_of(problem), ORDER)[:, None]
    return {"z": edge_maps.summed(problem, sent, within, inputs, turns)}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the maps, ten for each gate and activation, and the envelope."""
    (edges, channels), gated = (counts_of(problem)[1], channels_of(problem)), gated_of(problem)
    rows = sum(2 * min(ir.l, edge_maps.top_of(problem)) + 1 for _, ir in gated.irreps)
    sent = irreps_of(problem)[2].dim
    each = edge_maps.flops_of(problem, gates_of(problem), ORDER)
    each += channels * (gated.flops(rows) + sent) + 20
    numbers = edge_maps.numbers_moved(problem, gates_of(problem), ORDER)
    return {
        "flops": edges * each,
        "bytes": numbers * BYTES[problem.dtype] + 2.0 * edges * 8,
    }


OPERATION = Operation(
    name="esen_layer",
    title="eSEN edge-wise block",
    family="points",
    summary="two SO(2) maps in the frame of each edge with a gate between, within an envelope",
    papers=("fu2025", "passaro2023"),
    claims=exact("rotation", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    knobs=(M_MAX,),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=edge_maps.no_maps,
    weights=_weights,
    users=("fu2025", "wood2025"),
    growth=Growth({"lmax": 3, "channels": 2}),
)
