"""What is asked of a worker that measures: open a case, sample it, close it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.drive.pool import Fault, WorkerProcess
from bench.record.case import Case
from bench.record.rows import Reading

SAMPLE_TIMEOUT = 60.0
"""What one sample, or closing a case, may take [s]."""


def opened(
    worker: WorkerProcess,
    case: Case,
    probes: Sequence[str],
    timeout: float,
    told: Callable[[Reading], None] = lambda reading: None,
    *,
    clock: bool = True,
    slower: float | None = None,
) -> dict[str, Any]:
    """Build a case and measure probes on it, each reading `told` as it comes; return what was done.

    What is done says under `failed` whether a gate failed: such a case has no clock, nor has one
    for which none is asked. `slower` plants a slow-down by that share.

    Raises:
        Fault: on an error, a crash, a time-out or too much memory; with what was being done.
    """
    request = {"do": "open", "case": case.to_json(), "probes": list(probes), "clock": clock}
    done: dict[str, Any] = {}
    doing = ""
    try:
        for reply in worker.ask(request | {"slower": slower}, timeout):
            doing = reply.get("doing", "")
            if "reading" in reply:
                told(Reading(**reply["reading"]))
            elif "done" in reply:
                done = reply["done"]
    except Fault as fault:
        if doing:
            raise Fault(fault.status, f"{doing}: {fault.reason}") from fault
        raise
    return done


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
    seconds: dict[str, float] = {}
    for reply in worker.ask({"do": "probe", "probes": list(probes)}, timeout):
        if "reading" in reply:
            told(Reading(**reply["reading"]))
        elif "done" in reply:
            seconds = reply["done"]["seconds"]
    return seconds


def closed(worker: WorkerProcess) -> None:
    """Have the worker forget its case.

    Raises:
        Fault: as `opened`.
    """
    for _ in worker.ask({"do": "close"}, SAMPLE_TIMEOUT):
        pass
