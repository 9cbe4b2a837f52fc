"""The watched cases as asv benchmarks: two classes for each operation and pass.

asv imports every module here, so nothing here imports a framework before `setup`, and it starts
one process for each number, so torch and JAX never share one. `python -m bench history` runs it.

`track_time` [s] is `time.host`, withheld when the result is wrong. On the last question only, the
largest, `track_error` is the largest relative error of the pass against the float64 oracle, and
`track_memory` [B] is `mem.peak.rss`. A number is continued from commit to commit until the timing
protocol or what is asked changes.
"""

from __future__ import annotations

import math
from typing import Any

from bench.ask import watched
from bench.drive import alone
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import memory
from bench.record.case import Case, Pass, digest
from bench.record.fingerprint import PROTOCOL

SAMPLES = 11


class _Watched:
    """The watched cases of one operation and pass; asv fills in implementation and question."""

    operation: str
    pass_: Pass
    params: list[list[str]]
    param_names = ("implementation", "question")
    version: str
    timeout = 120
    built: BuiltCase

    @classmethod
    def case(cls, implementation: str, question: str) -> Case:
        """Return the watched case of an implementation and a question."""
        return next(
            case
            for case in watched.suites()[cls.operation, cls.pass_]
            if (case.implementation, watched.question(case)) == (implementation, question)
        )

    def setup(self, implementation: str, question: str) -> None:
        """Build the case in this process; n/a when it is refused, as without its package."""
        self.built = alone.opened(self.case(implementation, question), watched.registry())


class _Speed(_Watched):
    """Times of what is right."""

    def track_time(self, implementation: str, question: str) -> dict[str, Any]:
        """Return seconds per call, of several bursts of calls."""
        clock = alone.clock(self.built)
        return {"samples": clock.sample(SAMPLES), "number": clock.number}

    track_time.unit = "seconds"  # type: ignore[attr-defined]


class _Quality(_Watched):
    """What changes rarely: one question says it."""

    def track_error(self, implementation: str, question: str) -> float:
        """Return the largest relative error."""
        return max(math.nan if r.value is None else r.value for r in alone.errors(self.built))

    def track_memory(self, implementation: str, question: str) -> float:
        """Return peak bytes above the live inputs; n/a where the system cannot tell."""
        sizes = {reading.probe: reading.value for reading in memory.peak(self.built)}
        return sizes.get("mem.peak.rss") or math.nan

    track_error.unit = "1"  # type: ignore[attr-defined]
    track_memory.unit = "bytes"  # type: ignore[attr-defined]


def _suites() -> dict[str, type[_Watched]]:
    suites: dict[str, type[_Watched]] = {}
    for (operation, pass_), cases in watched.suites().items():
        implementations = list(dict.fromkeys(case.implementation for case in cases))
        questions = list(dict.fromkeys(map(watched.question, cases)))
        asked = digest([case.problem.to_json() for case in cases])
        for kind, some in ((_Speed, questions), (_Quality, questions[-1:])):
            name = f"{operation}_{pass_}{kind.__name__}".title().replace("_", "")
            members = {
                "__module__": __name__,
                "operation": operation,
                "pass_": pass_,
                "params": [implementations, some],
                "version": f"{PROTOCOL}-{asked}",
            }
            suites[name] = type(name, (kind,), members)
    return suites


globals().update(_suites())
