"""Grid nonlinearity in PyTorch in separable stages [@cohen2018] [@driscoll1994].

O(L^2 R + L R^2) for R rings of 2R points. See `separable`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.layers.grid_nonlinearity.separable import separable
from impls.layers.pointwise import torch_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return separable(problem, torch_layer(problem, target))


IMPLEMENTATION = Implementation(
    operation="grid_nonlinearity",
    name="torch_separable",
    framework="torch",
    build=_build,
    papers=("cohen2018", "driscoll1994"),
)
