"""Gaunt product in PyTorch by Fourier series and real FFTs, without coefficients that vanish.

O(L^3) multiplications at both ends, half as many as `fourier`; O(L^2 log L) in the FFTs [@luo2024]
[@xin2021]. Even l1+l2+l3 only. See `fourier_parity`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.gaunt.fourier import supports
from impls.products.gaunt.fourier_parity import fourier_parity
from impls.products.gaunt.torch_fourier import transforms


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return fourier_parity(problem, torch_backend(problem, target), transforms())


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="torch_fourier_parity",
    framework="torch",
    build=_build,
    supports=supports,
    profiles=("paper", "check"),
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
