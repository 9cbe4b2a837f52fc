"""The attention as it is written, its products by matrices of edges or by the kernel of graphs.

In the dense form the harmonics of an edge turn the couplings into one small matrix for each item.
The kernel takes edges for nodes, each of which sends to itself. Features of edges are stored,
channels innermost, and all heads are one softmax [@liao2023].
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.kernels import support
from impls.layers.attention import heads_to_channels, leaky, softmax_by_receiver
from impls.layers.equiformer.operation import (
    first_of,
    gated_of,
    heads_of,
    mixings_of,
    radial_of,
)
from impls.layers.features import innermost
from impls.layers.gating import Gate
from impls.layers.mixing import Mixed
from impls.layers.radial import RadialNetwork, lengths
from impls.points.convolution.contraction import coupling_matrix
from impls.points.convolution.kernel import form_of
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import EdgeHarmonics, supports
from impls.problem import Problem

Product = Callable[[Any, Any], Any]
"""All paths [edges, dim, channels] of x [edges, dim, channels] and harmonics [edges, dim]."""


def dense_product(problem: Problem, b: Backend) -> Product:
    """Return the product by one matrix an edge and item."""
    host, blocks, order = coupling_matrix(paths_of(problem), irreps_of(problem)[1].dim)
    couplings, index = b.table(host), b.index(order)

    def product(x: Any, sh: Any) -> Any:
        matrices, found = sh @ couplings, []
        for block in blocks:
            shape = x.shape[0], block.rows, block.dim
            found.append(matrices[:, block.columns].reshape(shape) @ x[:, block.item])
        return b.take(b.concatenate(found, 1), index, 1)

    return product


def fused_product(problem: Problem, b: Backend) -> Product:
    """Return the product by the kernel of graphs."""
    convolution = b.convolution(form_of(problem, weighted=False))
    own = b.index(np.arange(counts_of(problem)[1]))

    def product(x: Any, sh: Any) -> Any:
        return convolution(x.swapaxes(1, 2), sh, own, own).swapaxes(1, 2)

    return product


def layer(
    multiplying: Callable[[Problem, Backend], Product],
    kernel: str,
    runs: tuple[str, ...],
    problem: Problem,
    b: Backend,
    options: Options,
) -> Built:
    """Build the algorithm with one way to multiply."""
    channels, heads, nodes = channels_of(problem), heads_of(problem), counts_of(problem)[0]
    mixed = {name: Mixed(mixing, b) for name, mixing in mixings_of(problem).items()}
    first, second = (multiplying(asked, b) for asked in (first_of(problem), problem))
    radial, harmonics = RadialNetwork(radial_of(problem), problem, b), EdgeHarmonics(problem, b)
    gated = gated_of(problem)
    gate = Gate(gated.irreps, gated.items, gated.irreps.slices(), b.sigmoid, b)
    silu, shape = b.activation("silu"), (-1, len(paths_of(first_of(problem))), channels)
    of_first, of_second = (
        b.index(np.repeat(np.arange(len(paths)), [path.ir3.dim for path in paths]))
        for paths in (paths_of(first_of(problem)), paths_of(problem))
    )

    def attention(read: Any, inputs: Tensors, weights: Tensors) -> Any:
        own = leaky(silu, read).reshape(read.shape[0], heads, channels // heads)
        scores = (own * weights["w"]).sum(-1)
        alpha = softmax_by_receiver(b, scores, inputs["dst"], nodes)
        return heads_to_channels(b, alpha, channels)[:, None]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, src, dst = inputs["x"], inputs["src"], inputs["dst"]
        sh = harmonics(inputs)
        here, there = mixed["A"](x, weights), mixed["B"](x, weights)
        w = radial(lengths(inputs["v"]), weights).reshape(shape)
        p = first(b.gather(here, dst) + b.gather(there, src), sh) * b.take(w, of_first, 1)
        y = gate(mixed["M"](p, weights))
        u = second(y, sh) * b.take(weights["c"], of_second, 0)
        value = mixed["V"](u, weights) * attention(mixed["S"](p, weights), inputs, weights)
        return {"z": mixed["O"](b.segment_sum(value, dst, nodes), weights)}

    return Built(call, kernel=kernel, runs=runs, **innermost(b, "x", "z"))


ALGORITHMS = (
    Algorithm(
        "equiformer_layer",
        "dense",
        "batched matrix products, features of edges stored",
        partial(layer, dense_product, "batched matrix product per item", ()),
        supports=supports,
        papers=("liao2023", "geiger2022"),
        growth=Growth(
            {"lmax": 7, "channels": 2}, "few channels: matrices of edges; else L^5 C and L^4 C^2"
        ),
    ),
    Algorithm(
        "equiformer_layer",
        "kernel",
        "products by one kernel, features of edges stored",
        partial(layer, fused_product, "native, products of edges", support.RUNS),
        supports=supports,
        refuses=support.refuses,
        papers=("liao2023", "geiger2022"),
    ),
)
