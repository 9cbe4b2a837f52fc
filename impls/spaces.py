"""A Space: one named array and how a group moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    Drawn in float64; the harness casts.
    """

    shape: tuple[int, ...]
    act: Callable[[Element, Array], Array] = unmoved
    kind: Literal["real", "index", "mask"] = "real"
    grad: bool = True
    irreps: str | None = None
    draw: Callable[[np.random.Generator], Array] | None = None

    def sample(self, rng: np.random.Generator) -> Array:
        """Draw one array [shape] in float64 (standard normal unless `draw` says otherwise)."""
        return (self.draw or _standard_normal(self.shape))(rng)
