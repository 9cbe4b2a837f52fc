"""Grade-weighted geometric product in JAX [@ruhe2023].

By the dense multiplication table, 512 entries. All 20 triples of grades; no degree 2.
See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.clifford.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="clifford",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("ruhe2023",),
)
