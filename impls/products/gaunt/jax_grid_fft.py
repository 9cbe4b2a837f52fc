"""Gaunt product in JAX on a Gauss-Legendre product grid, with an FFT of each ring.

O(L^3) multiplications in the Legendre stage, O(L^2 log L) in the FFTs [@xie2025]. Even l1+l2+l3
only. See `grid_fft`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt.fourier import supports
from impls.products.gaunt.grid_fft import Rings, grid_fft


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import jax.numpy as jnp
    from jax import lax

    def to_values(real: Any, imag: Any, size: int) -> Any:
        return jnp.fft.irfft(lax.complex(real, imag), n=size, norm="forward")

    def to_series(values: Any) -> tuple[Any, Any]:
        series = jnp.fft.rfft(values, norm="forward")
        return series.real, series.imag

    return grid_fft(problem, jax_backend(problem), Rings(to_values, to_series))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="jax_grid_fft",
    framework="jax",
    build=_build,
    supports=supports,
    profiles=("paper", "check"),
    papers=("luo2024", "xie2025"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
