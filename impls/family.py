"""A Family: what all operations that answer the same kind of Problem have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from impls.groups import Group
from impls.problem import Problem, Refusal, Scalar
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class Ask:
    """A problem in a profile, and the operations it is put to (globs; all by default)."""

    problem: Problem
    operations: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Family:
    """The inputs of a kind of problem: their Spaces, how they are drawn, and the named profiles.

    `check` refuses bad sizes by name. `facets` are the columns by which people sort and plot
    (setting, lmax, batch ...). `batch` names the size that counts independent samples: it is axis
    0 of every input and output, and no weight has it; None when samples are not independent.
    `profiles` maps a profile name (quick, default, paper, check) to its problems. `single` returns
    the same map on as few entries as possible, for looking at it as a black box; `pose` returns
    that problem for a setting, a symmetry and an lmax, where the family has these.
    """

    name: str
    check: Callable[[Problem], Refusal | None]
    group: Callable[[Problem], Group]
    inputs: Callable[[Problem], Mapping[str, Space]]
    draw: Callable[[Problem, np.random.Generator], Arrays]
    facets: Callable[[Problem], Mapping[str, Scalar]]
    batch: str | None = None
    profiles: Mapping[str, Callable[[], tuple[Ask, ...]]] = field(default_factory=dict)
    single: Callable[[Problem], Problem] | None = None
    pose: Callable[[str, str, int], Problem] | None = None


def sampled(
    inputs: Callable[[Problem], Mapping[str, Space]],
) -> Callable[[Problem, np.random.Generator], Arrays]:
    """Return `draw` for inputs that are independent of each other: each Space sampled in turn."""

    def draw(problem: Problem, rng: np.random.Generator) -> Arrays:
        return {name: space.sample(rng) for name, space in inputs(problem).items()}

    return draw
