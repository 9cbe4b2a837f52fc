"""Wigner matrices of rotation matrices, in any framework: no angles, hence no poles.

D_0 = 1, D_1 = R, and D_l = Q^T (R (x) D_(l-1)) Q with Q the isometry of 1 (x) (l-1) onto l, the
Clebsch-Gordan tensor [@varshalovich1988] ch. 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.backends import Backend
from impls.so3.wigner import clebsch_gordan


class Wigner:
    """The matrices D_0 .. D_lmax of rotations, as arrays of one framework."""

    def __init__(self, lmax: int, b: Backend) -> None:
        """Make the isometries [3 (2l-1), 2l+1]."""
        self.lmax = lmax
        self.isometries = [
            b.table(clebsch_gordan(1, n - 1, n).reshape(-1, 2 * n + 1)) for n in range(2, lmax + 1)
        ]
        self.one = b.table(np.ones((1, 1, 1)))

    def __call__(self, rotations: Any) -> list[Any]:
        """Return D_l [edges, 2l+1, 2l+1] for each degree; that of degree 0 is [1, 1, 1]."""
        found = [self.one, rotations]
        for isometry in self.isometries:
            size = isometry.shape[0]
            product = rotations[:, :, None, :, None] * found[-1][:, None, :, None, :]
            half = product.reshape(-1, size, size) @ isometry
            found.append((half.swapaxes(1, 2) @ isometry).swapaxes(1, 2))
        return found[: self.lmax + 1]
