"""The backend of JAX, on its default device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from impls.implementation import Target
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution
from impls.problem import Problem


class JaxBackend:
    """See `impls.backends.Backend`."""

    fft = jnp.fft

    def __init__(self, problem: Problem, target: Target) -> None:
        self.target, self.dtype = target, problem.dtype

    def table(self, a: np.ndarray) -> Any:
        return jnp.asarray(a, dtype=self.dtype)

    def index(self, a: np.ndarray) -> Any:
        return jnp.asarray(a, dtype=jnp.int32)

    def take(self, a: Any, index: Any, axis: int = -1) -> Any:
        return a[..., index] if axis == -1 else a[(slice(None),) * axis + (index,)]

    def gather(self, a: Any, index: Any) -> Any:
        return a[index]

    def segment_sum(self, rows: Any, index: Any, count: int) -> Any:
        return jax.ops.segment_sum(rows, index, num_segments=count)

    def segment_max(self, rows: Any, index: Any, count: int) -> Any:
        return jax.ops.segment_max(jax.lax.stop_gradient(rows), index, num_segments=count)

    def contiguous(self, a: Any) -> Any:
        return a

    def bmm(self, a: Any, b: Any) -> Any:
        return a @ b

    def outer(self, a: Any, b: Any) -> Any:
        return _outer(a, b)

    def outer_first(self, a: Any, b: Any) -> Any:
        return _outer_first(a, b)

    def is_negative(self, a: Any) -> Any:
        return a < 0

    def floor(self, a: Any) -> tuple[Any, Any]:
        below = jnp.floor(a)  # its gradient is zero
        return below.astype(jnp.int32), a - below

    def broadcast(self, a: Any, shape: tuple[int, ...]) -> Any:
        return jnp.broadcast_to(a, shape)

    def split(self, a: Any, sizes: Sequence[int], axis: int) -> Sequence[Any]:
        return jnp.split(a, np.cumsum(sizes)[:-1], axis)

    def concatenate(self, arrays: Sequence[Any], axis: int) -> Any:
        return jnp.concatenate(arrays, axis)

    def complex(self, real: Any, imag: Any) -> Any:
        return jax.lax.complex(real, imag)

    def sin(self, a: Any) -> Any:
        return jnp.sin(a)

    def exp(self, a: Any) -> Any:
        return jnp.exp(a)

    def log(self, a: Any) -> Any:
        return jnp.log(a)

    def arctan2(self, y: Any, x: Any) -> Any:
        return jnp.arctan2(y, x)

    def sigmoid(self, a: Any) -> Any:
        return jax.nn.sigmoid(a)

    def softmax(self, a: Any) -> Any:
        return jax.nn.softmax(a, -1)

    def activation(self, name: str) -> Callable[[Any], Any]:
        return {"silu": jax.nn.silu, "tanh": jnp.tanh}[name]

    def norm(self, a: Any) -> Any:
        squares = (a * a).sum(-1, keepdims=True)
        positive = squares > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)

    def largest(self, a: Any, axis: int) -> Any:
        return a.max(axis)

    def energy(self, a: Any, axes: tuple[int, ...]) -> Any:
        wide = jnp.promote_types(a.dtype, jnp.float32)
        return jnp.square(jax.lax.stop_gradient(a).astype(wide)).sum(axes)

    def eigenvectors(self, a: Any) -> Any:
        return jnp.linalg.eigh(a)[1]

    def argsort(self, a: Any) -> Any:
        return jnp.argsort(a)

    def trilinear(self, form: TrilinearForm) -> Callable[[Any, Any], Any]:
        from impls.kernels.jax import bind
        from impls.kernels.rows import Rows

        return bind(Rows(form), self.dtype, self.target.threads)

    def convolution(self, form: Convolution) -> Callable[..., Any]:
        from impls.kernels.graph import Edges
        from impls.kernels.jax import bind
        from impls.kernels.kernel import MOST

        call = bind(Edges(form), self.dtype, self.target.threads)

        def int32(index: Any) -> Any:  # what it does not hold stays out of range
            held = index if index.dtype == jnp.int32 else jnp.clip(index, -1, MOST)
            return held.astype(jnp.int32)

        def convolution(*arrays: Any) -> Any:
            return call(*arrays[:-2], *map(int32, arrays[-2:]))

        return convolution


# The gradients of an outer product are sums over one of its axes. As XLA derives them they are
# reductions, which its CPU compiler does not vectorise: of rows, products with vectors are twice
# as fast; of components, sums written out are seven times as fast.


def _derived(function: Callable[..., Any], gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of two arrays whose gradients are `gradients((a, b), g)`."""
    derived = jax.custom_vjp(function)
    derived.defvjp(lambda a, b: (function(a, b), (a, b)), gradients)
    return derived


def _pairs(a: Any, b: Any) -> Any:
    return (a[..., :, None] * b[..., None, :]).reshape(*a.shape[:-1], -1)


def _pairs_gradients(given: tuple[Any, Any], g: Any) -> tuple[Any, Any]:
    a, b = given
    g = g.reshape(-1, a.shape[-1], b.shape[-1])
    rows_a, rows_b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    to_a = (g @ rows_b[:, :, None]).reshape(a.shape)
    return to_a, (rows_a[:, None] @ g).reshape(b.shape)


_outer = _derived(_pairs, _pairs_gradients)


def _pairs_first(a: Any, b: Any) -> Any:
    products = a[:, None] * b[None]
    return products.reshape(-1, *products.shape[2:])


def _pairs_first_gradients(given: tuple[Any, Any], g: Any) -> tuple[Any, Any]:
    a, b = given
    g = g.reshape(len(a), len(b), *g.shape[1:])
    to_a = sum((g[:, j] * b[j] for j in range(1, len(b))), g[:, 0] * b[0])
    to_b = sum((g[i] * a[i] for i in range(1, len(a))), g[0] * a[0])
    return _summed_like(to_a, a), _summed_like(to_b, b)


def _summed_like(g: Any, a: Any) -> Any:
    """Return g, summed over the axes along which a was broadcast."""
    axes = [n for n, size in enumerate(a.shape) if size == 1 and g.shape[n] > 1]
    return g.sum(axes, keepdims=True) if axes else g


_outer_first = _derived(_pairs_first, _pairs_first_gradients)

BACKEND = JaxBackend
