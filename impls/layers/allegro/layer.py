"""The layer as it is written, the product by dense matrices or by the kernel of trilinear forms.

The environment is summed at centres and read by each of their edges, channels innermost. In the
dense form all paths of one irrep of t are one matrix product of outer products; the kernel takes
edges and channels as samples [@musaelian2023].
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of, cutoff_of
from impls.kernels import support
from impls.layers.allegro.operation import ORDER, mixing_of, product_of, scalars_of
from impls.layers.features import innermost
from impls.layers.mixing import Mixed
from impls.layers.radial import Envelope, lengths
from impls.points.harmonics import EdgeHarmonics, supports
from impls.problem import Problem
from impls.products.clebsch_gordan.dense import blocks_of
from impls.products.clebsch_gordan.kernel import form_of

Product = Callable[[Any, Any], Any]
"""All paths [edges, dim, channels] of two features [edges, dim, channels] each."""


def dense_product(problem: Problem, b: Backend) -> Product:
    """Return the product by one matrix product for each irrep of the first."""
    blocks, order = blocks_of(product_of(problem), "row")
    tables, index = [b.table(block.matrix.T) for block in blocks], b.index(order)

    def product(x: Any, y: Any) -> Any:
        parts = []
        for block, table in zip(blocks, tables, strict=True):
            pairs = x[:, block.in1][:, :, None] * y[:, block.in2][:, None]
            parts.append(table @ pairs.reshape(x.shape[0], table.shape[1], x.shape[2]))
        return b.take(b.concatenate(parts, 1), index, 1)

    return product


def sparse_product(problem: Problem, b: Backend) -> Product:
    """Return the product by the kernel of forms."""
    bilinear = b.trilinear(form_of(product_of(problem)))

    def product(x: Any, y: Any) -> Any:
        return bilinear(x.swapaxes(1, 2), y.swapaxes(1, 2)).swapaxes(1, 2)

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
    nodes, slices = counts_of(problem)[0], irreps_of(problem)[1].slices()
    harmonics, envelope, cutoff = EdgeHarmonics(problem, b), Envelope(ORDER, b), cutoff_of(problem)
    product, mixed = multiplying(problem, b), Mixed(mixing_of(problem), b)
    silu, scalars, half = b.activation("silu"), scalars_of(problem), 0.5**0.5

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        t, a, dst = inputs["t"], inputs["a"], inputs["dst"]
        f, sh = envelope(lengths(inputs["v"]) / cutoff), harmonics(inputs)
        sent = [
            (f * (a @ weights["E"][n]))[:, None, :] * sh[:, part, None]
            for n, part in enumerate(slices)
        ]
        around = b.segment_sum(b.concatenate(sent, 1), dst, nodes)
        p = product(t, b.gather(around, dst))
        read = b.concatenate([a, *(p[:, part][:, 0] for part in scalars)], 1)
        latent = silu(read @ weights["L1"]) @ weights["L2"]
        return {"t": mixed(p, weights), "a": (a + f * latent) * half}

    return Built(call, kernel=kernel, runs=runs, **innermost(b, "t"))


ALGORITHMS = (
    Algorithm(
        "allegro_layer",
        "dense",
        "dense coupling matrices, one for each irrep of an edge",
        partial(layer, dense_product, "matrix product per item", ()),
        supports=supports,
        papers=("musaelian2023", "geiger2022"),
        growth=Growth({"lmax": 7, "channels": 2}, "few channels: couplings; else L^4 C^2"),
    ),
    Algorithm(
        "allegro_layer",
        "kernel",
        "sparse coefficients, one kernel",
        partial(layer, sparse_product, "native, sparse coefficients", support.RUNS),
        supports=supports,
        refuses=support.refuses,
        papers=("musaelian2023",),
    ),
)
