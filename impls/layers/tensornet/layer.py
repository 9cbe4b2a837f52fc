"""The layer as it is written: messages stored, or summed by the kernel of graphs.

A sum over neighbours with a weight for each part is the channelwise convolution with the harmonic
of degree 0. Components become matrices, and back, by one product with an orthogonal matrix each
[@simeon2023].
"""

from __future__ import annotations

from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.implementation import Built, Tensors
from impls.kernels import support
from impls.layers.features import innermost
from impls.layers.mixing import Mixed
from impls.layers.sums import Summing, Sums, fused, stored
from impls.layers.tensornet.operation import mixings_of, product_of, radial_of
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import supports
from impls.problem import Problem
from impls.products.cartesian_matrix.dense import conversion
from impls.products.cartesian_matrix.operation import anticommutes


def layer(
    summing: Summing,
    kernel: str,
    runs: tuple[str, ...],
    problem: Problem,
    b: Backend,
    options: Options,
) -> Built:
    """Build the algorithm with one way to sum messages."""
    node = irreps_of(problem)[0]
    messages = Sums(summing, problem, radial_of(problem), b)
    parts = [path.out for path in sorted(paths_of(problem), key=lambda path: path.i1)]
    before, after = (Mixed(mixing, b) for mixing in mixings_of(problem))
    there, both = b.table(conversion(node)), anticommutes(product_of(problem))
    here = there.T

    def matrices(x: Any) -> Any:
        return (x.swapaxes(1, 2) @ there).reshape(x.shape[0], x.shape[2], 3, 3)

    def components(a: Any) -> Any:
        return (a.reshape(*a.shape[:2], 9) @ here).swapaxes(1, 2)

    def normalised(x: Any) -> Any:
        return x / (1 + (x * x).sum(1)[:, None])

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = normalised(inputs["x"])
        y = before(x, weights)
        m = messages(y, inputs, weights)  # whose parts are by degree
        one, other = matrices(y), matrices(b.concatenate([m[:, part] for part in parts], 1))
        p = one @ other + other @ one if both else 2 * (one @ other)
        z = after(normalised(components(p)), weights)
        square = matrices(z)
        return {"z": x + z + components(square @ square)}

    return Built(call, kernel=kernel, runs=runs, **innermost(b, "x", "z"))


ALGORITHMS = (
    Algorithm(
        "tensornet_layer",
        "dense",
        "products of matrices, messages stored",
        partial(layer, stored, "messages stored, products of matrices", ()),
        supports=supports,
        papers=("simeon2023",),
    ),
    Algorithm(
        "tensornet_layer",
        "kernel",
        "products of matrices, messages not stored",
        partial(layer, fused, "native, messages not stored; products of matrices", support.RUNS),
        supports=supports,
        refuses=support.refuses,
        papers=("simeon2023",),
    ),
)
