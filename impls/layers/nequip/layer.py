"""The layer as it is written, with messages stored, or summed by the kernel of graphs.

Features of nodes have channels innermost throughout, so that maps of channels are matrix products
on rows as they lie [@batzner2022].
"""

from __future__ import annotations

from functools import partial

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.kernels import support
from impls.layers.features import innermost
from impls.layers.gating import Gate
from impls.layers.mixing import Mixed
from impls.layers.nequip.operation import convolution_of, gated_of, mixings_of, radial_of
from impls.layers.sums import Summing, Sums, fused, stored
from impls.points.harmonics import supports
from impls.problem import Problem


def layer(
    summing: Summing,
    kernel: str,
    runs: tuple[str, ...],
    problem: Problem,
    b: Backend,
    options: Options,
) -> Built:
    """Build the algorithm with one way to sum messages."""
    messages = Sums(summing, convolution_of(problem), radial_of(problem), b)
    before, after, own = (Mixed(mixing, b) for mixing in mixings_of(problem))
    out = irreps_of(problem)[2]
    gate = Gate(out, gated_of(problem), out.slices(), b.activation("silu"), b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        m = messages(before(x, weights), inputs, weights)
        return {"z": gate(after(m, weights) + own(x, weights))}

    return Built(call, kernel=kernel, runs=runs, **innermost(b, "x", "z"))


ALGORITHMS = (
    Algorithm(
        "nequip_layer",
        "dense",
        "batched matrix products, messages stored",
        partial(layer, stored, "batched matrix product per item, messages stored", ()),
        supports=supports,
        papers=("batzner2022", "geiger2022"),
        growth=Growth(
            {"lmax": 7, "channels": 2}, "few channels: matrices of edges; else L^5 C and L^4 C^2"
        ),
    ),
    Algorithm(
        "nequip_layer",
        "kernel",
        "messages not stored, one kernel",
        partial(layer, fused, "native, messages not stored", support.RUNS),
        supports=supports,
        refuses=support.refuses,
        papers=("batzner2022", "geiger2022"),
    ),
)
