"""Gaunt product in PyTorch by a direct convolution of two-dimensional Fourier series.

O(L^4) multiplications, no FFT [@luo2024] [@xin2021]. Even l1+l2+l3 only. See `fourier_direct`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.gaunt.fourier_direct import fourier_direct


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return fourier_direct(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="torch_fourier_direct",
    framework="torch",
    build=_build,
    profiles=("paper", "check"),
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
