r"""Vector neurons: features that are lists of vectors, mapped and bent without leaving the list.

For vectors x_i of a row, i = 1 .. n, and learned matrices W and D [@deng2021],

    y_o = sum_i W_io x_i,     d_o = sum_i D_io x_i,     n_o = d_o / sqrt(|d_o|^2 + eps)
    u_o = <y_o, n_o>
    z_o = y_o - u_o n_o + (slope u_o + (1 - slope) phi(u_o)) n_o

so that what of y_o points against the direction d_o that the row itself says is left to the
fraction `slope`, 0.2: a leaky rectifier along that direction. Without W, y = x. Channels are mixed
and components are not, and <,> and |.| are invariants, as eps = 1e-6 is: equivariant under O(3),
whatever the weights.

phi is silu, where the paper has relu: so that gradients are continuous. For long vectors both are
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.implementation import Tensors
from impls.layers.radial import matrix
from impls.pointwise.activations import activate
from impls.spaces import Array, Arrays, Space

EPSILON = 1e-6
"""What is added to |d|^2, so that nothing is divided by zero."""
SLOPE = 0.2
"""What is left of a vector along a direction that it points against."""


@dataclass(frozen=True)
class VectorNeurons:
    """One layer of them: its name, and how many vectors enter and leave; alike without a map W."""

    name: str
    before: int
    after: int
    mapped: bool = True

    def __post_init__(self) -> None:
        """Check that what is not mapped keeps its number.

        Raises:
            ValueError: for another number of vectors without a map.
        """
        if not self.mapped and self.before != self.after:
            raise ValueError(f"{self.name}: {self.before} vectors without a map stay as many")

    @property
    def flops(self) -> int:
        """Return the operations of one row."""
        maps = 1 + self.mapped
        return maps * 2 * 3 * self.before * self.after + 30 * self.after

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        return (1 + self.mapped) * self.before * self.after

    def weights(self) -> Mapping[str, Space]:
        """Return the Spaces of W and D [before, after], as <name>_W and <name>_D."""
        shape = self.before, self.after
        names = "WD" if self.mapped else "D"
        return {f"{self.name}_{letter}": matrix(shape, self.before) for letter in names}


def oracle(neurons: VectorNeurons, x: Array, weights: Arrays) -> Array:
    """Return z [n, after, 3] of x [n, before, 3] in float64."""
    d = np.einsum("nix,io->nox", x, weights[f"{neurons.name}_D"])
    y = np.einsum("nix,io->nox", x, weights[f"{neurons.name}_W"]) if neurons.mapped else x
    n = d / np.sqrt(np.einsum("nox,nox->no", d, d) + EPSILON)[..., None]
    u = np.einsum("nox,nox->no", y, n)[..., None]
    return np.asarray(y - u * n + (SLOPE * u + (1 - SLOPE) * activate("silu", u)) * n)


class VectorNetwork:
    """A layer of vector neurons in any framework."""

    def __init__(self, neurons: VectorNeurons, b: Backend) -> None:
        """Take the layer that it computes."""
        self.neurons, self.b = neurons, b

    def __call__(self, x: Any, weights: Tensors) -> Any:
        """Return z [n, 3, after] of x [n, 3, before]."""
        name = self.neurons.name
        y = x @ weights[f"{name}_W"] if self.neurons.mapped else x
        d = x @ weights[f"{name}_D"]
        scale = ((d * d).sum(1) + EPSILON) ** -0.5
        u = (y * d).sum(1) * scale
        against = u * self.b.sigmoid(-u)  # u - silu(u)
        return y - ((1 - SLOPE) * against * scale)[:, None] * d
