"""A kernel: a multilinear form with what computes its derivatives from tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from impls.kernels.derivative import Derivative, value

Shape = tuple[int, ...]
MOST = 2**31 - 1
"""What is numbered is numbered in int32: so many at most, and neither -1 nor MOST is an index."""


@dataclass(frozen=True)
class Table:
    """What the C function reads: `words` (int32) and `numbers` (float64)."""

    words: NDArray[np.int32]
    numbers: NDArray[np.float64]


class Entries(NamedTuple):
    """The coefficients of a form, one by one, as the Triton programs see them.

    `sizes` are the components of each slot, `places` [entries, slots] those of each entry, and
    `values` [entries] the coefficients.
    """

    sizes: tuple[int, ...]
    places: NDArray[np.int64]
    values: NDArray[np.float64]


class Kernel(Protocol):
    """What the bindings of the frameworks need; two kernels with equal `digest` are the same.

    The C function is `symbol(words, numbers, arrays, counts, threads)` in `sources`; `arrays` are
    what is given, then `indices` index arrays (int32), then the outputs. It returns 0, 1 where it
    gets no memory, and 2 for an index out of range. On a GPU, Triton programs made from `entries`
    take its place (`impls.kernels.triton`).
    """

    sources: ClassVar[tuple[str, ...]]
    flags: ClassVar[tuple[str, ...]]
    symbol: ClassVar[str]
    indices: ClassVar[int]

    @property
    def slots(self) -> int:
        """Return the number of slots of the form, the last being that of the value's cotangent."""

    def __hash__(self) -> int:
        """Kernels are keys of caches."""

    @property
    def digest(self) -> str:
        """Return 16 hex digits of its content."""

    @property
    def entries(self) -> Entries:
        """Return the coefficients of the form."""

    def table(self, derivative: Derivative) -> Table:
        """Return the table of a derivative for the C function."""

    def shapes(self, derivative: Derivative, given: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shapes of the outputs from those of what is given."""

    def counts(self, derivative: Derivative, arguments: Sequence[Shape]) -> tuple[int, ...]:
        """Return the numbers of rows, from the shapes of what is given and of the indices."""


def check_dtypes(kernel: Kernel, dtype: str, names: Sequence[str]) -> None:
    """Refuse arrays that the C function would misread: `names` are the data types of all.

    Raises:
        TypeError: when what is given is not of the data type of the function, or an index no int32.
    """
    given = len(names) - kernel.indices
    expected = [dtype] * given + ["int32"] * kernel.indices
    if list(names) != expected:
        raise TypeError(
            f"{kernel.symbol} got arrays of {', '.join(names)}, not {', '.join(expected)}"
        )


def first(kernel: Kernel) -> Derivative:
    """Return the map itself: the derivative with respect to the last slot."""
    return value(kernel.slots)
