"""Functions of the values of features at points, which layers on a grid apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.backends import Backend
from impls.families.feature import activation_of
from impls.implementation import Tensors
from impls.problem import Problem

Pointwise = Callable[[Any, Tensors], Any]
"""A function of the values at points of a grid [(batch, channels, ...), ...], and of weights."""


def activated(problem: Problem, b: Backend) -> Pointwise:
    """Return the activation of a problem, which has no weights."""
    activation = b.activation(activation_of(problem))
    return lambda values, weights: activation(values)
