"""Gaunt product in JAX by two-dimensional Fourier series and real FFTs.

O(L^3) multiplications at both ends, O(L^2 log L) in the FFTs [@luo2024] [@xin2021]. Even l1+l2+l3
only. See `fourier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt.fourier import FFTS, Transforms, fft_of, fourier, supports


def transforms(fft: str = FFTS[0]) -> Transforms:
    """Return the FFTs of JAX, real or complex."""
    import jax.numpy as jnp
    from jax import lax

    half = fft == "real"
    inverse = jnp.fft.irfft2 if half else jnp.fft.ifft2
    forward = jnp.fft.rfft2 if half else jnp.fft.fft2

    def to_grid(real: Any, imag: Any, size: tuple[int, int]) -> Any:
        return inverse(lax.complex(real, imag), s=size, norm="forward")

    def to_series(values: Any) -> tuple[Any, Any]:
        series = forward(values, norm="forward")
        return series.real, series.imag

    return Transforms(to_grid, to_series, fft)


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return fourier(problem, jax_backend(problem), transforms(fft_of(options)))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="jax_fourier",
    framework="jax",
    build=_build,
    supports=supports,
    options={"fft": FFTS},
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
