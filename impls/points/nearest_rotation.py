r"""The rotation nearest to a matrix, as Procrustes, registration and means of rotations ask for it.

    R(M) = argmax over R in SO(3) of tr(R^T M) = argmin |R - M|^2,     R(Q M P^T) = Q R(M) P^T

for rotations Q and P. With M = sum_i b_i a_i^T it is argmin sum_i |R a_i - b_i|^2. With the
singular values s_1 >= s_2 >= s_3 of M = U S V^T it is U diag(1, 1, det(U V^T)) V^T [@kabsch1976].
With unit quaternions, R(q) quadratic in q, tr(R(q)^T M) = q^T N(M) q, so that q is the eigenvector
of the largest eigenvalue of N, symmetric and linear in M [@horn1987]: algorithms take this way, and
oracles the other.

Where s_2 + s_3 det(U V^T) = 0 the nearest rotation is any of a circle; next to it rounding is
multiplied by the inverse of that sum, and so are gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.backends import Backend
from impls.spaces import Array

FLOPS = 900.0
"""Operations for one matrix, about: N, its eigenvectors and R."""


def oracle(m: Array) -> Array:
    """Return R(M) [..., 3, 3] of m [..., 3, 3] in float64, by singular vectors."""
    u, _, vt = np.linalg.svd(m)
    u = u.copy()
    u[..., 2] *= np.linalg.det(u @ vt)[..., None]
    return np.asarray(u @ vt)


def _quadratic() -> Array:
    """Return K [16, 9] with R(q) = (q q^T) K for unit quaternions q = (w, x, y, z), row by row."""
    k = np.zeros((4, 4, 3, 3))
    for i in range(3):
        following, last = (i + 1) % 3, (i + 2) % 3
        k[0, 0, i, i] = 1.0
        for j in range(3):
            k[1 + j, 1 + j, i, i] = 1.0 if i == j else -1.0
            if i != j:
                k[1 + i, 1 + j, i, j] = k[1 + j, 1 + i, i, j] = 1.0
        for sign, row, column in ((-1.0, following, last), (1.0, last, following)):
            k[0, 1 + i, row, column] = k[1 + i, 0, row, column] = sign
    return k.reshape(16, 9)


class NearestRotation:
    """R(M) in any framework."""

    def __init__(self, b: Backend) -> None:
        """Make the table of the quadratic form."""
        self.b, self.form = b, b.table(_quadratic())

    def __call__(self, m: Any) -> Any:
        """Return R(M) [..., 3, 3] of m [..., 3, 3]."""
        n = (m.reshape(-1, 9) @ self.form.T).reshape(-1, 4, 4)
        q = self.b.eigenvectors(n)[:, :, 3]
        return (self.b.outer(q, q) @ self.form).reshape(m.shape)
