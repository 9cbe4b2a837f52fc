"""Product of 3 x 3 matrices in PyTorch: convert, X Y + Y X or 2 X Y, convert back [@simeon2023].

27 or 54 multiplications and three conversions, which are part of the call. Degrees up to 2, fixed
coefficients. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.cartesian_matrix.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="cartesian_matrix",
    name="torch_dense",
    framework="torch",
    build=_build,
    papers=("simeon2023",),
)
