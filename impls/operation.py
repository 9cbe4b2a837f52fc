"""An Operation: an answer to a Problem as mathematics, free of speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from impls.groups import Element
from impls.problem import Problem, Refusal
from impls.spaces import Array, Arrays, Space

Path = tuple[int, int, int]


@dataclass(frozen=True)
class Exactness:
    """What an operation claims; the gate tests exactly this and only reports the rest.

    `subgroups` names the subgroups of the family's group under which it claims equivariance.
    """

    kind: Literal["exact", "approximate", "learned"]
    subgroups: tuple[str, ...]
    knob: str | None = None
    tolerance: float | None = None


def no_weights(problem: Problem) -> Mapping[str, Space]:
    """Return {}: the operation has no weights."""
    return {}


@dataclass(frozen=True)
class Operation:
    """The map: its outputs, weights, claimed symmetry, float64 oracle, cost and selection rules.

    `oracle(problem, inputs, weights)` is evaluated in NumPy float64 in the canonical convention
    and shares no code with any implementation. `linear_in` lists the inputs in which the map is a
    homogeneous polynomial, with their degrees: (("x", 1), ("y", 1)) is bilinear.

    `coefficients(problem)` maps a path (i1, i2, i3) (indices into the single copies of the irreps
    of the two inputs in `linear_in` and of the first output) to the reduced coefficient w of that
    block with respect to the unit-norm Wigner 3j tensor; paths that vanish are left out.

    `users` are the keys of papers whose published systems use the operation. `growth` gives the
    exponents by which its arithmetic grows, as theory has it for the setting mimo, in `lmax` and in
    `channels`: {"lmax": 5, "channels": 1} is O(L^5 C).

    `align(problem, g, a, b)` yields finitely many candidates for `b` when the action on outputs is
    known only up to a choice (polyphase anchoring); the smallest distance to `a` counts.
    """

    name: str
    family: str
    summary: str
    papers: tuple[str, ...]
    exactness: Exactness
    outputs: Callable[[Problem], Mapping[str, Space]]
    oracle: Callable[[Problem, Arrays, Arrays], Arrays]
    cost: Callable[[Problem], Mapping[str, float]]
    supports: Callable[[Problem], Refusal | None] = lambda problem: None
    weights: Callable[[Problem], Mapping[str, Space]] = no_weights
    linear_in: tuple[tuple[str, int], ...] = ()
    coefficients: Callable[[Problem], Mapping[Path, float]] | None = None
    align: Callable[[Problem, Element, Array, Array], Iterable[Array]] | None = None
    users: tuple[str, ...] = ()
    growth: Mapping[str, float] = field(default_factory=dict)
