r"""Equivariant layer norm: each irrep divided by the root mean square of its norms over channels.

    z_c[l, m] = g[l, c] x_c[l, m] / sqrt(s[l] + eps),   s[l] = mean over c and m of x_c[l, m]^2

for each item l of the irreps. What nothing moves (0e, or 0) is treated as layer norm has it: the
mean over channels is taken away first, and an offset is added,

    z_c[0] = g[0, c] (x_c[0] - mu) / sqrt(s[0] + eps) + b[c],   s[0] the variance over channels,

with learned g [items, channels] and b [invariant items, channels], and eps = 1e-5 [@liao2023]. The
mean over m beside that over channels is the normalisation "component": a standard normal feature
keeps its size. Items do not see each other, and neither do samples. 0o has no offset, which
inversion would not let through. With one channel an invariant becomes b.

Equivariant under rotations and inversion, since norms are invariant. Cost: O(L^2) for each channel,
a few operations for each number that is moved.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import (
    feature_space,
    invariant,
    irreps_in_of,
    no_map,
    shape_of,
    unlike_input,
)
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Arrays, Space

EPSILON = 1e-5
"""What is added to mean squares, so that nothing is divided by zero."""


def offsets_of(problem: Problem) -> tuple[int | None, ...]:
    """Return for each item of the irreps which row of b is its own, None for those without."""
    found, rows = [], 0
    for _, ir in irreps_in_of(problem):
        found.append(rows if invariant(ir) else None)
        rows += invariant(ir)
    return tuple(found)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels, offsets = shape_of(problem)[1], offsets_of(problem)
    found = {"g": Space((len(offsets), channels))}
    rows = sum(row is not None for row in offsets)
    return found | ({"b": Space((rows, channels))} if rows else {})


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Take the sums channel by channel and component by component."""
    irreps, x, g = irreps_in_of(problem), inputs["x"], weights["g"]
    z, channels = np.empty(x.shape), x.shape[1]
    for item, (row, part) in enumerate(zip(offsets_of(problem), irreps.slices(), strict=True)):
        a = x[:, :, part].copy()
        if row is not None:
            mean = sum(a[:, c] for c in range(channels)) / channels
            for c in range(channels):
                a[:, c] -= mean
        size = sum(a[:, c, m] ** 2 for c in range(channels) for m in range(a.shape[2])) / a[0].size
        for c in range(channels):
            z[:, c, part] = g[item, c] * a[:, c] / np.sqrt(size + EPSILON)[:, None]
            if row is not None:
                z[:, c, part] += weights["b"][row, c]
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    return no_map(problem) or unlike_input(problem)


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count four operations for each component, three more where a mean is taken away."""
    batch, channels, dim = shape_of(problem)
    offsets = offsets_of(problem)
    rows = sum(row is not None for row in offsets)
    numbers = 2 * batch * channels * dim + (len(offsets) + rows) * channels
    return {
        "flops": float(batch * (channels * (4 * dim + 3 * rows) + 12 * len(offsets))),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="layer_norm",
    title="Layer norm",
    family="feature",
    summary="each irrep divided by the root mean square of its norms over channels",
    papers=("liao2023",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("liao2023", "liao2024"),
    growth=Growth({"lmax": 2, "channels": 1}),
)
