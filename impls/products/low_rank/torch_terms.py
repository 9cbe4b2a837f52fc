"""Low-rank product in PyTorch: three matrix products with R terms [@lin2025].

O(R (dim1 + dim2 + dim3)) multiplications; every path approximately, no symmetry exactly. See
`terms`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.low_rank.terms import terms


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return terms(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="low_rank",
    name="torch_terms",
    framework="torch",
    build=_build,
    papers=("lin2025",),
)
