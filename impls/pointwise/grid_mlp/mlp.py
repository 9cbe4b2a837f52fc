"""The MLP at the points of a grid [@liao2024]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.implementation import Tensors
from impls.pointwise.grid_channels import algorithms


def mlp(activation: Callable[[Any], Any], values: Any, weights: Tensors) -> Any:
    """Return B phi(A values), over channels."""
    return weights["b"] @ activation(weights["a"] @ values)


ALGORITHMS = algorithms("grid_mlp", mlp, "liao2024")
