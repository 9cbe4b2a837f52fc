"""Components of irreps arranged by order m, for transforms that treat each order apart.

A stream is one order m: an array [streams, irreps] of components, with a table of zeros wherever
an irrep has no such order. So irreps may lack degrees, and nothing is padded at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.families.product import irreps_of
from impls.problem import Problem
from impls.products.gaunt.operation import paths_of
from impls.so3.irreps import Irreps


def degrees_of(irreps: Irreps) -> tuple[int, ...]:
    """Return the degree of each irrep."""
    return tuple(ir.l for _, ir in irreps)


def output_degree(problem: Problem) -> int:
    """Return the largest output degree that is not identically zero."""
    return max(ir3.l for _, _, ir3 in paths_of(problem).values())


def product_degree(problem: Problem) -> int:
    """Return D = L1 + L2 + L3, the degree of the products that a quadrature has to integrate.

    L1 and L2 count every irrep of the inputs: one that is on no path has to integrate to zero.
    """
    first, second, _ = irreps_of(problem)
    return first.lmax + second.lmax + output_degree(problem)


@dataclass(frozen=True)
class Streams:
    """Arrange the components of irreps of given degrees by `orders`, one m for each stream."""

    degrees: tuple[int, ...]
    orders: Sequence[int]

    @property
    def shape(self) -> tuple[int, int]:
        """Return (streams, irreps)."""
        return len(self.orders), len(self.degrees)

    def components(self) -> np.ndarray:
        """Return which component each entry [streams, irreps] reads; any, where there is none."""
        degrees, orders = np.array(self.degrees), np.array(self.orders)[:, None]
        centre = np.cumsum(2 * degrees + 1) - degrees - 1
        return centre + np.where(np.abs(orders) <= degrees, orders, 0)

    def positions(self) -> np.ndarray:
        """Return which entry of the flattened array each component is read from.

        A component whose order has no stream is read from the first stream.
        """
        first = {m: stream for stream, m in reversed(list(enumerate(self.orders)))}
        return np.array(
            [
                first.get(m, 0) * len(self.degrees) + i
                for i, degree in enumerate(self.degrees)
                for m in range(-degree, degree + 1)
            ]
        )

    def table(self, values: np.ndarray, kept: Sequence[bool] | None = None) -> np.ndarray:
        """Return [streams, irreps, n] from `values` [streams, degree, n], by the irreps' degrees.

        Entries of orders that an irrep lacks, and of irreps not `kept`, are zero.
        """
        degrees = np.array(self.degrees)
        mask = np.abs(np.array(self.orders))[:, None] <= degrees
        if kept is not None:
            mask &= np.array(kept)
        chosen = values[:, np.minimum(degrees, values.shape[1] - 1)]
        return np.where(mask[:, :, None], chosen, 0.0)


class Split:
    """Transform components [n, dim] to [streams, n, values], each stream by its own matrix."""

    def __init__(self, streams: Streams, table: np.ndarray, backend: Backend) -> None:
        """Take the `table` [streams, irreps, values]."""
        self.take, self.shape = backend.take, streams.shape
        self.components = backend.index(streams.components().ravel())
        self.table = backend.table(table)

    def __call__(self, x: Any) -> Any:
        """Return [streams, n, values]."""
        return self.take(x, self.components).reshape(-1, *self.shape).swapaxes(0, 1) @ self.table


class Merge:
    """Transform [streams, n, values] to components [n, dim], each stream by its own matrix."""

    def __init__(self, streams: Streams, table: np.ndarray, backend: Backend) -> None:
        """Take the `table` [streams, values, irreps]."""
        self.take = backend.take
        self.positions = backend.index(streams.positions())
        self.table = backend.table(table)
        self.size = table.shape[0] * table.shape[2]

    def __call__(self, values: Any) -> Any:
        """Return [n, dim]."""
        merged = (values @ self.table).swapaxes(0, 1)
        return self.take(merged.reshape(-1, self.size), self.positions)
