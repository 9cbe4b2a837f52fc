"""Channelwise convolution as batched matrix products, O(L^5) per edge and channel.

The harmonics of an edge turn the couplings C into one small matrix per edge and item of x,
M[e] = sh[e] C, which serves all channels: message[e] = w[e] (M[e] x[src[e]]), z = sum of messages
by `dst` [@geiger2022]. Channels are innermost while edges are worked on, so weights multiply whole
rows; only node arrays are transposed. Live memory: the messages of one item of x at a time.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.convolution import graph_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.channelwise.contraction import copies_as_channels, coupling_matrix
from impls.products.channelwise.merged import runs_of
from impls.products.channelwise.operation import paths_of


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    node, edge, _ = irreps_of(problem)
    host, blocks, host_order = coupling_matrix(paths_of(problem), edge.dim, runs_of(node))
    couplings, order = b.table(host), b.index(host_order)
    path, nodes = [b.index(block.path) for block in blocks], graph_of(problem).nodes

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, sh, w = inputs["x"].swapaxes(1, 2), inputs["sh"], weights["w"]
        matrices, sums = sh @ couplings, []
        for block, rows in zip(blocks, path, strict=True):
            matrix = matrices[:, block.columns].reshape(len(sh), block.rows, -1)
            item = b.contiguous(copies_as_channels(x[:, block.item], block.copies))
            sent = b.gather(item, inputs["src"])
            message = b.bmm(matrix, sent) * b.take(w, rows, 1).reshape(len(sh), block.rows, -1)
            total = b.segment_sum(message, inputs["dst"], nodes)
            sums.append(total.reshape(nodes, -1, x.shape[2]))
        z = b.take(b.concatenate(sums, 1), order, 1)
        return {"z": b.contiguous(z.swapaxes(1, 2))}

    return Built(call, kernel="batched matrix product per item of x, sums by receiver")


ALGORITHM = Algorithm(
    "channelwise",
    "dense",
    "batched matrix products, one for each item of x",
    dense,
    papers=("geiger2022",),
    growth=Growth({"lmax": 7, "channels": 1}, "few channels: matrices of edges; else L^5 C"),
)
