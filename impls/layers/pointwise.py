"""The functions of layers in which frameworks differ, so that a layer is written once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from impls.implementation import Target, Tensors
from impls.problem import Problem
from impls.products.backend import Backend, jax_backend, torch_backend

Pointwise = Callable[[Any, Tensors], Any]
"""A function of the values at points of a grid [(batch, channels, ...), ...], and of weights."""


@dataclass(frozen=True)
class Layer:
    """One framework: its arrays, the activation of a problem, and what else layers need.

    `norm(a)` is the Euclidean norm along the last axis, which stays as 1; its gradient is zero
    where the norm is.
    """

    arrays: Backend
    activation: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    norm: Callable[[Any], Any]


def activated(layer: Layer) -> Pointwise:
    """Return the activation of a layer, which has no weights."""
    return lambda values, weights: layer.activation(values)


def torch_layer(problem: Problem, target: Target) -> Layer:
    """Return the functions of PyTorch."""
    import torch

    functions: dict[str, Callable[[Any], Any]] = {
        "silu": torch.nn.functional.silu,
        "tanh": torch.tanh,
    }
    return Layer(
        arrays=torch_backend(problem, target),
        activation=functions[str(problem.sizes["activation"])],
        sigmoid=torch.sigmoid,
        norm=lambda a: torch.linalg.vector_norm(a, dim=-1, keepdim=True),
    )


def jax_layer(problem: Problem) -> Layer:
    """Return the functions of JAX."""
    import jax
    import jax.numpy as jnp

    def norm(a: Any) -> Any:
        squares = (a * a).sum(-1, keepdims=True)
        positive = squares > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)

    functions: dict[str, Callable[[Any], Any]] = {"silu": jax.nn.silu, "tanh": jnp.tanh}
    return Layer(
        arrays=jax_backend(problem),
        activation=functions[str(problem.sizes["activation"])],
        sigmoid=jax.nn.sigmoid,
        norm=norm,
    )
