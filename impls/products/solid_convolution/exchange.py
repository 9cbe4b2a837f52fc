"""Rows of nodes to edges and back, in which frameworks differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Exchange:
    """`gather(a, index)` reads rows of a; `add(rows, index, nodes)` sums rows [nodes, ...]."""

    gather: Callable[[Any, Any], Any]
    add: Callable[[Any, Any, int], Any]


def numpy_exchange() -> Exchange:
    """Return the exchange of NumPy."""

    def add(rows: Any, index: Any, nodes: int) -> Any:
        total = np.zeros((nodes, *rows.shape[1:]), rows.dtype)
        np.add.at(total, index, rows)
        return total

    return Exchange(lambda a, index: a[index], add)


def torch_exchange() -> Exchange:
    """Return the exchange of PyTorch."""

    def add(rows: Any, index: Any, nodes: int) -> Any:
        return rows.new_zeros((nodes, *rows.shape[1:])).index_add(0, index, rows)

    return Exchange(lambda a, index: a.index_select(0, index), add)


def jax_exchange() -> Exchange:
    """Return the exchange of JAX."""
    import jax

    def add(rows: Any, index: Any, nodes: int) -> Any:
        return jax.ops.segment_sum(rows, index, num_segments=nodes)

    return Exchange(lambda a, index: a[index], add)
