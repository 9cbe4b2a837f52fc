"""Functions over the channels at each point of a grid, with the transforms of `grid_nonlinearity`.

For R rings of 2R points and C channels, dense transforms cost O(L^2 R^2 C + R^2 C^2) and separable
ones O((L^2 R + L R^2) C + R^2 C^2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import activation_of, shape_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.pointwise.grid_functions import Pointwise
from impls.pointwise.grid_nonlinearity.dense import with_matrices
from impls.pointwise.grid_nonlinearity.operation import resolution_of
from impls.pointwise.grid_nonlinearity.separable import in_stages
from impls.problem import Problem

OverChannels = Callable[[Callable[[Any], Any], Any, Tensors], Any]
"""Of an activation, values [batch, channels, points] and weights: values of the same shape."""


def algorithms(operation: str, function: OverChannels, paper: str) -> tuple[Algorithm, ...]:
    """Return the function at points that one matrix product each way, or separable stages, make."""

    def pointwise(problem: Problem, b: Backend) -> Pointwise:
        activation = b.activation(activation_of(problem))
        shape = -1, shape_of(problem)[1], 2 * resolution_of(problem) ** 2

        def mix(values: Any, weights: Tensors) -> Any:
            return function(activation, values.reshape(shape), weights).reshape(values.shape)

        return mix

    def dense(problem: Problem, b: Backend, options: Options) -> Built:
        return with_matrices(problem, b, pointwise(problem, b))

    def separable(problem: Problem, b: Backend, options: Options) -> Built:
        return in_stages(problem, b, pointwise(problem, b))

    return (
        Algorithm(
            operation,
            "dense",
            "one matrix product each way",
            dense,
            papers=(paper,),
            growth=Growth({"lmax": 4, "channels": 2}),
        ),
        Algorithm(
            operation, "separable", "separable stages", separable, papers=(paper, "driscoll1994")
        ),
    )
