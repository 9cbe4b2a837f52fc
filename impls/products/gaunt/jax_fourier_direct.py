"""Gaunt product in JAX by a direct convolution of two-dimensional Fourier series.

O(L^4) multiplications, no FFT [@luo2024] [@xin2021]. Even l1+l2+l3 only. See `fourier_direct`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt.fourier_direct import fourier_direct


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return fourier_direct(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="jax_fourier_direct",
    framework="jax",
    build=_build,
    profiles=("paper", "check"),
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
