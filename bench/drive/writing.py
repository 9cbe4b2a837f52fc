"""The rows of one attempt at a case: readings with all that is around them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.measuring.probes import unit_of
from bench.record.rows import Reading, Row, Status, Store


@dataclass(frozen=True)
class Writer:
    """Appends readings of one attempt to a store, as rows.

    `case` are the columns that describe it, `key` its content address, `order` its position in
    the schedule of the round.
    """

    store: Store
    run: str
    provenance: Mapping[str, Any]
    key: str
    case: Mapping[str, Any]
    round: int
    order: int
    attempt: str

    def write(
        self,
        readings: Sequence[Reading],
        stamps: Mapping[str, Any] | None = None,
        status: Status = "ok",
        reason: str = "",
    ) -> None:
        """Append readings; a failed gate is `wrong`, and what could not be read here a `skip`."""
        rows = []
        for reading in readings:
            mine, why = status, reason
            if reading.passed is False:
                mine, why = "wrong", failure(reading)
            elif "unavailable" in reading.detail:
                mine, why = "skip", str(reading.detail["unavailable"])
            rows.append(self._row(reading, mine, why, stamps or {}))
        self.store.append(rows)

    def end(self, reading: Reading, status: Status, reason: str) -> None:
        """Append the last row."""
        self.store.append([self._row(reading, status, reason, {})])

    def _row(self, reading: Reading, status: Status, reason: str, stamps: Mapping[str, Any]) -> Row:
        return Row(
            run=self.run,
            round=self.round,
            attempt=self.attempt,
            key=self.key,
            case=self.case,
            reading=reading,
            unit=unit_of(reading.probe),
            status=status,
            reason=reason,
            quality={"load": round(os.getloadavg()[0], 2), "order": self.order, **stamps},
            provenance=self.provenance,
        )


def failure(reading: Reading) -> str:
    """Return how a reading failed, in words."""
    detail = reading.detail
    if "problem" in detail:
        return f"{reading.probe}: {detail['problem']}"
    value = "not finite" if reading.value is None else f"{reading.value:.2e}"
    if reading.limit is None:
        return f"{reading.probe} is {value}"
    return f"{reading.probe} is {value}, above the tolerance {reading.limit:.0e}"
