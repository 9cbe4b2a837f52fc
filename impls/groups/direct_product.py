"""Direct products of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from impls.groups.group import Element, Group, Orbit


def direct_product(**factors: Group) -> Group:
    """Return the direct product; an element is a dict with one entry per factor.

    The subgroups, generators and orbits of every factor are lifted, with the identity in all other
    factors; generators are named `<factor>.<generator>`. A product of factors has no orbit.

    >>> from impls.groups import rotations, symmetric
    >>> product = direct_product(turn=rotations(), nodes=symmetric(3))
    >>> product.name, sorted(product.subgroups)
    ('SO(3) x S_3', ['permutation', 'rotation'])
    """
    identity = {name: group.identity for name, group in factors.items()}

    def lift(name: str, value: Element) -> Element:
        return identity | {name: value}

    def lifted_along(name: str, along: Callable[[float], Element]) -> Callable[[float], Element]:
        return lambda t: lift(name, along(t))

    def orbit_of(name: str, group: Group) -> Callable[[int], Orbit] | None:
        inner = group.orbit
        if inner is None:
            return None

        def orbit(n: int) -> Orbit:
            found = inner(n)
            return Orbit([lift(name, g) for g in found.elements], found.coordinates)

        return orbit

    def combined(parts: Mapping[str, Group], subgroups: Mapping[str, Group]) -> Group:
        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            drawn = {name: group.sample(rng, n) for name, group in parts.items()}
            return [
                identity | {name: values[i] for name, values in drawn.items()} for i in range(n)
            ]

        generators = {
            f"{name}.{generator}": lifted_along(name, along)
            for name, group in parts.items()
            for generator, along in group.generators.items()
        }
        only = next(iter(parts.items())) if len(parts) == 1 else None
        return Group(
            name=" x ".join(group.name for group in parts.values()),
            identity=identity,
            sample=sample,
            mul=lambda g, h: {k: f.mul(g[k], h[k]) for k, f in factors.items()},
            inv=lambda g: {k: f.inv(g[k]) for k, f in factors.items()},
            subgroups=subgroups,
            generators=generators,
            orbit=orbit_of(*only) if only else None,
        )

    lifted = {
        sub: combined({name: group}, {})
        for name, factor in factors.items()
        for sub, group in factor.subgroups.items()
    }
    return combined(factors, lifted)
