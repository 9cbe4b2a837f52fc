r"""Solid harmonics of vectors of any length, zero included, in any framework.

R_l is a multiple of the stretched coupling of R_1 = (x, y, z) with R_(l-1):

    R_l = [R_1 x R_(l-1)]_l / (sqrt(2l+1) |(1 l-1 l; 0 0 0)|),

a polynomial of degree l, so nothing happens at the origin.
"""

from __future__ import annotations

from typing import Any

from impls.backends import Backend
from impls.so3.symbols import wigner_3j_zero
from impls.so3.wigner import wigner_3j


class Solid:
    """The solid harmonics of degrees 0..lmax, "norm" normalised."""

    def __init__(self, lmax: int, b: Backend) -> None:
        """Make one coupling matrix [3 (2l-1), 2l+1] for each degree."""
        self.lmax, self.concatenate = lmax, b.concatenate
        self.tables = []
        for n in range(2, lmax + 1):
            tensor = wigner_3j(1, n - 1, n).reshape(-1, 2 * n + 1)
            self.tables.append(b.table(tensor / abs(wigner_3j_zero(1, n - 1, n))))

    def __call__(self, v: Any) -> Any:
        """Return R [n, (lmax+1)^2] of v [n, 3]."""
        found = [v[:, :1] * 0 + 1, v]
        for table in self.tables:
            product = (v[:, :, None] * found[-1][:, None, :]).reshape(-1, table.shape[0])
            found.append(product @ table)
        return self.concatenate(found[: self.lmax + 1], 1)
