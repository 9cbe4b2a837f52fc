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
    import torch

    node, edge, _ = irreps_of(problem)
    host, blocks, host_order = coupling_matrix(paths_of(problem), edge.dim, runs_of(node))
    device, nodes = torch.device(target.device), graph_of(problem).nodes
    couplings = torch.as_tensor(host, dtype=getattr(torch, problem.dtype), device=device)
    order = torch.as_tensor(host_order, device=device)
    path = [torch.as_tensor(block.path, device=device) for block in blocks]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, sh, w = inputs["x"].transpose(1, 2), inputs["sh"], weights["w"]
        matrices, sums = sh @ couplings, []
        for block, rows in zip(blocks, path, strict=True):
            matrix = matrices[:, block.columns].reshape(len(sh), block.rows, -1)
            item = copies_as_channels(x[:, block.item], block.copies).contiguous()
            sent = item.index_select(0, inputs["src"])
            message = torch.bmm(matrix, sent) * w.index_select(1, rows).view(
                len(sh), block.rows, -1
            )
            zeros = message.new_zeros(nodes, *message.shape[1:])
            total = zeros.index_add(0, inputs["dst"], message)
            sums.append(total.view(nodes, -1, x.shape[2]))
        z = torch.cat(sums, dim=1).index_select(1, order)
        return {"z": z.transpose(1, 2).contiguous()}

    return Built(call, kernel="bmm per item of x, index_add")


IMPLEMENTATION = Implementation(
    operation="channelwise",
    name="torch_dense",
    framework="torch",
    build=_build,
    papers=("geiger2022",),
    growth=Growth({"lmax": 7, "channels": 1}),  # matrices of edges; L^5 C where channels are many
)
