"""What a bilinear map can express output by output: for each irrep and each parity alone.

The same dimensions as in `analysis.expressivity`, for the map followed by the projection on some
irreps of its output. The dimensions of the parts add up to the whole for the linear span and for
all equivariant maps; for the set that is reached they add up to more, since the parts share the
linear maps of the inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.rank import Rank
from analysis.reduced import allowed_triples
from impls.operation import Path
from impls.so3.irreps import Irrep

ALL = "all"
PARITIES = {1: "e", -1: "o"}


@dataclass(frozen=True)
class Part:
    """Some irreps of the output: "all", a parity ("e", "o") or one irrep ("1o").

    `dim` is the dimension of what is reached, `span` that of its linear span, `full` that of all
    equivariant bilinear maps into these irreps.
    """

    name: str
    dim: Rank
    span: int
    full: int


def by_output(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
) -> tuple[Part, ...]:
    """Return the whole output first, then each parity (where irreps have one), then each irrep.

    >>> from analysis.reduced import labels
    >>> vector, products = labels("1o"), labels("0e+1e")
    >>> found = by_output({(0, 0, 0): 1.0}, vector, vector, products)
    >>> [(part.name, part.dim.value, part.full) for part in found]
    [('all', 1, 2), ('e', 1, 2), ('0e', 1, 1), ('1e', 0, 1)]

    Raises:
        ValueError: for a path that the group forbids.
    """
    return tuple(
        _part(name, wanted, coefficients, (labels1, labels2, labels3))
        for name, wanted in _selections(labels3)
    )


def _selections(output: Sequence[Irrep]) -> Iterator[tuple[str, Collection[Irrep]]]:
    distinct = sorted(set(output))
    yield ALL, distinct
    for p, letter in PARITIES.items():
        if wanted := [ir for ir in distinct if ir.p == p]:
            yield letter, wanted
    for ir in distinct:
        yield str(ir), [ir]


def _part(
    name: str,
    wanted: Collection[Irrep],
    coefficients: Mapping[Path, float],
    parts: tuple[Sequence[Irrep], Sequence[Irrep], Sequence[Irrep]],
) -> Part:
    kept = {path: k for path, k in coefficients.items() if parts[2][path[2]] in wanted}
    return Part(
        name,
        reachable_dimension(kept, *parts),
        span_dimension(kept, *parts),
        len(allowed_triples(parts[0], parts[1], list(wanted))),
    )
