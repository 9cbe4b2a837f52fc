"""The watched cases as asv benchmarks: two classes for each operation and pass.

asv imports every module here, so nothing here imports a framework before `setup`, and it starts
one process for each number, so torch and JAX never share one. `python -m bench.history` runs it.

`track_time` [s] is `time.host`, withheld when the result is wrong. At the largest lmax only,
`track_error` is the largest relative error of the pass against the float64 oracle, and
`track_memory` [B] is `mem.peak.rss`. A number is continued from commit to commit until the timing
protocol or the watched question changes: both are in asv's `version`.
"""

from __future__ import annotations

import math
import os
from typing import Any

from bench import watched
from bench.case import Pass, refusal
from bench.fingerprint import PROTOCOL
from bench.frameworks import load as load_framework
from bench.placement import host_clock
from bench.pool import environment, spec_of
from bench.probes import memory, verdicts
from bench.rows import Reading
from bench.subject import Subject, build
from impls.registry import load

SAMPLES = 11


class _Watched:
    """The watched cases of one operation and pass; asv fills in the implementation and lmax."""

    operation: str
    pass_: Pass
    lmaxs: tuple[int, ...]
    params: list[list[Any]]
    param_names = ("implementation", "lmax")
    version: str
    timeout = 120
    subject: Subject

    def setup(self, implementation: str, lmax: int) -> None:
        """Build the case in this process; n/a when it is refused, as without its package."""
        case = watched.case(self.operation, implementation, lmax, self.pass_)
        registry = load()
        refused = refusal(case, registry)
        if refused:
            raise NotImplementedError(str(refused))
        spec = spec_of(case, registry)
        os.environ.update(environment(spec))
        load_framework(spec.framework).start(case.target, spec.x64)
        self.subject = build(case, registry)

    def errors(self) -> list[Reading]:
        """Return the errors that gate the pass."""
        return list(verdicts.error(self.subject))


class _Speed(_Watched):
    """Times of what is right."""

    lmaxs = watched.LMAX

    def track_time(self, implementation: str, lmax: int) -> dict[str, Any]:
        """Return seconds per call, of several bursts of calls."""
        for reading in self.errors():
            if not reading.detail["passed"]:
                raise RuntimeError(f"no time is given, since {reading.probe} failed: {reading}")
        clock = host_clock(self.subject)
        clock.prepare()
        return {"samples": clock.sample(SAMPLES), "number": clock.number}

    track_time.unit = "seconds"  # type: ignore[attr-defined]


class _Quality(_Watched):
    """What changes rarely: one lmax says it."""

    lmaxs = watched.LMAX[-1:]

    def track_error(self, implementation: str, lmax: int) -> float:
        """Return the largest relative error."""
        return max(math.nan if r.value is None else r.value for r in self.errors())

    def track_memory(self, implementation: str, lmax: int) -> float:
        """Return peak bytes above the live inputs; n/a where the system cannot tell."""
        sizes = {reading.probe: reading.value for reading in memory.peak(self.subject)}
        return sizes.get("mem.peak.rss") or math.nan

    track_error.unit = "1"  # type: ignore[attr-defined]
    track_memory.unit = "bytes"  # type: ignore[attr-defined]


def _suites() -> dict[str, type[_Watched]]:
    suites: dict[str, type[_Watched]] = {}
    for operation, modes in watched.MODES.items():
        for pass_ in watched.PASSES:
            for kind in (_Speed, _Quality):
                name = f"{operation}_{pass_}{kind.__name__}".title().replace("_", "")
                members = {
                    "__module__": __name__,
                    "operation": operation,
                    "pass_": pass_,
                    "version": f"{PROTOCOL}-{watched.version(operation)}",
                    "params": [list(modes), list(kind.lmaxs)],
                }
                suites[name] = type(name, (kind,), members)
    return suites


globals().update(_suites())
