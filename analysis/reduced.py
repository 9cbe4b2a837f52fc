r"""Reduced coefficients of a bilinear map of irreps, read off a black box, and what they couple.

An equivariant bilinear map T from X' x Y' to Z' is fixed by its reduced coefficients,

    T = sum over paths p of k[p] C(l1, l2, l3),    p = (i1, i2, i3),

where i1, i2, i3 count single irreps of X', Y', Z' and C is `wigner_3j`, of unit norm, so that
k[p] = <T block, C>.

All functions take `labels`: the irreps one by one. `labels(irreps, parity=False)` forgets the
parity, for a map that claims rotations only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.rank import EPS
from impls.operation import Path
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import wigner_3j
from impls.spaces import Array

Evaluate = Callable[[Array, Array], Array]
Triple = tuple[Irrep, Irrep, Irrep]
Verdict = bool | Literal["ambiguous"]

_POINTS = 3


def labels(irreps: str | Irreps, parity: bool = True) -> tuple[Irrep, ...]:
    """Return the irreps one by one, in the order of the axis; without their parity if asked.

    >>> print(*labels("2x0e+1o"))
    0e 0e 1o
    """
    return tuple(
        ir if parity else Irrep(ir.l, 0) for mul, ir in Irreps.parse(irreps) for _ in range(mul)
    )


@dataclass(frozen=True)
class Blocks:
    """What was measured of a bilinear map.

    `reduced` holds k[p] of every path that the group allows. `norm` is |T|. `defect` is
    |T - sum k C| / |T|: the exact equivariance error, needing no sample of the group; with parity
    labels it includes everything that breaks parity. `bilinearity` is the largest relative
    violation of linearity that was seen.
    """

    labels: tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]
    reduced: Mapping[Path, float]
    norm: float
    defect: float
    bilinearity: float

    @property
    def tau(self) -> float:
        """Return the size below which a coefficient is noise: |T| max(100 eps, 10 defect)."""
        return self.norm * max(100 * EPS, 10 * self.defect)

    @property
    def coefficients(self) -> dict[Path, float]:
        """Return the coefficients above the noise; vanishing paths are left out."""
        return {path: k for path, k in self.reduced.items() if abs(k) > self.tau}

    @property
    def gap(self) -> float:
        """Return the smallest coefficient that counts over the largest that does not.

        The span rests on it. The latter is taken as at least eps times the norm; inf when no
        coefficient counts.
        """
        kept = [abs(k) for k in self.reduced.values() if abs(k) > self.tau]
        noise = max((abs(k) for k in self.reduced.values() if abs(k) <= self.tau), default=0.0)
        return min(kept) / max(noise, EPS * self.norm) if kept else float("inf")

    def interactability(self) -> dict[Triple, Verdict]:
        """Return `interactability` at the measured noise."""
        return interactability(self.reduced, *self.labels, tau=self.tau)


@dataclass(frozen=True)
class Comparison:
    """Measured against derived coefficients.

    `difference` is |k_measured - k_derived| / |k_derived| over all paths; `missing` paths were
    derived and not seen, `extra` ones seen and not derived.
    """

    agree: bool
    difference: float
    missing: tuple[Path, ...]
    extra: tuple[Path, ...]


def bilinear_blocks(
    evaluate: Evaluate,
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    *,
    tolerance: float = 1e-9,
    seed: int = 0,
    same_size: bool = True,
) -> Blocks:
    """Measure a black-box bilinear map on all pairs of basis vectors.

    `evaluate(X [n, dim1], Y [n, dim2]) -> Z [n, dim3]` maps rows, in float64 if it can. It is
    called 1 + len(labels1) times; if `same_size`, always with n = max(15, max(2 l1+1) dim2), so
    that what is compiled for a size is compiled once. Linearity in either input is tried at 3
    random points first. Rounding in `evaluate` shows as defect.

    >>> found = bilinear_blocks(np.cross, labels("1o"), labels("1o"), labels("1e"))
    >>> {path: round(k, 6) for path, k in found.coefficients.items()}
    {(0, 0, 0): 2.44949}

    Raises:
        ValueError: when the relative violation of bilinearity exceeds `tolerance` (or is nan), or
            Z has another shape.
    """
    dim1, dim2, dim3 = (sum(ir.dim for ir in part) for part in (labels1, labels2, labels3))
    rows = max(5 * _POINTS, max(ir.dim for ir in labels1) * dim2)

    def run(x: Array, y: Array) -> Array:
        pick = np.arange(rows if same_size else len(x)) % len(x)
        z = np.array(evaluate(x[pick], y[pick]), np.float64)
        if z.shape != (len(pick), dim3):
            raise ValueError(f"expected an output of shape {(len(pick), dim3)}, got {z.shape}")
        return z[: len(x)]

    violation = _bilinearity(run, dim1, dim2, np.random.default_rng(seed))
    if not violation <= tolerance:
        raise ValueError(f"not bilinear: relative violation {violation:.1e} > {tolerance:.1e}")
    columns = {ir: _columns(labels3, ir) for ir in dict.fromkeys(labels3)}
    reduced: dict[Path, float] = {}
    total = rest = 0.0
    for i1, (ir1, in1) in enumerate(_slices(labels1)):
        x = np.repeat(np.eye(dim1)[in1], dim2, axis=0)
        block = run(x, np.tile(np.eye(dim2), (ir1.dim, 1))).reshape(ir1.dim, dim2, dim3)
        total += float(np.sum(block**2))
        for i2, (ir2, in2) in enumerate(_slices(labels2)):
            for ir3, (indices, where) in columns.items():
                if allowed(ir1, ir2, ir3):
                    coupling = wigner_3j(ir1.l, ir2.l, ir3.l)
                    k = np.einsum("ijnk,ijk->n", block[:, in2, where], coupling)
                    block[:, in2, where] -= coupling[:, :, None, :] * k[:, None]
                    paths = ((i1, i2, i3) for i3 in indices)
                    reduced.update(zip(paths, k.tolist(), strict=True))
        rest += float(np.sum(block**2))
    norm = float(np.sqrt(total))
    defect = float(np.sqrt(rest)) / norm if norm else 0.0
    parts = tuple(labels1), tuple(labels2), tuple(labels3)
    return Blocks(parts, reduced, norm, defect, violation)


def allowed(ir1: Irrep, ir2: Irrep, ir3: Irrep) -> bool:
    """Tell whether ir3 is part of ir1 x ir2: the triangle rule and, with parity, p3 = p1 p2.

    >>> vector = Irrep(1, -1)
    >>> allowed(vector, vector, Irrep(1, 1)), allowed(vector, vector, vector)
    (True, False)
    """
    return abs(ir1.l - ir2.l) <= ir3.l <= ir1.l + ir2.l and ir3.p == ir1.p * ir2.p


def allowed_triples(
    labels1: Sequence[Irrep], labels2: Sequence[Irrep], labels3: Sequence[Irrep]
) -> tuple[Triple, ...]:
    """Return the distinct triples of irreps that the group allows.

    Their number, times the copies of each of X, Y and Z, is the dimension of all equivariant
    bilinear maps X x Y to Z: what the full Clebsch-Gordan product reaches.

    >>> found = allowed_triples(labels("1o"), labels("1o"), labels("0e+1o+1e"))
    >>> [" ".join(map(str, triple)) for triple in found]
    ['1o 1o 0e', '1o 1o 1e']
    """
    first, second, third = (dict.fromkeys(part) for part in (labels1, labels2, labels3))
    return tuple(triple for triple in product(first, second, third) if allowed(*triple))


def interactability(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    *,
    tau: float | None = None,
) -> dict[Triple, Verdict]:
    """Tell which allowed triples of irreps the map couples at all.

    A triple is coupled when its largest |k| over copies exceeds tau (100 eps times the norm of
    the coefficients by default). It is "ambiguous" when that lies in [tau/100, 100 tau]. Linear
    maps before and after are free, so contributions of several copies do not cancel.

    Raises:
        ValueError: for a path that the group forbids.
    """
    if tau is None:
        tau = 100 * EPS * float(np.linalg.norm(list(coefficients.values()) or [0.0]))
    largest = dict.fromkeys(allowed_triples(labels1, labels2, labels3), 0.0)
    for path, k in coefficients.items():
        triple = triple_of(path, labels1, labels2, labels3)
        largest[triple] = max(largest[triple], abs(k))
    return {
        triple: "ambiguous" if k and tau / 100 <= k <= 100 * tau else k > tau
        for triple, k in largest.items()
    }


def compare(
    measured: Blocks, derived: Mapping[Path, float], *, tolerance: float = 1e-9
) -> Comparison:
    """Compare measured with derived coefficients; they agree within `tolerance`, path by path."""
    seen = measured.coefficients
    expected = {path: k for path, k in derived.items() if k}
    paths = sorted({*measured.reduced, *expected})
    gaps = [measured.reduced.get(path, 0.0) - expected.get(path, 0.0) for path in paths]
    scale = float(np.linalg.norm(list(expected.values()) or [0.0])) or measured.norm or 1.0
    difference = float(np.linalg.norm(gaps or [0.0])) / scale
    missing = tuple(path for path in paths if path in expected and path not in seen)
    extra = tuple(path for path in paths if path in seen and path not in expected)
    agree = difference <= tolerance and not missing and not extra
    return Comparison(agree, difference, missing, extra)


def triple_of(
    path: Path, labels1: Sequence[Irrep], labels2: Sequence[Irrep], labels3: Sequence[Irrep]
) -> Triple:
    """Return the irreps that a path couples.

    Raises:
        ValueError: when the group forbids it.
    """
    triple = labels1[path[0]], labels2[path[1]], labels3[path[2]]
    if not allowed(*triple):
        raise ValueError(
            f"path {path} couples {triple[0]} x {triple[1]} to {triple[2]}, which the group "
            "forbids; for a map that claims rotations only, use labels(irreps, parity=False)"
        )
    return triple


def _slices(parts: Sequence[Irrep]) -> Iterator[tuple[Irrep, slice]]:
    start = 0
    for ir in parts:
        yield ir, slice(start, start + ir.dim)
        start += ir.dim


def _columns(parts: Sequence[Irrep], ir: Irrep) -> tuple[list[int], NDArray[np.intp]]:
    """Return which copies are `ir`, and their components [copies, 2l+1]."""
    found = [(i, part) for i, (label, part) in enumerate(_slices(parts)) if label == ir]
    return [i for i, _ in found], np.array([np.arange(s.start, s.stop) for _, s in found])


def _bilinearity(run: Evaluate, dim1: int, dim2: int, rng: np.random.Generator) -> float:
    """Return the largest relative violation of linearity in x and in y at random points."""
    x, u = rng.standard_normal((2, _POINTS, dim1))
    y, v = rng.standard_normal((2, _POINTS, dim2))
    a, b = rng.uniform(0.5, 2.0, (2, _POINTS, 1))
    xs = np.concatenate([a * x + b * u, x, x, u, x])
    ys = np.concatenate([y, a * y + b * v, y, y, v])
    in_x, in_y, xy, uy, xv = run(xs, ys).reshape(5, _POINTS, -1)
    violations = [0.0]
    for whole, other in ((in_x, uy), (in_y, xv)):
        size = np.linalg.norm(whole, axis=1) + np.linalg.norm(a * xy, axis=1)
        size += np.linalg.norm(b * other, axis=1)
        gap = np.linalg.norm(whole - a * xy - b * other, axis=1)
        violations.extend(gap / np.where(size == 0.0, 1.0, size))
    return float(np.max(violations))
