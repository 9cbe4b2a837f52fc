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

    def contiguous(self, a: Any) -> Any:
        return a

    def bmm(self, a: Any, b: Any) -> Any:
        return a @ b

    def is_negative(self, a: Any) -> Any:
        return a < 0

    def broadcast(self, a: Any, shape: tuple[int, ...]) -> Any:
        return jnp.broadcast_to(a, shape)

    def split(self, a: Any, sizes: Sequence[int], axis: int) -> Sequence[Any]:
        return jnp.split(a, np.cumsum(sizes)[:-1], axis)

    def concatenate(self, arrays: Sequence[Any], axis: int) -> Any:
        return jnp.concatenate(arrays, axis)

    def complex(self, real: Any, imag: Any) -> Any:
        return jax.lax.complex(real, imag)

    def sigmoid(self, a: Any) -> Any:
        return jax.nn.sigmoid(a)

    def activation(self, name: str) -> Callable[[Any], Any]:
        return {"silu": jax.nn.silu, "tanh": jnp.tanh}[name]

    def norm(self, a: Any) -> Any:
        squares = (a * a).sum(-1, keepdims=True)
        positive = squares > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)

    def trilinear(self, form: TrilinearForm) -> Callable[[Any, Any], Any]:
        from impls.kernels.jax import bind
        from impls.kernels.rows import Rows

        return bind(Rows(form), self.dtype, self.target.threads)

    def convolution(self, form: Convolution) -> Callable[..., Any]:
        from impls.kernels.graph import Edges
        from impls.kernels.jax import bind

        call = bind(Edges(form), self.dtype, self.target.threads)

        def convolution(*arrays: Any) -> Any:
            return call(*arrays[:-2], *(index.astype(jnp.int32) for index in arrays[-2:]))

        return convolution


BACKEND = JaxBackend
