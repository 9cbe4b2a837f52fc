"""The contraction of cuEquivariance [@nvidia2026]: one path for each monomial and coefficient.

A path multiplies a weight and nu components of the feature, channel by channel, as its own
descriptor does, with the coefficients of this suite. On the CPU its method builds and calls paths
one by one, so that only small tables are asked there.
"""

from __future__ import annotations

import numpy as np

from impls.families.feature import channels_of, irreps_of, nu_of
from impls.growth import Growth
from impls.implementation import Framework, Target
from impls.peers.cuequivariance import Plan, Segmented, implementations
from impls.powers.symmetric_contraction.monomials import basis_of
from impls.powers.symmetric_contraction.operation import weights_per_output
from impls.problem import Problem, Refusal
from impls.products.paths import ZERO

LARGEST = 200
"""Paths up to which a CPU is asked: a few hundred take minutes to build."""

Paths = list[tuple[tuple[int, ...], np.ndarray]]


def paths_of(problem: Problem) -> Paths:
    """Return the segments of each path (weight, components, output) and its coefficient."""
    basis, found, weight, out = basis_of(problem), Paths(), 0, 0
    for table, count in zip(basis.tables, weights_per_output(problem), strict=True):
        for m3, n, eta in np.argwhere(np.abs(table) > ZERO):
            components = (int(k) for k in basis.monomials[n])
            indices = int(weight + eta), *components, int(out + m3)
            found.append((indices, np.asarray(table[m3, n, eta])))
        weight, out = weight + count, out + len(table)
    return found


def plan(problem: Problem, target: Target, framework: Framework) -> Plan:
    """Return the contraction: x is nu of the operands."""
    (inside, out), nu, channels = irreps_of(problem), nu_of(problem), channels_of(problem)[0]
    one = (channels,)
    segments = (
        [one] * sum(weights_per_output(problem)),
        *[[one] * inside.dim] * nu,
        [one] * out.dim,
    )
    subscripts = ",".join("u" * (nu + 2))
    product = Segmented(subscripts, segments, paths_of(problem), powers=(1, nu))
    return Plan(product, ("W", "x"), channels, out.dim)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse many paths on a CPU."""
    if target.device == "cuda":
        return None
    count = len(paths_of(problem))
    if count <= LARGEST:
        return None
    return Refusal(
        f"{count} paths, over {LARGEST}: on a CPU they are built and called one by one",
        "use --device cuda, or another implementation",
    )


IMPLEMENTATIONS = implementations("symmetric_contraction", plan, Growth(), supports)
