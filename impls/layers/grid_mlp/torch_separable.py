"""Grid MLP in PyTorch, with separable stages [@liao2024].

O((L^2 R + L R^2) C + R^2 C^2) for R rings of 2R points and C channels. See
`grid_nonlinearity.separable`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.layers.grid_mlp.mlp import channel_mlp
from impls.layers.grid_nonlinearity.separable import separable
from impls.layers.pointwise import torch_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    layer = torch_layer(problem, target)
    return separable(problem, layer, channel_mlp(problem, layer))


IMPLEMENTATION = Implementation(
    operation="grid_mlp",
    name="torch_separable",
    framework="torch",
    build=_build,
    profiles=("paper", "check"),
    papers=("liao2024", "driscoll1994"),
)
