"""Grade-weighted geometric product in JAX [@ruhe2023].

By the 64 signed products of components, one gather. All 20 triples of grades; no degree 2.
See `blades`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.clifford.blades import blades


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return blades(jax_backend(problem), weighted=True)


IMPLEMENTATION = Implementation(
    operation="clifford",
    name="jax_blades",
    framework="jax",
    build=_build,
    papers=("ruhe2023",),
)
