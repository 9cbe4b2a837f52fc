"""The only place where frameworks differ: what an algorithm may use beyond plain array code.

Indexing, arithmetic, `@`, `reshape`, `swapaxes`, `sum` and `mean` are the same in NumPy, PyTorch
and JAX. All else that an algorithm needs is a member of `Backend`, and each framework has one file
that says how. An algorithm uses a backend by its parameter `b` and calls its members by name: a
key of a case covers just the members whose names stand in the sources of the case, as its own
framework defines them, so that a new member changes no key.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from impls.implementation import FRAMEWORKS, Framework, Target
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution
from impls.problem import Problem


class Backend(Protocol):
    """One framework, at the device and data type of a case. Arrays of the framework are `Any`."""

    target: Target
    fft: Any
    """The framework's FFTs: `rfft`, `irfft`, `rfft2`, `irfft2`, `fft2` and `ifft2` with `norm`."""

    def table(self, a: np.ndarray) -> Any:
        """Return a constant of the problem's data type."""

    def index(self, a: np.ndarray) -> Any:
        """Return a constant of integers."""

    def take(self, a: Any, index: Any, axis: int = -1) -> Any:
        """Return entries of an axis >= 0, or of the last: a[..., index]."""

    def gather(self, a: Any, index: Any) -> Any:
        """Return rows: a[index]."""

    def segment_sum(self, rows: Any, index: Any, count: int) -> Any:
        """Return [count, ...]: the sum of the rows with each index."""

    def segment_max(self, rows: Any, index: Any, count: int) -> Any:
        """Return [count, ...]: the largest of the rows with each index, -inf where there is none.

        It is a constant to gradients.
        """

    def contiguous(self, a: Any) -> Any:
        """Return an array whose numbers lie in memory as its axes say; JAX has no other."""

    def bmm(self, a: Any, b: Any) -> Any:
        """Return the matrix products [n, i, k] of a [n, i, j] and b [n, j, k]."""

    def outer(self, a: Any, b: Any) -> Any:
        """Return the products [..., i j] of a [..., i] and b [..., j]."""

    def outer_first(self, a: Any, b: Any) -> Any:
        """Return the products [i j, ...] of a [i, ...] and b [j, ...], other axes broadcast."""

    def is_negative(self, a: Any) -> Any:
        """Return 1 where a < 0, else 0: a factor that keeps the data type of what it multiplies."""

    def floor(self, a: Any) -> tuple[Any, Any]:
        """Return the largest integers that are not above, to index with, and what is left of a."""

    def broadcast(self, a: Any, shape: tuple[int, ...]) -> Any:
        """Return an array repeated along its axes of length 1, as a view where there are views."""

    def split(self, a: Any, sizes: Sequence[int], axis: int) -> Sequence[Any]:
        """Return parts of these lengths along an axis, whose gradients are joined in one pass."""

    def concatenate(self, arrays: Sequence[Any], axis: int) -> Any:
        """Return arrays joined along an axis."""

    def complex(self, real: Any, imag: Any) -> Any:
        """Return real + i imag."""

    def sin(self, a: Any) -> Any:
        """Return the sine."""

    def exp(self, a: Any) -> Any:
        """Return the exponential."""

    def log(self, a: Any) -> Any:
        """Return the natural logarithm."""

    def arctan2(self, y: Any, x: Any) -> Any:
        """Return the angle [rad] of (x, y), between -pi and pi."""

    def sigmoid(self, a: Any) -> Any:
        """Return 1 / (1 + exp(-a))."""

    def softmax(self, a: Any) -> Any:
        """Return exp(a) divided by its sum along the last axis; no entry overflows."""

    def activation(self, name: str) -> Callable[[Any], Any]:
        """Return a pointwise function by name: silu or tanh."""

    def norm(self, a: Any) -> Any:
        """Return the Euclidean norm along the last axis, kept as 1; its gradient at 0 is 0."""

    def largest(self, a: Any, axis: int) -> Any:
        """Return the largest entries along an axis, which is left out."""

    def energy(self, a: Any, axes: tuple[int, ...]) -> Any:
        """Return the sums of squares over axes, in float32 at least: a constant to gradients."""

    def eigenvectors(self, a: Any) -> Any:
        """Return those of symmetric a [n, d, d] as columns, by ascending eigenvalue.

        Signs are any, and gradients ask for eigenvalues that differ.
        """

    def argsort(self, a: Any) -> Any:
        """Return the indices [n] that sort a [n], the least first; of equals in any order."""

    def trilinear(self, form: TrilinearForm) -> Callable[[Any, Any], Any]:
        """Return z [..., dim3] of x [..., dim1] and y [..., dim2], by the kernel of forms."""

    def convolution(self, form: Convolution) -> Callable[..., Any]:
        """Return z [nodes, channels, dim3] of (x, s, w, src, dst) by the kernel of graphs.

        Without weights, of (x, s, src, dst); see `impls.kernels.graph`.
        """


def load(framework: Framework, problem: Problem, target: Target) -> Backend:
    """Return the backend of a framework for a problem; imports the framework.

    Raises:
        ValueError: for an unknown framework.
    """
    if framework not in FRAMEWORKS:
        raise ValueError(f"unknown framework {framework!r}: choose {', '.join(FRAMEWORKS)}")
    module = importlib.import_module(f"impls.backends.{framework}")
    backend: Backend = module.BACKEND(problem, target)
    return backend
