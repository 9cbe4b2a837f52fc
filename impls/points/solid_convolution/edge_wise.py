"""Solid convolution as it is written: one tensor product for each edge and channel, then the sum.

The harmonics of an edge turn the couplings into one small matrix for each edge and item of x, which
serves all channels. O(L^5) for each edge and channel, and with zeros O(L^7) for its matrices.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.points.convolution.contraction import coupling_matrix
from impls.points.harmonics import Harmonics
from impls.points.solid_convolution.operation import paths_of
from impls.problem import Problem


def edge_wise(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    edge, nodes = irreps_of(problem)[1], counts_of(problem)[0]
    host, blocks, host_order = coupling_matrix(paths_of(problem), edge.dim)
    couplings, order = b.table(host), b.index(host_order)
    solid = Harmonics([ir.l for _, ir in edge], b, solid=True)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, a = inputs["src"], inputs["dst"], inputs["a"]
        v = b.gather(inputs["r"], src) - b.gather(inputs["r"], dst)
        matrices, sums = solid(v) @ couplings, []
        for block in blocks:
            matrix = matrices[:, block.columns].reshape(len(v), block.rows, block.dim)
            sent = b.gather(inputs["x"][..., block.item], src).swapaxes(1, 2)
            sums.append(b.segment_sum(matrix @ sent * a[:, None, :], dst, nodes))
        z = b.concatenate(sums, 1).swapaxes(1, 2)
        return {"z": b.take(z, order)}

    return Built(call, kernel="one product for each edge")


ALGORITHM = Algorithm(
    "solid_convolution",
    "edge_wise",
    "one product for each edge",
    edge_wise,
    baseline=True,
    growth=Growth({"lmax": 7, "channels": 1}, "few channels: kernels; else L^5"),
)
