"""Grade-weighted geometric product in PyTorch [@ruhe2023].

By the dense multiplication table, 512 entries. All 20 triples of grades; no degree 2.
See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.clifford.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="clifford",
    name="torch_dense",
    framework="torch",
    build=_build,
    papers=("ruhe2023",),
)
