"""Paths of a tensor product: which irreps couple, in what order, and where their numbers lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import Array, clebsch_gordan, wigner_3j

ZERO = 1e-12
"""Entries of a coupling tensor below this are zeros by symmetry, up to rounding."""


@dataclass(frozen=True)
class Path:
    """One path: the irreps it couples and where their components lie in both inputs and output."""

    i1: int
    i2: int
    ir1: Irrep
    ir2: Irrep
    ir3: Irrep
    in1: slice
    in2: slice
    out: slice

    @property
    def tensor(self) -> Array:
        """Return the coupling [2l1+1, 2l2+1, 2l3+1], "component" normalised: sqrt(2l3+1) C."""
        return clebsch_gordan(self.ir1.l, self.ir2.l, self.ir3.l)

    @property
    def nonzero(self) -> NDArray[np.bool_]:
        """Tell which entries [2l1+1, 2l2+1, 2l3+1] of the coupling are not zero."""
        return np.abs(self.tensor) > ZERO


@lru_cache(maxsize=4096)
def coupled_paths(first: Irreps, second: Irreps, out: Irreps) -> tuple[Path, ...]:
    """Return the allowed paths of two inputs into the asked irreps, in canonical order.

    Each path has an output segment of its own; they are sorted by (l3, parity, l1, l2).
    """
    asked = {ir for _, ir in out}
    found = [
        (ir3, ir1, ir2, i1, i2)
        for i1, (_, ir1) in enumerate(first)
        for i2, (_, ir2) in enumerate(second)
        for ir3 in ir1 * ir2
        if ir3 in asked
    ]
    found.sort(key=lambda t: (t[0].l, t[0].p, t[1].l, t[1].p, t[2].l, t[2].p))
    slices1, slices2 = first.slices(), second.slices()
    paths, start = [], 0
    for ir3, ir1, ir2, i1, i2 in found:
        stop = start + ir3.dim
        paths.append(Path(i1, i2, ir1, ir2, ir3, slices1[i1], slices2[i2], slice(start, stop)))
        start = stop
    return tuple(paths)


def output_irreps(paths: Iterable[Path]) -> Irreps:
    """Return the irreps of the output: one item per path."""
    return Irreps(tuple((1, path.ir3) for path in paths))


def weighted_sum(
    irreps: tuple[Irreps, Irreps, Irreps],
    coefficients: Mapping[tuple[int, int, int], float],
    x: Array,
    y: Array,
) -> Array:
    """Return z [..., dim3], the sum over items (i1, i2, i3) of w C(l1,l2,l3) x y, C of unit norm.

    `irreps` are those of x [..., dim1], y [..., dim2] and z.
    """
    first, second, out = irreps
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    z = np.zeros((*x.shape[:-1], out.dim))
    for (i1, i2, i3), value in coefficients.items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        maps = np.tensordot(x[..., in1[i1]], wigner_3j(*degrees), 1)
        z[..., in3[i3]] += value * (y[..., None, in2[i2]] @ maps)[..., 0, :]
    return z
