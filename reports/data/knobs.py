"""Sweeps: one implementation on one problem, at several values of a knob."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.data.results import BLOCK, GATES, Result
from reports.data.text import natural

KNOB = "knob."
SAME = (*BLOCK, "implementation", "mode")
"""What results of a sweep share, beside their other knobs and options."""


@dataclass(frozen=True)
class Sweep:
    """Results that differ in one knob alone, in the order of its values."""

    knob: str
    results: tuple[Result, ...]

    @property
    def values(self) -> list[Any]:
        """Return the values of the knob."""
        return [r.columns[KNOB + self.knob] for r in self.results]


def sweeps(operation: str, results: Sequence[Result]) -> list[Sweep]:
    """Return the sweeps of an operation, in the order of the results."""
    found: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for r in results:
        if r.columns.get("operation") != operation or r.status == "skip":
            continue
        turned = {k: v for k, v in r.columns.items() if k.startswith((KNOB, "option."))}
        for column in (name for name in turned if name.startswith(KNOB)):
            others = tuple(sorted((k, str(v)) for k, v in turned.items() if k != column))
            found[column, *(r.columns.get(name) for name in SAME), others].append(r)
    return [
        Sweep(key[0][len(KNOB) :], tuple(sorted(rs, key=lambda r: natural(r.columns[key[0]]))))
        for key, rs in found.items()
        if len({str(r.columns[key[0]]) for r in rs}) > 1
    ]


def error_of(r: Result) -> float | None:
    """Return the largest relative error against the oracle at the values of the knobs."""
    return _worst(r, GATES[0])


def asymmetry_of(r: Result) -> float | None:
    """Return the largest relative symmetry error, claimed or not."""
    return _worst(r, GATES[1])


def _worst(r: Result, start: str) -> float | None:
    values = [m.value for p, m in r.measures.items() if p.startswith(start)]
    return max((v for v in values if v is not None), default=None)
