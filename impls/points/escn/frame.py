r"""The rotation that takes a vector to the polar axis y, and its Wigner matrices, without angles.

For n = (a, b, c) of unit length with b >= 0 the smallest rotation to y is

    R = [[1 - a a/(1+b), -a, -a c/(1+b)], [a, b, c], [-a c/(1+b), -c, 1 - c c/(1+b)]]

and n with b < 0 is first turned by pi about x, n -> (a, -b, -c). Both charts are smooth where they
are used, poles included (1 + b >= 1), and so are their derivatives; they differ by a turn about n,
which no SO(2) linear map sees. D_l is cut out of R (x) D_(l-1) by the Clebsch-Gordan isometry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.backends import Backend
from impls.so3.wigner import clebsch_gordan


def frames(v: Any, backend: Backend) -> Any:
    """Return R [edges, 3, 3] with R v = |v| y, for v [edges, 3]."""
    n = v / ((v * v).sum(-1) ** 0.5)[:, None]
    sign = 1 - 2 * backend.is_negative(n[:, 1])
    a, b, c = n[:, 0], sign * n[:, 1], sign * n[:, 2]
    k = 1 / (1 + b)
    entries = (
        *(1 - a * a * k, -a * sign, -a * c * k * sign),
        *(a, b * sign, c * sign),
        *(-a * c * k, -c * sign, (1 - c * c * k) * sign),
    )
    return backend.concatenate([e[:, None] for e in entries], 1).reshape(-1, 3, 3)


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
