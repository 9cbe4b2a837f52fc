"""Whether what a paper says holds: the verdict on a claim, from what was found at each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Literal, get_args

Kind = Literal[
    "reproduced", "reproduced in part", "not reproduced", "not decided", "not testable here"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Finding:
    """What was found at one place.

    `holds` is whether the claim holds there, None where what was measured can't tell, or where
    nothing was. `said` is what was measured, in words, and `rows` names what it rests on.
    """

    where: str
    holds: bool | None
    said: str
    rows: tuple[str, ...] = field(default=())


def within(lo: float, hi: float, least: float = -inf, most: float = inf) -> bool | None:
    """Return whether an interval lies within bounds; None where it holds both answers, or is nan.

    >>> within(2.0, 2.0, least=2.0), within(1.0, 1.5, least=2.0), within(1.5, 2.5, least=2.0)
    (True, False, None)

    Raises:
        ValueError: for bounds or an interval in the wrong order.
    """
    if lo > hi or least > most:
        raise ValueError(f"[{lo}, {hi}] within [{least}, {most}]: one is in the wrong order")
    if isnan(lo) or isnan(hi):
        return None
    if least <= lo and hi <= most:
        return True
    return False if hi < least or lo > most else None


def judge(findings: Sequence[Finding]) -> Kind:
    """Return the verdict on a claim: what is not decided somewhere is not reproduced there.

    >>> judge([Finding("L = 1", True, ""), Finding("L = 2", None, "not measured")])
    'reproduced in part'
    >>> judge([Finding("L = 1", None, "not measured")])
    'not decided'
    """
    said = [finding.holds for finding in findings]
    if all(holds is None for holds in said):
        return "not decided"
    if all(said):
        return "reproduced"
    return "reproduced in part" if any(said) else "not reproduced"
