r"""How strongly a bilinear map couples each triple of irreps, and why some it does not couple.

The group allows the triple (l1, l2, l3) by the triangle rule and by parity. A map can have rules of
its own; the usual one is on J = l1 + l2 + l3: exchanging two equal inputs multiplies a path by
(-1)^J, so that paths of odd J are antisymmetric (the cross product, (1, 1, 1)), and the product of
two functions has none of them. What vanishes although paths of the same parity of J do not is an
accidental zero: the 6j symbol {3 5 5; 3 3 3} = 0 makes one of the product of 7 x 7 matrices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.reduced import Triple, Verdict, allowed_triples
from impls.operation import Path
from impls.so3.irreps import Irrep
from impls.spaces import Array


@dataclass(frozen=True)
class HeatMap:
    """Values of triples as a matrix: rows (l1, l2), columns l3; nan where the group forbids."""

    rows: tuple[tuple[Irrep, Irrep], ...]
    columns: tuple[Irrep, ...]
    values: Array


def sizes(
    reduced: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
) -> dict[Triple, float]:
    """Return the coefficient of each allowed triple: the largest in size over copies, signed.

    >>> from analysis.reduced import labels
    >>> scalar = labels("0e")
    >>> sizes({(0, 0, 0): 0.5, (1, 0, 0): -2.0}, labels("2x0e"), scalar, scalar)
    {(Irrep(l=0, p=1), Irrep(l=0, p=1), Irrep(l=0, p=1)): -2.0}
    """
    found = dict.fromkeys(allowed_triples(labels1, labels2, labels3), 0.0)
    for (i1, i2, i3), k in reduced.items():
        triple = labels1[i1], labels2[i2], labels3[i3]
        found[triple] = max(found[triple], k, key=abs)
    return found


def antisymmetric(triple: Triple) -> bool:
    """Tell whether l1 + l2 + l3 is odd.

    >>> vector = Irrep(1, -1)
    >>> antisymmetric((vector, vector, Irrep(1, 1))), antisymmetric((vector, vector, Irrep(2, 1)))
    (True, False)
    """
    return sum(ir.l for ir in triple) % 2 == 1


def accidental_zeros(coupled: Mapping[Triple, Verdict]) -> tuple[Triple, ...]:
    """Return the triples that vanish though others of the same parity of l1 + l2 + l3 do not."""
    present = {antisymmetric(triple) for triple, verdict in coupled.items() if verdict is True}
    return tuple(
        triple
        for triple, verdict in coupled.items()
        if verdict is False and antisymmetric(triple) in present
    )


def dynamic_range(values: Collection[float]) -> float:
    """Return max |k| / min |k| of the coefficients given (those that count); nan for none.

    >>> dynamic_range([0.5, -2.0, 1.0])
    4.0
    """
    absolute = np.abs(list(values))
    return float(absolute.max() / absolute.min()) if len(absolute) else float("nan")


def antisymmetric_share(values: Mapping[Triple, float]) -> float:
    """Return the root mean square of k over odd l1 + l2 + l3, relative to that over even.

    Over the triples given (those that count); nan where there is none of either kind.
    """
    kinds = [
        [k**2 for triple, k in values.items() if antisymmetric(triple) is odd]
        for odd in (True, False)
    ]
    if not all(kinds):
        return float("nan")
    odd, even = (float(np.sqrt(np.mean(kind))) for kind in kinds)
    return odd / even


def heat_map(values: Mapping[Triple, float]) -> HeatMap:
    """Return values of triples as the matrix of (l1, l2) against l3, sorted by degree."""
    rows = tuple(sorted({(first, second) for first, second, _ in values}))
    columns = tuple(sorted({third for _, _, third in values}))
    matrix = np.full((len(rows), len(columns)), np.nan)
    for (first, second, third), value in values.items():
        matrix[rows.index((first, second)), columns.index(third)] = value
    return HeatMap(rows, columns, matrix)
