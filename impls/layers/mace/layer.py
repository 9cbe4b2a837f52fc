"""The layer as it is written: messages stored, or summed by the kernel of graphs; then monomials.

The contraction of each degree is that of `symmetric_contraction.*_monomials`, with nodes innermost
[@drautz2019]; all else has channels innermost [@batatia2022].
"""

from __future__ import annotations

from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families import feature
from impls.families.points import irreps_of
from impls.implementation import Built, Tensors
from impls.kernels import support
from impls.layers.features import innermost
from impls.layers.mace.operation import (
    collected_of,
    convolution_of,
    kept_of,
    made_of,
    mixings_of,
    powers_of,
    radial_of,
)
from impls.layers.mixing import Mixed
from impls.layers.sums import Summing, Sums, fused, stored
from impls.points.harmonics import supports
from impls.powers.symmetric_contraction.monomials import monomials
from impls.problem import Problem


class Basis:
    """The product basis, all degrees summed."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make the tables of each degree."""
        self.b, out, inside = b, irreps_of(problem)[2], collected_of(problem)
        self.powers = {
            nu: (monomials(asked, b, {}), items, feature.irreps_of(asked)[1].slices())
            for nu, (asked, items) in powers_of(problem).items()
        }
        parts = dict(zip((ir for _, ir in inside), inside.slices(), strict=True))
        self.made = made_of(problem)
        self.kept = {i: (n, parts[out.items[i][1]]) for n, i in enumerate(kept_of(problem))}

    def __call__(self, a: Any, weights: Tensors) -> Any:
        """Return [nodes, dim of the items made, channels] of A [nodes, dim, channels]."""
        given: dict[int, list[Any]] = {i: [] for i in self.made}
        for i, (n, part) in self.kept.items():
            given[i].append(a[:, part] * weights["W1"][n])
        turned = {"x": self.b.contiguous(a.swapaxes(0, 2))}
        for nu, (built, items, parts) in self.powers.items():
            power = built.call(turned, {"W": weights[f"W{nu}"]})["z"].swapaxes(0, 2)
            for i, part in zip(items, parts, strict=True):
                given[i].append(power[:, part])
        summed = [sum(terms[1:], terms[0]) for terms in given.values()]
        return summed[0] if len(summed) == 1 else self.b.concatenate(summed, 1)


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
    before, collected, after, own = (Mixed(mixing, b) for mixing in mixings_of(problem))
    basis = Basis(problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        a = collected(messages(before(x, weights), inputs, weights), weights)
        return {"z": after(basis(a, weights), weights) + own(x, weights)}

    return Built(call, kernel=kernel, runs=runs, **innermost(b, "x", "z"))


ALGORITHMS = (
    Algorithm(
        "mace_layer",
        "dense",
        "batched matrix products, messages stored; each monomial once",
        partial(layer, stored, "batched matrix product per item, messages stored; monomials", ()),
        supports=supports,
        papers=("batatia2022", "drautz2019"),
    ),
    Algorithm(
        "mace_layer",
        "kernel",
        "messages not stored, one kernel; each monomial once",
        partial(layer, fused, "native, messages not stored; monomials", support.RUNS),
        supports=supports,
        refuses=support.refuses,
        papers=("batatia2022", "drautz2019"),
    ),
)
