r"""Derivatives of a multilinear form, of any order: each is a sum of the form at other arguments.

A form F(a_0, ..., a_n) is linear in each slot. A potential is a sum of terms, each F at some
choice of arguments, and a derivative is what is computed: the gradients of a potential with respect
to the arguments that are wanted. For F(x, y, g) = <g, f(x, y)>:

    f itself                 dF/dg                               of (x, y)
    its gradients            dF/dx, dF/dy                        of (x, y, g)
    gradients of <h, dF/dx>  the gradients of F(h, y, g)         of (x, y, g, h)

With cotangents h of its outputs, a derivative <h, dP/da> is again a potential: in each term that
holds a, one after another, h takes the place of a.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Term = tuple[int, ...]
"""The argument in each slot of the form."""


@dataclass(frozen=True)
class Derivative:
    """The gradients with respect to `wanted` of the sum of F at the arguments of each of `terms`.

    `slots` is the slot of each argument; `given` are the arguments that are passed, in order.
    """

    slots: tuple[int, ...]
    given: tuple[int, ...]
    wanted: tuple[int, ...]
    terms: tuple[Term, ...]

    def gradient(self, of: Iterable[int], to: Iterable[int]) -> Derivative:
        """Return the gradients of <h, outputs> with respect to some of what is given.

        `of` numbers the outputs that have a cotangent h, which are given behind the others; `to`
        numbers what is given.
        """
        chosen = [self.wanted[output] for output in of]
        fresh = range(len(self.slots), len(self.slots) + len(chosen))
        terms = [
            tuple(h if argument == a else argument for argument in term)
            for a, h in zip(chosen, fresh, strict=True)
            for term in self.terms
            if a in term
        ]
        return Derivative(
            (*self.slots, *(self.slots[a] for a in chosen)),
            (*self.given, *fresh),
            tuple(self.given[number] for number in to),
            tuple(terms),
        )

    def depends(self, of: Iterable[int]) -> list[int]:
        """Return the numbers of what is given on which some of the outputs depend."""
        chosen = {self.wanted[output] for output in of}
        held = {
            argument
            for term in self.terms
            for a in chosen.intersection(term)
            for argument in term
            if argument != a
        }
        return [number for number, a in enumerate(self.given) if a in held]

    @property
    def output_slots(self) -> tuple[int, ...]:
        """Return the slot of each output."""
        return tuple(self.slots[a] for a in self.wanted)


def value(slots: int) -> Derivative:
    """Return f of a form in so many slots: the gradient with respect to the last."""
    every = tuple(range(slots))
    return Derivative(every, every[:-1], every[-1:], (every,))
