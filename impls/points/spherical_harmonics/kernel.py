r"""Degrees doubled by the kernel of bilinear maps: products of harmonics that are known.

The stretched coupling of two harmonics of one direction is a harmonic again [@varshalovich1988]
ch. 5,

    Y_l = sqrt((2l+1) / ((2i+1)(2j+1))) C(i,j,l) Y_i Y_j / |(i j l; 0 0 0)|,   l = i + j

so that from degrees 0..n one bilinear map with sparse coefficients makes n+1..2n: ceil(log2 L)
passes over the vectors, O(L^3) arithmetic for each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.vectors import degrees_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.kernels import support
from impls.kernels.form import TrilinearForm
from impls.points.harmonics import supports_vectors
from impls.problem import Problem
from impls.so3.symbols import wigner_3j_zero
from impls.so3.wigner import wigner_3j


def forms_of(lmax: int) -> Iterator[TrilinearForm]:
    """Yield the map of each pass: of degrees 0..n with themselves, into n+1..min(2n, lmax)."""
    have = 1
    while have < lmax:
        top, first = min(2 * have, lmax), (have + 1) ** 2
        blocks = [
            (have**2, (n - have) ** 2, n**2 - first, stretched(have, n - have))
            for n in range(have + 1, top + 1)
        ]
        yield TrilinearForm.of((first, first, (top + 1) ** 2 - first), blocks)
        have = top


def stretched(i: int, j: int) -> np.ndarray:
    """Return the coupling [2i+1, 2j+1, 2(i+j)+1] of harmonics of one direction."""
    n = i + j
    scale = np.sqrt((2 * n + 1) / ((2 * i + 1) * (2 * j + 1)))
    return np.asarray(wigner_3j(i, j, n) * (scale / abs(wigner_3j_zero(i, j, n))))


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    degrees = degrees_of(problem)
    lmax = max(degrees)
    doublings = [b.trilinear(form) for form in forms_of(lmax)]
    whole = degrees == tuple(range(lmax + 1))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        v = inputs["v"]
        n = v / ((v * v).sum(-1) ** 0.5)[:, None]
        found = b.concatenate([n[:, :1] * 0 + 1, n * 3**0.5], 1)
        for doubled in doublings:
            found = b.concatenate([found, doubled(found, found)], 1)
        if whole:
            return {"z": found}
        return {"z": b.concatenate([found[:, n * n : (n + 1) ** 2] for n in degrees], 1)}

    runs = support.RUNS if doublings else ()
    return Built(call, kernel=f"native, {len(doublings)} products of harmonics", runs=runs)


ALGORITHM = Algorithm(
    "spherical_harmonics",
    "kernel",
    "degrees doubled, one kernel each time",
    kernel,
    supports=supports_vectors,
    refuses=support.refuses,
    papers=("varshalovich1988",),
    growth=Growth({"lmax": 3, "channels": 0}),
)
