"""The backend of NumPy, which has no bfloat16, no device and no gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from impls.implementation import Target
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution
from impls.problem import Problem


class NumpyBackend:
    """See `impls.backends.Backend`."""

    fft = np.fft

    def __init__(self, problem: Problem, target: Target) -> None:
        self.target, self.dtype = target, np.dtype(problem.dtype)

    def table(self, a: np.ndarray) -> Any:
        return np.ascontiguousarray(a, dtype=self.dtype)

    def index(self, a: np.ndarray) -> Any:
        return np.asarray(a)

    def take(self, a: Any, index: Any, axis: int = -1) -> Any:
        return np.take(a, index, axis=axis)

    def gather(self, a: Any, index: Any) -> Any:
        return a[index]

    def segment_sum(self, rows: Any, index: Any, count: int) -> Any:
        total = np.zeros((count, *rows.shape[1:]), rows.dtype)
        np.add.at(total, index, rows)
        return total

    def segment_max(self, rows: Any, index: Any, count: int) -> Any:
        largest = np.full((count, *rows.shape[1:]), -np.inf, rows.dtype)
        np.maximum.at(largest, index, rows)
        return largest

    def contiguous(self, a: Any) -> Any:
        return np.ascontiguousarray(a)

    def bmm(self, a: Any, b: Any) -> Any:
        return a @ b

    def outer(self, a: Any, b: Any) -> Any:
        return (a[..., :, None] * b[..., None, :]).reshape(*a.shape[:-1], -1)

    def outer_first(self, a: Any, b: Any) -> Any:
        products = a[:, None] * b[None]
        return products.reshape(-1, *products.shape[2:])

    def is_negative(self, a: Any) -> Any:
        return (a < 0).astype(a.dtype)

    def floor(self, a: Any) -> tuple[Any, Any]:
        below = np.floor(a)
        return below.astype(np.int64), a - below

    def broadcast(self, a: Any, shape: tuple[int, ...]) -> Any:
        return np.broadcast_to(a, shape)

    def split(self, a: Any, sizes: Sequence[int], axis: int) -> Sequence[Any]:
        return np.split(a, np.cumsum(sizes)[:-1], axis)

    def concatenate(self, arrays: Sequence[Any], axis: int) -> Any:
        return np.concatenate(arrays, axis)

    def complex(self, real: Any, imag: Any) -> Any:
        return real + 1j * imag

    def sin(self, a: Any) -> Any:
        return np.sin(a)

    def exp(self, a: Any) -> Any:
        return np.exp(a)

    def log(self, a: Any) -> Any:
        return np.log(a)

    def arctan2(self, y: Any, x: Any) -> Any:
        return np.arctan2(y, x)

    def sigmoid(self, a: Any) -> Any:
        return expit(a)  # which does not overflow

    def softmax(self, a: Any) -> Any:
        return softmax(a, -1)

    def activation(self, name: str) -> Callable[[Any], Any]:
        functions: dict[str, Callable[[Any], Any]] = {
            "silu": lambda a: a * self.sigmoid(a),
            "tanh": np.tanh,
        }
        return functions[name]

    def norm(self, a: Any) -> Any:
        return np.linalg.norm(a, axis=-1, keepdims=True)

    def largest(self, a: Any, axis: int) -> Any:
        return a.max(axis)

    def energy(self, a: Any, axes: tuple[int, ...]) -> Any:
        return np.square(a).sum(axes)

    def eigenvectors(self, a: Any) -> Any:
        return np.linalg.eigh(a)[1]

    def argsort(self, a: Any) -> Any:
        return np.argsort(a)

    def trilinear(self, form: TrilinearForm) -> Callable[[Any, Any], Any]:
        from impls.kernels.numpy import bind
        from impls.kernels.rows import Rows

        return bind(Rows(form), str(self.dtype), self.target.threads)

    def convolution(self, form: Convolution) -> Callable[..., Any]:
        from impls.kernels.graph import Edges
        from impls.kernels.numpy import bind

        return bind(Edges(form), str(self.dtype), self.target.threads)


BACKEND = NumpyBackend
