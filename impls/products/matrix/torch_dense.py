"""Matrix product in PyTorch: convert by dense matrices, multiply, convert back [@unke2024].

Z = X Y with 2j+1 = L + 1 or L + 2 rows, L the largest degree: O(L^4) multiplications in the
conversions, O(L^3) in the product. Fixed coefficients, both parities of l1+l2+l3. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.matrix.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="matrix",
    name="torch_dense",
    framework="torch",
    build=_build,
    papers=("unke2024",),
    growth=Growth({"lmax": 4, "channels": 1}),
)
