"""What a run can't tell yet: pairs of a block whose verdict needs more rounds.

The rule is that of the page: each implementation against the baseline of its block (in its fastest
mode), all as one table, by the clock that judges. More rounds are then measured of those that can't
be told, and of the baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.statistics import hierarchical_interval
from analysis.verdict import in_turn, verdicts
from bench.ask.plan import Planned
from bench.record.rows import FINISHED, TIMED

CLOCKS = ("time.kernels", "time.host")
"""What may judge a block, the best first: the first that all of it have."""

Rounds = Mapping[int, Sequence[float]]


def undecided(block: Sequence[Planned], rows: Iterable[Mapping[str, Any]]) -> list[Planned]:
    """Return the cases of a block that need another round; none where all is told.

    `rows` are the last ones of each case and round. Without a baseline nothing is compared.
    """
    found = _timed(block, rows)
    clock = next((c for c in CLOCKS if found and all(c in times for times in found.values())), None)
    if clock is None:
        return []
    mine = [planned for planned in block if planned.key in found]
    base = min(
        (planned for planned in mine if found[planned.key]["baseline"]),
        key=lambda p: (p.case.implementation, _time(found[p.key][clock])),
        default=None,
    )
    if base is None:
        return []
    others = [planned for planned in mine if planned is not base]
    turns = [in_turn(found[p.key][clock], found[base.key][clock]) for p in others]
    told = iter(verdicts([turn for turn in turns if turn]))
    open_ = [
        planned
        for planned, turn in zip(others, turns, strict=True)
        if turn and next(told).kind == "can't tell"
    ]
    return [base, *open_] if open_ else []


def _time(rounds: Rounds) -> float:
    """Return the time of a call over rounds [s]."""
    return hierarchical_interval(list(rounds.values())).value


def _timed(
    block: Sequence[Planned], rows: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return, for each key that was timed in all its rounds, its samples by clock and round."""
    keys = {planned.key for planned in block}
    found: dict[str, dict[str, Any]] = {key: {"baseline": False} for key in keys}
    failed = set()
    for row in rows:
        if row["key"] not in keys:
            continue
        if row["probe"] == FINISHED:
            found[row["key"]]["baseline"] |= row["detail"].get("baseline") is True
            if row["status"] not in TIMED:
                failed.add(row["key"])
        elif row["probe"] in CLOCKS and row["status"] in TIMED and row["samples"]:
            found[row["key"]].setdefault(row["probe"], {})[row["round"]] = row["samples"]
    return {key: times for key, times in found.items() if len(times) > 1 and key not in failed}
