r"""The catalogue: what is known of an operation before anything is measured.

What it couples and how much it can express follow from its reduced coefficients, for the question
that its family poses (`Family.pose`): of products, 0..L x 0..L -> 0..2L with degrees only, so that
every path of the triangle rule is allowed (setting MIMO in `so3` [@xie2025]). What it costs is the
growth of its arithmetic with the sizes, as declared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.expressivity import reachable_dimension
from analysis.reduced import allowed_triples, interactability, labels
from impls.family import Family
from impls.growth import Growth
from impls.implementation import Implementation
from impls.operation import Operation, Path
from impls.so3.irreps import Irrep

COUNTED = 2
"""The value of the main axis (an lmax) at which paths are counted."""
STEPS = (1, 2, 3, 4)
"""The values of the main axis at which dimensions are derived."""
SYMBOLS = {"lmax": "L", "channels": "C"}

Labels = tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]


@dataclass(frozen=True)
class Entry:
    """One operation of the catalogue.

    `paths` is (n, N): n of the N triples (l1, l2, l3) that rotations allow at COUNTED are coupled.
    `dimensions` has the dimension reached at each of STEPS, None where the operation refuses. Both
    are None where there is no such question or no coefficients. `orders` says how the arithmetic of
    the operation grows, and `implementations` how that of each of its algorithms does.
    """

    operation: Operation
    paths: tuple[int, int] | None
    dimensions: tuple[int | None, ...] | None
    order: str
    implementations: Mapping[str, str]
    best: str

    @property
    def cost(self) -> str:
        """Return the order, with the least of the implementations where that is lower."""
        if self.best in ("", self.order):
            return self.order
        return f"{self.order}, at best {self.best}"


def entry(
    operation: Operation, family: Family, implementations: Sequence[Implementation] = ()
) -> Entry:
    """Return what is known of an operation and its implementations."""
    growths = {i.name: i.growth or operation.growth for i in implementations}
    best = min([operation.growth, *growths.values()], key=_steepness)
    return Entry(
        operation,
        paths(operation, family, COUNTED),
        dimensions(operation, family, STEPS),
        order(operation.growth),
        {name: order(growth) for name, growth in growths.items()},
        order(best),
    )


def order(growth: Growth) -> str:
    """Return exponents in words: {"lmax": 5, "channels": 1} is O(L^5 C), none an empty string.

    An infinite exponent is exponential growth, exp(L).

    >>> order(Growth({"lmax": 5, "channels": 1}))
    'O(L^5 C)'
    """
    if not growth:
        return ""
    factors = [_factor(symbol(name), power) for name, power in growth.exponents.items() if power]
    return f"O({' '.join(factors) or '1'})"


def symbol(size: str) -> str:
    """Return the letter that stands for a size in formulas, or its name."""
    return SYMBOLS.get(size, size)


def _factor(letter: str, power: float) -> str:
    if math.isinf(power):
        return f"exp({letter})"
    return letter if power == 1 else f"{letter}^{power:g}"


def _steepness(growth: Growth) -> tuple[float, ...]:
    return tuple(growth.exponents.get(name, 0.0) for name in SYMBOLS)


def paths(operation: Operation, family: Family, step: int) -> tuple[int, int] | None:
    """Return how many triples (l1, l2, l3) are coupled, and how many the group allows."""
    found = derived(operation, family, step)
    if found is None:
        return None
    coefficients, parts = found
    coupled = interactability(coefficients, *parts)
    first, second, _ = parts
    reached = [ir for a in first for b in second for ir in a * b]
    return sum(v is True for v in coupled.values()), len(allowed_triples(first, second, reached))


def dimensions(
    operation: Operation, family: Family, steps: Sequence[int]
) -> tuple[int | None, ...] | None:
    """Return the dimension of what can be reached at each step; None if none can be derived."""
    found = [derived(operation, family, step) for step in steps]
    values = tuple(f and reachable_dimension(f[0], *f[1]).value for f in found)
    return values if any(values) else None


def derived(
    operation: Operation, family: Family, step: int
) -> tuple[Mapping[Path, float], Labels] | None:
    """Return the coefficients at a step and the irreps of inputs and output, one by one.

    None where the family has no such problem, the operation refuses it, or it has no coefficients.
    """
    if operation.coefficients is None or family.pose is None:
        return None
    problem = family.pose(step)
    problem = family.single(problem) if family.single else problem
    if family.check(problem) or operation.supports(problem):
        return None
    inputs = family.inputs(problem)
    bilinear = [inputs[name] for name, _ in operation.linear_in if name in inputs]
    if len(bilinear) != 2:
        return None
    output = next(iter(operation.outputs(problem).values()))
    first, second, third = (labels(str(space.irreps)) for space in (*bilinear, output))
    return operation.coefficients(problem), (first, second, third)
