"""Clebsch-Gordan convolutions as batched matrix products, O(L^5) per edge and channel.

The harmonics of an edge turn the couplings C into one small matrix per edge and item of x,
M[e] = Y[e] C, which serves all channels: message[e] = M[e] x[src[e]], times w[e] in `channelwise`,
and the messages are summed by `dst` [@geiger2022]. In `mixing_convolution` the weights are the same
for all edges, so that channels are mixed once the messages are summed: one matrix product for each
output irrep, over nodes, paths and channels. Channels are innermost while edges are worked on; only
node arrays are transposed. Live memory: the messages of one item of x at a time.
"""

from __future__ import annotations

from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.convolution.contraction import copies_as_channels, coupling_matrix
from impls.points.convolution.merged import runs_of
from impls.points.convolution.mixing import Mixed
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import EdgeHarmonics, supports
from impls.problem import Problem


class Messages:
    """The messages of all paths, summed by receiver."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make the coupling matrices."""
        node, edge, _ = irreps_of(problem)
        host, blocks, order = coupling_matrix(paths_of(problem), edge.dim, runs_of(node))
        self.b, self.blocks, self.harmonics = b, blocks, EdgeHarmonics(problem, b)
        self.couplings, self.order = b.table(host), b.index(order)
        self.path = [b.index(block.path) for block in blocks]

    def __call__(self, inputs: Tensors, w: Any = None) -> Any:
        """Return the sums [nodes, dim of all paths, channels]; w [edges, paths, channels]."""
        b, sums = self.b, []
        x, matrices = inputs["x"].swapaxes(1, 2), self.harmonics(inputs) @ self.couplings
        nodes, edges = x.shape[0], matrices.shape[0]
        for block, rows in zip(self.blocks, self.path, strict=True):
            matrix = matrices[:, block.columns].reshape(edges, block.rows, block.dim)
            item = b.contiguous(copies_as_channels(x[:, block.item], block.copies))
            message = b.bmm(matrix, b.gather(item, inputs["src"]))
            if w is not None:
                message = message * b.take(w, rows, 1).reshape(message.shape)
            total = b.segment_sum(message, inputs["dst"], nodes)
            sums.append(total.reshape(nodes, -1, x.shape[2]))
        return b.take(b.concatenate(sums, 1), self.order, 1)


def channelwise(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for weights of each edge."""
    messages = Messages(problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": b.contiguous(messages(inputs, weights["w"]).swapaxes(1, 2))}

    return Built(call, kernel="batched matrix product per item of x, sums by receiver")


def mixing(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for weights that all edges share."""
    messages, mixed = Messages(problem, b), Mixed(problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": mixed(messages(inputs), weights["w"])}

    return Built(call, kernel="batched matrix product per item of x, channels mixed at nodes")


ALGORITHMS = (
    Algorithm(
        "channelwise",
        "dense",
        "batched matrix products, one for each item of x",
        channelwise,
        supports=supports,
        papers=("geiger2022",),
        growth=Growth({"lmax": 7, "channels": 1}, "few channels: matrices of edges; else L^5 C"),
    ),
    Algorithm(
        "mixing_convolution",
        "dense",
        "batched matrix products, channels mixed at nodes",
        mixing,
        supports=supports,
        papers=("geiger2022",),
        growth=Growth(
            {"lmax": 7, "channels": 2}, "few channels: matrices of edges; else L^5 C and L^4 C^2"
        ),
    ),
)
