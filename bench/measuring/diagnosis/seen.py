"""What an implementation may have seen in place of an array: another layout, order, sign or digits.

Each is tried by the float64 oracle on arrays so changed: where it then gives what was found, that
is what the implementation computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from impls.so3.irreps import Irreps
from impls.spaces import Array, Space

Change = Callable[[Space, Array], Array]


@dataclass(frozen=True)
class Seen:
    """A way to misread arrays, and to miswrite them likewise; `text` follows "x is read"."""

    text: str
    read: Change
    write: Change
    applies: Callable[[Space], bool]


def _laid(space: Space) -> bool:
    """Return whether an array [samples, channels, dim] carries irreps, in a layout to mistake."""
    return len(space.shape) == 3 and space.irreps is not None and min(space.shape[1:]) > 1


def _by_degree(order: Callable[[int], Array], degree: int | None = None) -> Change:
    """Return the change of all copies of irreps by a matrix [dim, dim] for each degree."""

    def change(space: Space, a: Array) -> Array:
        found, start = a.copy(), 0
        for mul, ir in Irreps.parse(space.irreps or ""):
            for _ in range(mul):
                place = slice(start, start + ir.dim)
                if degree in (None, ir.l):
                    found[..., place] = a[..., place] @ order(ir.l).T
                start = place.stop
        return found

    return change


def _transposed(space: Space, a: Array) -> Array:
    samples, channels, dim = a.shape
    return a.reshape(samples, dim, channels).swapaxes(1, 2)


def _untransposed(space: Space, a: Array) -> Array:
    return a.swapaxes(1, 2).reshape(a.shape)


def _flat(last: bool) -> tuple[Change, Change]:
    """Return reading and writing of [samples, channels x irreps] block by block, as e3nn has it."""

    def places(space: Space) -> list[int]:
        return [0, *(s.stop for s in _copies(space))]

    def read(space: Space, a: Array) -> Array:
        samples, channels, _ = a.shape
        rows, found = a.reshape(samples, -1), np.empty(a.shape)
        for start, stop in pairwise(places(space)):
            block = rows[:, channels * start : channels * stop]
            if last:
                block = block.reshape(samples, stop - start, channels).swapaxes(1, 2)
            found[:, :, start:stop] = block.reshape(samples, channels, stop - start)
        return found

    def write(space: Space, a: Array) -> Array:
        samples, channels, _ = a.shape
        rows = np.empty((samples, a[0].size))
        for start, stop in pairwise(places(space)):
            block = a[:, :, start:stop]
            block = block.swapaxes(1, 2) if last else block
            rows[:, channels * start : channels * stop] = block.reshape(samples, -1)
        return rows.reshape(a.shape)

    return read, write


def _copies(space: Space) -> Iterator[slice]:
    start = 0
    for mul, ir in Irreps.parse(space.irreps or ""):
        for _ in range(mul):
            yield slice(start, start + ir.dim)
            start += ir.dim


def _has(least: int) -> Callable[[Space], bool]:
    return lambda space: bool(space.irreps) and Irreps.parse(space.irreps or "").lmax >= least


def _reversal(l: int) -> Array:  # noqa: E741
    return np.eye(2 * l + 1)[::-1]


def _alternating(l: int) -> Array:  # noqa: E741
    return np.diag([(-1.0) ** m for m in range(-l, l + 1)])


def _negative(l: int) -> Array:  # noqa: E741
    return np.diag([-1.0 if m < 0 else 1.0 for m in range(-l, l + 1)])


def _rolled(by: int) -> Callable[[int], Array]:
    return lambda degree: np.roll(np.eye(2 * degree + 1), by, axis=0)


SEEN = (
    Seen(
        "as [samples, dim, channels]: channels are the middle axis, dim the last",
        _transposed,
        _untransposed,
        _laid,
    ),
    Seen(
        "flat, irrep after irrep with its channels (mul_ir, as e3nn has it)", *_flat(False), _laid
    ),
    Seen("flat, irrep after irrep, channels last (ir_mul)", *_flat(True), _laid),
    Seen("with m reversed, from l to -l", _by_degree(_reversal), _by_degree(_reversal), _has(1)),
    Seen("with the sign (-1)^m", _by_degree(_alternating), _by_degree(_alternating), _has(1)),
    Seen("with the other sign of m < 0", _by_degree(_negative), _by_degree(_negative), _has(1)),
    Seen(
        "with vectors as (z, x, y)", _by_degree(_rolled(-1), 1), _by_degree(_rolled(1), 1), _has(1)
    ),
    Seen(
        "with vectors as (y, z, x)", _by_degree(_rolled(1), 1), _by_degree(_rolled(-1), 1), _has(1)
    ),
)
"""Layouts and orders of components, in other libraries or by mistake."""


def axes_swapped(a: Array) -> Iterator[tuple[str, Array]]:
    """Yield an array as it is read with two axes swapped, with the axes in words."""
    for first, second in combinations(range(a.ndim), 2):
        shape = list(a.shape)
        if 1 in (shape[first], shape[second]):
            continue
        shape[first], shape[second] = shape[second], shape[first]
        yield f"axes {first} and {second}", a.reshape(shape).swapaxes(first, second)


def _bfloat16(a: Array) -> Array:
    bits = a.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.astype(np.uint32).view(np.float32).astype(np.float64)


ROUNDED: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bfloat16": (2.0**-9, _bfloat16),
    "float16": (2.0**-12, lambda a: a.astype(np.float16).astype(np.float64)),
    "float32": (2.0**-25, lambda a: a.astype(np.float32).astype(np.float64)),
}
"""Data types by the relative size of their rounding, coarse to fine, with the rounding."""


def coarser(dtype: str) -> dict[str, tuple[float, Callable[[Array], Array]]]:
    """Return the data types with fewer digits than one."""
    own = {"float64": 2.0**-54}.get(dtype) or ROUNDED[dtype][0]
    return {name: said for name, said in ROUNDED.items() if said[0] > own * math.sqrt(2)}
