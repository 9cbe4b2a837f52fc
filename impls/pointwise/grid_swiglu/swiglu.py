"""SwiGLU at the points of a grid [@liao2026]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.implementation import Tensors
from impls.pointwise.grid_channels import algorithms


def swiglu(activation: Callable[[Any], Any], values: Any, weights: Tensors) -> Any:
    """Return phi(A values) (B values), over channels."""
    return activation(weights["a"] @ values) * (weights["b"] @ values)


ALGORITHMS = algorithms("grid_swiglu", swiglu, "liao2026")
