"""SwiGLU at the points of a grid, with the transforms of `grid_nonlinearity` around it.

For R rings of 2R points and C channels, dense transforms cost O(L^2 R^2 C + R^2 C^2) and separable
ones O((L^2 R + L R^2) C + R^2 C^2) [@liao2026].
"""

from __future__ import annotations

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


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with one matrix product each way."""
    return with_matrices(problem, b, channel_swiglu(problem, b))


def separable(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with separable stages."""
    return in_stages(problem, b, channel_swiglu(problem, b))


def channel_swiglu(problem: Problem, b: Backend) -> Pointwise:
    """Return values [(batch, channels, ...), ...] to phi(A values) (B values), over channels."""
    activation = b.activation(activation_of(problem))
    shape = -1, shape_of(problem)[1], 2 * resolution_of(problem) ** 2

    def mix(values: Any, weights: Tensors) -> Any:
        rows = values.reshape(shape)
        return (activation(weights["a"] @ rows) * (weights["b"] @ rows)).reshape(values.shape)

    return mix


ALGORITHMS = (
    Algorithm(
        "grid_swiglu",
        "dense",
        "one matrix product each way",
        dense,
        papers=("liao2026",),
        growth=Growth({"lmax": 4, "channels": 2}),
    ),
    Algorithm(
        "grid_swiglu",
        "separable",
        "separable stages",
        separable,
        papers=("liao2026", "driscoll1994"),
    ),
)
