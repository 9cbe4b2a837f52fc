"""Channelwise convolution as batched matrix products, O(L^5) per edge and channel.

The harmonics of an edge turn the couplings C into one small matrix per edge and item of x,
M[e] = sh[e] C, which serves all channels: message[e] = w[e] (M[e] x[src[e]]), z = sum of messages
by `dst` [@geiger2022]. Channels are innermost while edges are worked on, so weights multiply whole
rows; only node arrays are transposed. Live memory: the messages of one item of x at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.families.convolution import graph_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.problem import Problem, Scalar
from impls.products.channelwise.contraction import copies_as_channels, coupling_matrix
from impls.products.channelwise.merged import runs_of
from impls.products.channelwise.operation import paths_of


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import jax
    import jax.numpy as jnp

    node, edge, _ = irreps_of(problem)
    host, blocks, order = coupling_matrix(paths_of(problem), edge.dim, runs_of(node))
    nodes = graph_of(problem).nodes

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, sh, w = inputs["x"].swapaxes(1, 2), inputs["sh"], weights["w"]
        matrices, sums = sh @ jnp.asarray(host, sh.dtype), []
        for block in blocks:
            matrix = matrices[:, block.columns].reshape(len(sh), block.rows, -1)
            item = copies_as_channels(x[:, block.item], block.copies)
            own = w[:, block.path].reshape(len(sh), block.rows, -1)
            message = matrix @ item[inputs["src"]] * own
            total = jax.ops.segment_sum(message, inputs["dst"], num_segments=nodes)
            sums.append(total.reshape(nodes, -1, x.shape[2]))
        return {"z": jnp.concatenate(sums, axis=1)[:, order].swapaxes(1, 2)}

    return Built(call, kernel="batched matmul per item of x, segment_sum, XLA")


IMPLEMENTATION = Implementation(
    operation="channelwise",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("geiger2022",),
    growth=Growth({"lmax": 7, "channels": 1}),  # matrices of edges; L^5 C where channels are many
)
