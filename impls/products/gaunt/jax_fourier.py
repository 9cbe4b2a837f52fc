"""Gaunt product in JAX by two-dimensional Fourier series and real FFTs.

O(L^3) multiplications at both ends, O(L^2 log L) in the FFTs [@luo2024] [@xin2021]. Even l1+l2+l3
only. See `fourier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt.fourier import Transforms, fourier, supports


def transforms() -> Transforms:
    """Return the FFTs of JAX."""
    import jax.numpy as jnp
    from jax import lax

    def to_grid(real: Any, imag: Any, size: tuple[int, int]) -> Any:
        return jnp.fft.irfft2(lax.complex(real, imag), s=size, norm="forward")

    def to_series(values: Any) -> tuple[Any, Any]:
        series = jnp.fft.rfft2(values, norm="forward")
        return series.real, series.imag

    return Transforms(to_grid, to_series)


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return fourier(problem, jax_backend(problem), transforms())


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="jax_fourier",
    framework="jax",
    build=_build,
    supports=supports,
    papers=("luo2024", "xin2021"),
    growth={"lmax": 3, "channels": 1},
)
