"""Solid convolution as it is written: one tensor product for each edge and channel, then the sum.

The harmonics of an edge turn the couplings into one small matrix for each edge and item of x, which
serves all channels. O(L^5) for each edge and channel.
"""

from __future__ import annotations

import numpy as np

from impls.families.positions import counts_of, irreps_of
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.backend import Backend
from impls.products.channelwise.contraction import coupling_matrix
from impls.products.solid_convolution.exchange import Exchange
from impls.products.solid_convolution.harmonics import Solid
from impls.products.solid_convolution.operation import paths_of


def edge_wise(problem: Problem, backend: Backend, exchange: Exchange) -> Built:
    """Build the algorithm in a framework."""
    edge, nodes = irreps_of(problem)[1], counts_of(problem)[1]
    host, blocks, host_order = coupling_matrix(paths_of(problem), edge.dim)
    couplings, order, solid = (
        backend.table(host),
        backend.index(host_order),
        Solid(edge.lmax, backend),
    )
    part = backend.index(np.concatenate([np.arange(ir.l**2, (ir.l + 1) ** 2) for _, ir in edge]))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, a = inputs["src"], inputs["dst"], inputs["a"]
        v = exchange.gather(inputs["r"], src) - exchange.gather(inputs["r"], dst)
        matrices, sums = backend.take(solid(v), part) @ couplings, []
        for block in blocks:
            matrix = matrices[:, block.columns].reshape(matrices.shape[0], block.rows, -1)
            sent = exchange.gather(inputs["x"][..., block.item], src).swapaxes(1, 2)
            sums.append(exchange.add(matrix @ sent * a[:, None, :], dst, nodes))
        z = backend.concatenate(sums, 1).swapaxes(1, 2)
        return {"z": backend.take(z, order)}

    return Built(call, kernel="one product for each edge")
