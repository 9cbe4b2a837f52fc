"""A Space: one named array and how a group moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from impls.groups import Element

Array = np.ndarray
Arrays = Mapping[str, np.ndarray]


def _standard_normal(shape: tuple[int, ...]) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.standard_normal(shape)


def unmoved(g: Element, a: Array) -> Array:
    """Return `a`: the trivial action."""
    return a


@dataclass(frozen=True)
class Space:
    """One array: its shape, what it holds, and `act(g, a)`, the action of a group element.

    `kind` "real" arrays may be differentiated (if `grad`), "index" and "mask" arrays never.
    `irreps` describes the last axis in canonical order when it carries irreps of O(3) or SO(3).
    `dual` is the action on gradients with respect to the array where it is not `act`: <d, a - b> is
    unchanged when the group moves d and two arrays, so that gradients of positions are not
    translated, and those of what a matrix M moves are moved by its inverse transpose. Drawn in
    float64; the harness casts. `axis` names what axis 0 counts ("batch", "nodes", "edges"), and
    `refers` the axis that the values of an "index" array number: by these the rows of some
    samples are taken out of a problem.
    """

    shape: tuple[int, ...]
    act: Callable[[Element, Array], Array] = unmoved
    kind: Literal["real", "index", "mask"] = "real"
    grad: bool = True
    irreps: str | None = None
    dual: Callable[[Element, Array], Array] | None = None
    draw: Callable[[np.random.Generator], Array] | None = None
    axis: str = ""
    refers: str = ""

    def gradient(self) -> Space:
        """Return the Space of gradients with respect to this array."""
        return replace(self, act=self.dual or self.act, dual=self.act)

    def sample(self, rng: np.random.Generator) -> Array:
        """Draw one array [shape] in float64 (standard normal unless `draw` says otherwise)."""
        return (self.draw or _standard_normal(self.shape))(rng)
