"""Grid MLP in PyTorch, by one matrix product each way [@liao2024].

O(L^2 R^2 C + R^2 C^2) for R rings of 2R points and C channels. See `grid_nonlinearity.dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.layers.grid_mlp.mlp import channel_mlp
from impls.layers.grid_nonlinearity.dense import dense
from impls.layers.pointwise import torch_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    layer = torch_layer(problem, target)
    return dense(problem, layer, channel_mlp(problem, layer))


IMPLEMENTATION = Implementation(
    operation="grid_mlp",
    name="torch_dense",
    framework="torch",
    build=_build,
    profiles=("paper", "check"),
    papers=("liao2024",),
    growth=Growth({"lmax": 4, "channels": 2}),
)
