"""Kernels called from NumPy, and the C function that other frameworks call too."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from impls.kernels.compiler import library
from impls.kernels.derivative import Derivative
from impls.kernels.kernel import MOST, Kernel, Shape, first

FAILURES = {1: "there is no memory to work in", 2: "an index is out of range"}
"""What the functions return where they fail."""


class Function:
    """The C function of a derivative with its table, at a data type: called with pointers."""

    def __init__(self, kernel: Kernel, derivative: Derivative, dtype: str, threads: int) -> None:
        """Compile or load the library, and convert the table."""
        self.kernel, self.derivative = kernel, derivative
        table = kernel.table(derivative)
        self.words = np.ascontiguousarray(table.words, np.int32)
        self.numbers = np.ascontiguousarray(table.numbers, dtype)
        loaded = library(kernel.sources, dtype, kernel.flags, parallel=threads > 1)
        self.function = getattr(loaded, kernel.symbol)
        self.function.restype = ctypes.c_int
        tables = self.words.ctypes.data, self.numbers.ctypes.data
        self.head = tuple(ctypes.c_void_p(pointer) for pointer in tables)
        self.threads = ctypes.c_int(threads)
        arrays = len(derivative.given) + kernel.indices + len(derivative.wanted)
        self.pointers: Any = ctypes.c_void_p * arrays
        self.sizes = lru_cache(maxsize=256)(self._sizes)

    def _sizes(self, shapes: tuple[Shape, ...]) -> tuple[tuple[Shape, ...], Any]:
        """Return the shapes of the outputs, and the numbers of rows, for those of all arguments."""
        given = shapes[: len(self.derivative.given)]
        counts = self.kernel.counts(self.derivative, shapes)
        return self.kernel.shapes(self.derivative, given), (ctypes.c_int64 * len(counts))(*counts)

    def __call__(self, pointers: Sequence[int], counts: Any) -> None:
        """Fill the outputs; `pointers` are as `Kernel` says, `counts` as `sizes` returned them.

        Raises:
            MemoryError: when the function got none.
            IndexError: for an index out of range.
        """
        failed = self.function(*self.head, self.pointers(*pointers), counts, self.threads)
        if failed:
            error = MemoryError if failed == 1 else IndexError
            raise error(f"{self.kernel.symbol}: {FAILURES[failed]}")


def _int32(index: Any) -> Any:
    """Return indices as the C function takes them; what int32 does not hold stays out of range."""
    held = index if index.dtype == np.int32 else np.clip(index, -1, MOST)
    return np.ascontiguousarray(held, np.int32)


def bind(kernel: Kernel, dtype: str, threads: int) -> Callable[..., Any]:
    """Return the map as a function of arrays: the given ones, then those of indices."""
    function, many = Function(kernel, first(kernel), dtype, threads), kernel.slots - 1

    def call(*arrays: Any) -> Any:
        given = [np.ascontiguousarray(a, dtype) for a in arrays[:many]]
        given += [_int32(a) for a in arrays[many:]]
        shapes, counts = function.sizes(tuple(a.shape for a in given))
        outputs = [np.empty(shape, dtype) for shape in shapes]
        function([a.ctypes.data for a in (*given, *outputs)], counts)
        return outputs[0]

    return call
