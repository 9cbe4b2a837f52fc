"""The layer as it is written: messages stored, or summed by the kernel of graphs.

Features of nodes have channels innermost but on the sphere, where the MLP is that of
`grid_mlp.*_dense` [@miklaucic2025].
"""

from __future__ import annotations

from functools import partial

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.kernels import support
from impls.layers.facet.operation import mixer_of, mixings_of, seen_of, splines_of
from impls.layers.features import innermost
from impls.layers.mixing import Mixed
from impls.layers.radial import lengths
from impls.layers.splines import SplineTable
from impls.layers.sums import Summing, fused, stored
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import supports
from impls.pointwise.grid_mlp.mlp import ALGORITHMS as ON_GRID
from impls.problem import Problem


def layer(
    parity: bool,
    summing: Summing,
    kernel: str,
    runs: tuple[str, ...],
    problem: Problem,
    b: Backend,
    options: Options,
) -> Built:
    """Build the algorithm with one way to sum messages."""
    seen = seen_of(parity, problem)
    summed, table = summing(seen, b), SplineTable(splines_of(seen), seen, b)
    before, after, own, down = (Mixed(mixing, b) for mixing in mixings_of(seen))
    mlp = next(each for each in ON_GRID if each.name == "dense").build(mixer_of(seen), b, {})
    shape, out = (-1, len(paths_of(seen)), channels_of(seen)), irreps_of(seen)[2]
    scalars = [part for part, (_, ir) in zip(out.slices(), out, strict=True) if ir.l == 0]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        h = before(x, weights)
        w = table(lengths(inputs["v"]), weights).reshape(shape)
        m = summed(h.swapaxes(1, 2), inputs, w)
        s = after(m, weights) + own(x, weights)
        on_sphere = {"x": b.contiguous(s.swapaxes(1, 2))}
        g = mlp.call(on_sphere, {"a": weights["G1"], "b": weights["G2"]})["z"].swapaxes(1, 2)
        if scalars:
            g = b.concatenate([g, *(s[:, part] for part in scalars)], 1)
        return {"z": down(g, weights)}

    return Built(call, kernel=kernel, runs=runs, **innermost(b, "x", "z"))


def _algorithms(operation: str, parity: bool) -> tuple[Algorithm, Algorithm]:
    return (
        Algorithm(
            operation,
            "dense",
            "batched matrix products, messages stored",
            partial(layer, parity, stored, "batched matrix product per item, messages stored", ()),
            supports=supports,
            papers=("miklaucic2025",),
            growth=Growth(
                {"lmax": 7, "channels": 2},
                "few channels: matrices of edges; else L^5 C and L^4 C^2",
            ),
        ),
        Algorithm(
            operation,
            "kernel",
            "messages not stored, one kernel",
            partial(layer, parity, fused, "native, messages not stored", support.RUNS),
            supports=supports,
            refuses=support.refuses,
            papers=("miklaucic2025",),
        ),
    )


ALGORITHMS = (*_algorithms("facet_layer", True), *_algorithms("facet_released_layer", False))
