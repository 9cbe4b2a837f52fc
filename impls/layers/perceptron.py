r"""Perceptrons: what layers of scalars and vectors do to invariants, node by node or edge by edge.

    f(a) = phi(.. phi(a W_1 + b_1) ..) W_n + b_n,    or phi(f(a)) where it is `active`,

phi = silu. The axis that is mapped is the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from impls.backends import Backend
from impls.implementation import Tensors
from impls.layers.radial import SILU, matrix
from impls.pointwise.activations import activate
from impls.spaces import Array, Arrays, Space


@dataclass(frozen=True)
class Perceptron:
    """One of a layer's perceptrons: its name, the numbers of its neurons, and how it ends.

    `terms` of its first sums are of order one, all by default: of functions of a distance that are
    local few are. Weights are drawn so that what follows is of order one too.
    """

    name: str
    widths: tuple[int, ...]
    active: bool = False
    terms: int = 0

    @property
    def layers(self) -> range:
        """Return the numbers of its linear maps, from 1."""
        return range(1, len(self.widths))

    @property
    def flops(self) -> int:
        """Return the operations of one row: products with weights, and ten a nonlinearity."""
        maps = sum(2 * rows * columns for rows, columns in pairwise(self.widths))
        return maps + 10 * sum(self.widths[1 : len(self.widths) - (not self.active)])

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        return sum((rows + 1) * columns for rows, columns in pairwise(self.widths))

    def weights(self) -> Mapping[str, Space]:
        """Return the Spaces of W_n [in, out] and b_n [out], as <name>_W1, <name>_b1 and so on."""
        found: dict[str, Space] = {}
        for n, (rows, columns) in zip(self.layers, pairwise(self.widths), strict=True):
            summed = rows * SILU if n > 1 else self.terms or rows
            found[f"{self.name}_W{n}"] = matrix((rows, columns), summed)
            found[f"{self.name}_b{n}"] = Space((columns,))
        return found


def oracle(perceptron: Perceptron, a: Array, weights: Arrays) -> Array:
    """Return f(a) [..., out] of a [..., in] in float64."""
    for n in perceptron.layers:
        a = a @ weights[f"{perceptron.name}_W{n}"] + weights[f"{perceptron.name}_b{n}"]
        if perceptron.active or n < perceptron.layers[-1]:
            a = activate("silu", a)
    return a


class Network:
    """A perceptron in any framework."""

    def __init__(self, perceptron: Perceptron, b: Backend) -> None:
        """Take the perceptron that it computes."""
        self.perceptron, self.silu = perceptron, b.activation("silu")

    def __call__(self, a: Any, weights: Tensors) -> Any:
        """Return f(a) [..., out] of a [..., in]."""
        return self.after(a @ weights[f"{self.perceptron.name}_W1"], weights)

    def after(self, a: Any, weights: Tensors) -> Any:
        """Return f from the first linear map on: of a W_1 [..., width]."""
        name, layers = self.perceptron.name, self.perceptron.layers
        for n in layers:
            a = (a if n == 1 else a @ weights[f"{name}_W{n}"]) + weights[f"{name}_b{n}"]
            if self.perceptron.active or n < layers[-1]:
                a = self.silu(a)
        return a
