"""What layers of scalars and vectors share, in any framework: lengths, cross products, means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.backends import Backend


def norms(b: Backend, v: Any) -> Any:
    """Return the lengths [n, B] of vectors [n, 3, B]; the gradient of that of zero is 0."""
    return b.norm(v.swapaxes(1, 2))[..., 0]


def crossed(b: Backend) -> Callable[[Any, Any], Any]:
    """Return the cross product of vectors [n, 3], as a function of both."""
    after, before = b.index(np.array([1, 2, 0])), b.index(np.array([2, 0, 1]))

    def product(one: Any, other: Any) -> Any:
        forth = b.take(one, after) * b.take(other, before)
        return forth - b.take(one, before) * b.take(other, after)

    return product


def mean(b: Backend, rows: Any, ones: Any, index: Any, count: int) -> Any:
    """Return [count, ...]: the mean of the rows with each index, 0 where there is none.

    `ones` [rows, 1] are of the data type.
    """
    found = b.segment_sum(ones, index, count)
    found = found + b.is_negative(found - 0.5)  # a node that has none is divided by one
    shape = (count, *(1 for _ in rows.shape[1:]))
    return b.segment_sum(rows, index, count) / found.reshape(shape)
