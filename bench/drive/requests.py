"""What is asked of a worker that measures: open a case, sample it, close it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.drive.worker_process import Fault, WorkerProcess
from bench.measuring.probes import within
from bench.record.case import Case
from bench.record.rows import Reading

NONCE_BITS = 32
"""A nonce is drawn from so many numbers, which code cannot try."""
SPARE = 0.2
"""So much more of the processors than threads were declared is let pass: the harness's own."""
SAMPLE_TIMEOUT = 60.0
"""What one sample, or closing a case, may take [s]."""


def opened(
    worker: WorkerProcess,
    case: Case,
    probes: Sequence[str],
    timeout: float,
    told: Callable[[Reading], None] = lambda reading: None,
    *,
    nonce: int,
    clock: bool = True,
    slower: float | None = None,
) -> dict[str, Any]:
    """Build a case and measure probes on it, each reading `told` as it comes; return what was done.

    The nonce, from which what judges the case is drawn, is sent when it is built. What is done says
    under `failed` whether a gate failed: such a case has no clock, nor has one for which none is
    asked. `slower` plants a slow-down by that share.

    Raises:
        Fault: on an error, a crash, a time-out or too much memory; with what was being done.
    """
    (built,) = worker.ask({"do": "build", "case": case.to_json()}, timeout)
    request = {"do": "open", "nonce": nonce, "probes": list(probes), "clock": clock}
    done = _told(worker.ask(request | {"slower": slower}, timeout), told)
    return {**done, "seconds": {**built["done"]["seconds"], **done["seconds"]}}


def sampled(worker: WorkerProcess) -> tuple[list[float], dict[str, Any]]:
    """Return one sample [s per call] of the open case, and what is known of its clock.

    Raises:
        Fault: as `opened`.
    """
    (reply,) = worker.ask({"do": "sample", "count": 1}, SAMPLE_TIMEOUT)
    clock = dict(reply["done"])
    return clock.pop("samples"), clock


def probed(
    worker: WorkerProcess,
    probes: Sequence[str],
    timeout: float,
    told: Callable[[Reading], None],
) -> dict[str, float]:
    """Measure more probes on the open case; return the seconds that each took.

    Raises:
        Fault: as `opened`.
    """
    done = _told(worker.ask({"do": "probe", "probes": list(probes)}, timeout), told)
    return dict(done["seconds"])


def vouched(
    worker: WorkerProcess, case: Case, clock: Mapping[str, Any], samples: int, timeout: float
) -> list[Reading]:
    """Return whether what was sampled of the open case was right: the reading `conduct.timed`.

    On the CPU also `conduct.processors`, by what the last of so many samples said of its clock.

    Raises:
        Fault: as `opened`.
    """
    found: list[Reading] = []
    _told(worker.ask({"do": "vouch"}, timeout), found.append)
    if case.target.device == "cpu":
        used, threads = clock["processors"], case.target.threads
        over = f"used {used:.1f} processors with {threads} thread(s) declared"
        problem = over if used > threads + SPARE else ""
        judged = within("conduct.processors", used, threads + SPARE, problem)
        found.append(replace(judged, n=samples))
    return found


def _told(replies: Iterator[dict[str, Any]], told: Callable[[Reading], None]) -> dict[str, Any]:
    """Tell each reading as it comes; return what was done. A fault says what was being done."""
    done: dict[str, Any] = {}
    doing = ""
    try:
        for reply in replies:
            doing = reply.get("doing", {}).get("what", "")
            if "reading" in reply:
                told(Reading(**reply["reading"]))
            elif "done" in reply:
                done = reply["done"]
    except Fault as fault:
        if doing:
            raise Fault(fault.status, f"{doing}: {fault.reason}") from fault
        raise
    return done


def closed(worker: WorkerProcess) -> None:
    """Have the worker forget its case.

    Raises:
        Fault: as `opened`.
    """
    for _ in worker.ask({"do": "close"}, SAMPLE_TIMEOUT):
        pass
