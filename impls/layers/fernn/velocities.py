"""Which flows a layer knows: the velocities of its states, and those that a flow leads to.

A velocity is that of shifts (dy, dx) or of quarter turns (quarters,), each number modulo the order
of its axis. A layer knows those with numbers of at most `reach`, or all of an axis that has no
more. A flow of velocity v takes the state of nu - v to that of nu: where nu - v is not known, the
state of nu is not *covered*, and nothing says what it becomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from impls.families.sequences import SequenceSizes
from impls.groups import Element
from impls.groups.flows import turned
from impls.operation import Knob
from impls.problem import Problem, Scalar
from impls.spaces import Array


@dataclass(frozen=True)
class Kind:
    """A kind of flow: where a motion (dy, dx, quarters) has its velocity, and what states have.

    A state that turns has an image for each of 4 `orientations`, one that is shifted has 1.
    """

    of_motion: slice
    orientations: int

    def orders(self, problem: Problem) -> tuple[int, ...]:
        """Return how many velocities there are along each axis."""
        sizes = SequenceSizes.of(problem)
        every: tuple[int, ...] = sizes.height, sizes.width, 4
        return every[self.of_motion]

    def velocities(self, problem: Problem, reach: int) -> Array:
        """Return the velocities that are known [V, axes]."""
        return np.array(list(product(*(_known(n, reach) for n in self.orders(problem)))))

    def motions(self, problem: Problem, reach: int) -> Array:
        """Return the motions [V, 3] that they make of an image, from a frame to the next."""
        velocities = self.velocities(problem, reach)
        motions = np.zeros((len(velocities), 3), int)
        motions[:, self.of_motion] = velocities
        return motions

    def partners(self, problem: Problem, reach: int, g: Element) -> tuple[Array, Array]:
        """Return which state [V] g takes to that of each velocity, and which are covered [V].

        Velocities turn as the last frame does.
        """
        velocities = self.velocities(problem, reach)
        wanted = velocities - (g[1] - g[0])[self.of_motion]
        if self is SHIFTS:
            wanted = turned(-g[-1, 2], wanted)
        apart = (wanted[:, None] - velocities) % self.orders(problem)
        same = ~apart.any(axis=2)
        return same.argmax(axis=1), same.any(axis=1)


SHIFTS, TURNS = Kind(slice(0, 2), 1), Kind(slice(2, 3), 4)


def _known(order: int, reach: int) -> Array:
    """Return the numbers of at most `reach` along an axis, each modulo its order once."""
    return np.arange(-reach, reach + 1) if 2 * reach < order else np.arange(order) - order // 2


def _reaches(kind: Kind, problem: Problem) -> tuple[Scalar, ...]:
    """Return 1, 2, 4 and so on, up to all velocities."""
    largest = max(1, *(order // 2 for order in kind.orders(problem)))
    return *(2**n for n in range((largest - 1).bit_length())), largest


def reach_of(kind: Kind) -> Knob:
    """Return the knob `reach`: which velocities a layer knows, 1 by default."""
    return Knob("reach", lambda problem: 1, lambda problem: _reaches(kind, problem))
