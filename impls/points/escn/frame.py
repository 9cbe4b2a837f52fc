r"""The rotation that takes a vector to the polar axis y, without angles.

For n = (a, b, c) of unit length with b >= 0 the smallest rotation to y is

    R = [[1 - a a/(1+b), -a, -a c/(1+b)], [a, b, c], [-a c/(1+b), -c, 1 - c c/(1+b)]]

and n with b < 0 is first turned by pi about x, n -> (a, -b, -c). Both charts are smooth where they
are used, poles included (1 + b >= 1), and so are their derivatives; they differ by a turn about n,
which no SO(2) linear map sees.
"""

from __future__ import annotations

from typing import Any

from impls.backends import Backend


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
