"""Edge convolution in JAX without a rotation: products with the harmonics of the edge vector.

O(L^5) for each edge and channel [@thomas2018]; harmonics up to degree 2L.
Rotations only: even and odd l_in + l_out + l2. See `harmonics`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.escn.harmonics import harmonics
from impls.products.escn.so2 import supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return harmonics(problem, jax_backend(problem), parity=False)


IMPLEMENTATION = Implementation(
    operation="escn",
    name="jax_harmonics",
    framework="jax",
    build=_build,
    supports=supports,
    papers=("thomas2018",),
    growth=Growth({"lmax": 7, "channels": 2}),  # kernels of edges; L^4 C^2 where channels are many
)
