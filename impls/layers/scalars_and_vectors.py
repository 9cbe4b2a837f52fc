r"""Features of invariants and vectors: what layers that stop at degree 1 share, in any framework.

A feature [.., channels, dim] of copies of 0e, and then copies of 1o, is held as its invariants
[.., A] and its vectors [.., 3, B], copies and channels counted together, channels slowest: channels
last, so that a linear map of either is a product with a matrix.
"""

from __future__ import annotations

from typing import Any

from impls.backends import Backend


class Parts:
    """How a feature of so many channels, with copies of 0e and of 1o, is taken apart and joined."""

    def __init__(self, channels: int, scalars: int, vectors: int) -> None:
        """Take the channels, and the copies of each in one of them."""
        self.channels, self.scalars, self.vectors = channels, scalars, vectors

    def apart(self, x: Any) -> tuple[Any, Any]:
        """Return invariants [n, A] and vectors [n, 3, B] of x [n, channels, dim]."""
        s = x[..., : self.scalars].reshape(x.shape[0], -1)
        v = x[..., self.scalars :].reshape(x.shape[0], self.channels * self.vectors, 3)
        return s, v.swapaxes(1, 2)

    def joined(self, s: Any, v: Any, b: Backend) -> Any:
        """Return x [n, channels, dim] of invariants [n, A] and vectors [n, 3, B]."""
        rows = s.shape[0]
        scalars = s.reshape(rows, self.channels, self.scalars)
        vectors = v.swapaxes(1, 2).reshape(rows, self.channels, 3 * self.vectors)
        return b.concatenate([scalars, vectors], -1)


def norms(b: Backend, v: Any) -> Any:
    """Return the lengths [n, B] of vectors [n, 3, B]; the gradient of that of zero is 0."""
    return b.norm(v.swapaxes(1, 2))[..., 0]


def mean(b: Backend, rows: Any, ones: Any, index: Any, count: int) -> Any:
    """Return [count, ...]: the mean of the rows with each index, 0 where there is none.

    `ones` [rows, 1] are of the data type.
    """
    found = b.segment_sum(ones, index, count)
    found = found + b.is_negative(found - 0.5)  # nothing is divided by one
    shape = (count, *(1 for _ in rows.shape[1:]))
    return b.segment_sum(rows, index, count) / found.reshape(shape)
