"""The MLP at the points of a grid, with the transforms of `grid_nonlinearity` around it."""

from __future__ import annotations

from typing import Any

from impls.families.feature import shape_of
from impls.implementation import Tensors
from impls.layers.grid_nonlinearity.operation import resolution_of
from impls.layers.pointwise import Layer, Pointwise
from impls.problem import Problem


def channel_mlp(problem: Problem, layer: Layer) -> Pointwise:
    """Return values [(batch, channels, ...), ...] to B phi(A values), over channels."""
    shape = -1, shape_of(problem)[1], 2 * resolution_of(problem) ** 2

    def mix(values: Any, weights: Tensors) -> Any:
        hidden = layer.activation(weights["a"] @ values.reshape(shape))
        return (weights["b"] @ hidden).reshape(values.shape)

    return mix
