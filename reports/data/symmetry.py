"""Which symmetries a problem asks for, and who keeps them: the first filter of every answer."""

from __future__ import annotations

from collections.abc import Sequence

from reports.data.results import GATES, Result
from reports.data.text import listing

EQUIV = "equiv."
WORDS = {
    "rotation": "rotations",
    "inversion": "inversion",
    "translation": "translations",
    "permutation": "permutations",
    "tetrahedral": "rotations of a tetrahedron",
    "icosahedral": "rotations of an icosahedron",
}
"""What subgroups are called in a sentence."""


def asked(results: Sequence[Result]) -> tuple[str, ...]:
    """Return the subgroups under which results of one problem were judged: those of its group."""
    found = {p.removeprefix(EQUIV) for r in results for p in r.measures if p.startswith(EQUIV)}
    order = list(WORDS)
    return tuple(sorted(found, key=lambda g: (order.index(g) if g in order else len(order), g)))


def broken(r: Result, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the subgroups that a result breaks, or was not judged under, of those wanted.

    What is claimed and did not pass has no time; what is not claimed is kept where its error is
    within the tolerance all the same.
    """
    limits = [m.limit for p, m in r.measures.items() if p.startswith(GATES) and m.limit]
    tolerance = max(limits, default=0.0)
    return tuple(group for group in wanted if not _kept(r, group, tolerance))


def _kept(r: Result, group: str, tolerance: float) -> bool:
    m = r.measures.get(EQUIV + group)
    if m is None:
        return False
    return m.claimed or (m.value is not None and m.value <= tolerance)


def keeping(results: Sequence[Result]) -> list[Result]:
    """Return the published results of one problem that keep every symmetry that it asks for."""
    wanted = asked(results)
    return [r for r in results if r.published and not broken(r, wanted)]


def words(groups: Sequence[str]) -> str:
    """Return subgroups for a sentence: `rotations and inversion`."""
    return listing(WORDS.get(group, group.replace("_", " ")) for group in groups)
