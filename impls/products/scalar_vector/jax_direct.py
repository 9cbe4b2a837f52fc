"""Products of scalars and vectors in JAX, written out [@schutt2021] [@jing2021].

10 multiplications for each channel, 16 with the cross product; no degree 2. See `direct`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.scalar_vector.direct import direct


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return direct(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="scalar_vector",
    name="jax_direct",
    framework="jax",
    build=_build,
    papers=("schutt2021", "jing2021", "satorras2021"),
)
