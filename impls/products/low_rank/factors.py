r"""The tensor of all Clebsch-Gordan paths, and its canonical polyadic (CP) decomposition.

    T[i, j, k] ~ sum_{r <= R} B[i, r] C[j, r] A[k, r]

by alternating least squares [@kolda2009]: each factor in turn solves its normal equations, in
float64. A ridge that falls from 0.1 to 1e-7 keeps the terms from growing against each other, as
they do where no best approximation exists. The start has a fixed seed and the number of sweeps is
fixed. From R = the smallest product of two of the three dimensions on, T itself is written as R
terms, without error.

The result depends on the last digits of matrix products, so other machines may find factors of a
slightly different error; on one machine all processes read the same table from the disk.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from impls.families.product import irreps_of
from impls.operation import Knob
from impls.problem import Problem
from impls.so3.irreps import Irreps
from impls.so3.tables import cached
from impls.so3.wigner import clebsch_gordan

Array = np.ndarray

VERSION = 1
"""Version of the stored factors; raise it when the algorithm changes."""
SWEEPS = 200
RIDGES = (1e-1, 1e-7)


RANK = Knob(
    "rank",
    default=lambda problem: max(1, 7 * max(irreps.lmax for irreps in irreps_of(problem)[:2]) ** 2),
    values=lambda problem: tuple(
        sorted({-(-whole_rank(problem) * part // 8) for part in (1, 2, 4, 6, 8)})
    ),
)
"""The number of terms, 7 L^2 unless said otherwise [@lin2025]."""


def whole_rank(problem: Problem) -> int:
    """Return the number of terms from which on nothing is left out."""
    smallest, next_smallest, _ = sorted(irreps.dim for irreps in irreps_of(problem))
    return smallest * next_smallest


def coupling(problem: Problem) -> Array:
    """Return T [dim1, dim2, dim3]: all allowed paths, "component" normalised, summed by output."""
    return _coupling(*irreps_of(problem))


@lru_cache(maxsize=32)
def _coupling(first: Irreps, second: Irreps, out: Irreps) -> Array:
    tensor = np.zeros((first.dim, second.dim, out.dim))
    for (_, ir1), in1 in zip(first, first.slices(), strict=True):
        for (_, ir2), in2 in zip(second, second.slices(), strict=True):
            for (_, ir3), in3 in zip(out, out.slices(), strict=True):
                if ir3 in ir1 * ir2:
                    tensor[in1, in2, in3] = clebsch_gordan(ir1.l, ir2.l, ir3.l)
    return tensor


def factors(problem: Problem) -> tuple[Array, Array, Array]:
    """Return B [dim1, R], C [dim2, R] and A [dim3, R]."""
    tensor, rank, irreps = coupling(problem), RANK.of(problem), irreps_of(problem)
    labels = "-".join(str(part).replace("+", "_") for part in irreps)
    stacked = cached(f"low-rank-{rank}-{labels}", VERSION, lambda: decompose(tensor, rank))
    first, second, _ = tensor.shape
    return stacked[:first], stacked[first : first + second], stacked[first + second :]


def truncation(problem: Problem) -> float:
    """Return |T - sum of R terms| / |T|: what the rank leaves out."""
    tensor = coupling(problem)
    kept = np.einsum("ir,jr,kr->ijk", *factors(problem), optimize=True)
    return float(np.linalg.norm(tensor - kept) / np.linalg.norm(tensor))


def decompose(tensor: Array, rank: int, seed: int = 0) -> Array:
    """Return the factors of the three axes, one below the other [dim1 + dim2 + dim3, rank]."""
    shape = tensor.shape
    if rank >= min(shape[m] * shape[n] for m, n in ((0, 1), (0, 2), (1, 2))):
        return np.concatenate(_exact(tensor, rank))
    rng = np.random.default_rng(seed)
    found = [rng.standard_normal((n, rank)) / math.sqrt(n) for n in shape]
    unfolded = [np.moveaxis(tensor, axis, 0).reshape(n, -1) for axis, n in enumerate(shape)]
    for sweep in range(SWEEPS):
        ridge = RIDGES[0] * (RIDGES[1] / RIDGES[0]) ** (sweep / (SWEEPS - 1))
        for axis in range(3):
            a, b = (found[other] for other in range(3) if other != axis)
            pairs = (a[:, None] * b[None]).reshape(-1, rank)
            normal = (a.T @ a) * (b.T @ b) + ridge * np.eye(rank)
            found[axis] = np.linalg.solve(normal, (unfolded[axis] @ pairs).T).T
        sizes = [np.linalg.norm(factor, axis=0) for factor in found]
        even = np.cbrt(sizes[0] * sizes[1] * sizes[2])
        found = [f * (even / np.maximum(s, 1e-300)) for f, s in zip(found, sizes, strict=True)]
    return np.concatenate(found)


def _exact(tensor: Array, rank: int) -> list[Array]:
    """Return T as one term for each pair of components of the two smallest axes."""
    last = int(np.argmax(tensor.shape))
    rest = [axis for axis in range(3) if axis != last]
    rows, columns = (tensor.shape[axis] for axis in rest)
    found = [np.zeros((n, rank)) for n in tensor.shape]
    found[rest[0]][:, : rows * columns] = np.repeat(np.eye(rows), columns, axis=1)
    found[rest[1]][:, : rows * columns] = np.tile(np.eye(columns), rows)
    found[last][:, : rows * columns] = np.moveaxis(tensor, last, 0).reshape(-1, rows * columns)
    return found
