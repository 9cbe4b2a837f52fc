r"""Expressivity: which maps an operation reaches, from its reduced coefficients k.

Which maps between given irreps X, Y, Z can be built from T: X' x Y' -> Z' (`analysis.reduced`) and
equivariant linear maps is the set {C T(A x, B y)} [@xie2025]; by Schur's lemma A, B, C mix only
equal irreps:

    w[(s1, r1), (s2, r2), (t, r3)] = sum_{c1 c2 c3} A[r1][s1, c1] B[r2][s2, c2] C[r3][t, c3] k[c],

with s1, s2, t counting the copies in X, Y, Z and c the copies in X', Y', Z'. X, Y, Z hold the
distinct irreps of X', Y', Z', `copies` times each. The set is not a vector space, so it has two
sizes: its dimension (the generic rank of the Jacobian of w) and that of its linear span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from analysis.rank import SEEDS, Rank
from analysis.reduced import Triple, triple_of
from impls.operation import Path
from impls.so3.irreps import Irrep
from impls.spaces import Array


def reachable_dimension(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    *,
    copies: int = 1,
    seed: int = 0,
) -> Rank:
    """Return the dimension of the set {C T(A x, B y)}: the generic rank of its Jacobian.

    w is trilinear, so the Jacobian is exact; it is evaluated at 3 random parameters, with the
    rows of each triple of irreps scaled by its largest |k|. Singular values above 1e-9 of the
    largest count. The rank at any point is a lower bound, and equals the dimension with
    probability 1; the largest of the three is returned, with the smallest gap seen there, and the
    verdict is "ambiguous" unless the three agree.

    >>> from analysis.reduced import labels
    >>> inputs, scalar = labels("0+1"), labels("0")
    >>> reachable_dimension({(0, 0, 0): 1.0, (1, 1, 0): 1.0}, inputs, inputs, scalar).value
    2

    Raises:
        ValueError: for a path that the group forbids.
    """
    draw = jacobians(coefficients, labels1, labels2, labels3, copies=copies, seed=seed)
    return Rank.generic([Rank.of(jacobian) for jacobian in islice(draw, SEEDS)])


def jacobians(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    *,
    copies: int = 1,
    seed: int = 0,
) -> Iterator[Array]:
    """Yield dw/d(A, B, C) [coupled triples copies^3, parameters] at random A, B, C, without end.

    Each row is scaled by the largest |k| of its triple.

    Raises:
        ValueError: for a path that the group forbids.
    """
    tensors = dict(_tensors(coefficients, labels1, labels2, labels3))
    rng = np.random.default_rng(seed)
    while True:
        yield _jacobian(tensors, (labels1, labels2, labels3), copies, rng)


def span_dimension(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    *,
    copies: int = 1,
) -> int:
    """Return the dimension of the linear span of {C T(A x, B y)}.

    Each coordinate of w is a polynomial in A, B, C and no two share a monomial, so the nonzero
    ones are linearly independent: the span counts the coupled triples times copies^3.

    >>> from analysis.reduced import labels
    >>> span_dimension({(0, 0, 0): 1.0}, labels("1o"), labels("1o"), labels("1e"), copies=2)
    8
    """
    return copies**3 * len(dict(_tensors(coefficients, labels1, labels2, labels3)))


def _tensors(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
) -> Iterator[tuple[Triple, Array]]:
    """Yield each coupled triple with k [copies in X', Y', Z'], scaled to a largest |k| of 1."""
    parts = labels1, labels2, labels3
    place = [_copy_numbers(part) for part in parts]
    entries: dict[Triple, dict[Path, float]] = {}
    for (i1, i2, i3), k in coefficients.items():
        if k:
            triple = triple_of((i1, i2, i3), *parts)
            entries.setdefault(triple, {})[place[0][i1], place[1][i2], place[2][i3]] = k
    for triple, found in entries.items():
        shape = tuple(list(part).count(ir) for part, ir in zip(parts, triple, strict=True))
        tensor = np.zeros(shape)
        for where, k in found.items():
            tensor[where] = k
        yield triple, tensor / np.max(np.abs(tensor))


def _copy_numbers(parts: Sequence[Irrep]) -> list[int]:
    """Return for each irrep how many equal ones stand before it."""
    return [list(parts[:i]).count(ir) for i, ir in enumerate(parts)]


def _jacobian(
    tensors: Mapping[Triple, Array],
    parts: tuple[Sequence[Irrep], Sequence[Irrep], Sequence[Irrep]],
    copies: int,
    rng: np.random.Generator,
) -> Array:
    """Return dw/d(A, B, C) [triples copies^3, parameters] at random parameters.

    Parameters are drawn from +-[0.5, 1.5], away from zero, which keeps the rank well defined.
    """
    values: list[dict[Irrep, Array]] = []
    starts: list[dict[Irrep, int]] = []
    width = 0
    for part in parts:
        values.append({})
        starts.append({})
        for ir in dict.fromkeys(part):
            shape = copies, list(part).count(ir)
            values[-1][ir] = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)
            starts[-1][ir] = width
            width += shape[0] * shape[1]
    jacobian = np.zeros((len(tensors), copies, copies, copies, width))
    for rows, ((r1, r2, r3), k) in zip(jacobian, tensors.items(), strict=True):
        a, b, c = values[0][r1], values[1][r2], values[2][r3]
        by_a = np.einsum("abc,jb,kc->jka", k, b, c)
        by_b = np.einsum("abc,ia,kc->ikb", k, a, c)
        by_c = np.einsum("abc,ia,jb->ijc", k, a, b)
        for s in range(copies):
            for axis, ir, block in ((0, r1, by_a), (1, r2, by_b), (2, r3, by_c)):
                start = starts[axis][ir] + s * block.shape[2]
                np.moveaxis(rows, axis, 0)[s][..., start : start + block.shape[2]] = block
    return jacobian.reshape(-1, width)
