"""The child process: builds cases, runs probes, times bursts. Speaks JSON lines on two pipes.

Requests: {"do": "build", "case": ...}, {"do": "open", "nonce": n, "probes": [...], "clock": bool}
of the case that is built (and "slower": share, which plants a slow-down), {"do": "sample", "count":
n}, {"do": "vouch"}, {"do": "probe", "probes": [...]} of the open case, {"do": "close"}, {"do":
"peaks"}. Each has a random "id", which its replies carry: any number of {"reading": ...}, and
{"doing": ...} before what may hang, then {"done": ...} or {"fault": ...}. The nonce comes after
`build`, which so cannot have seen it. One framework per process; the parent replaces the process
after a fault.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import gc
import importlib
import json
import os
import signal
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, TextIO

from bench.measuring import diagnosis, fallbacks, intact
from bench.measuring.built_case import BuiltCase, construct
from bench.measuring.clocks import HostClock
from bench.measuring.diagnosis import faults
from bench.measuring.frameworks import load as load_framework
from bench.measuring.frameworks.memory import keep_freed_memory
from bench.measuring.placement import host_clock
from bench.measuring.probes import Doing, probes
from bench.measuring.processors import adopt
from bench.measuring.witness import Witness
from bench.record import nvml
from bench.record.case import Case
from bench.record.rows import Reading
from impls.implementation import Target
from impls.registry import Registry, load

PR_SET_PDEATHSIG = 1
OOM_NAMES = ("OutOfMemoryError", "MemoryError")
OOM_TEXTS = ("RESOURCE_EXHAUSTED", "out of memory", "can't allocate memory", "bad_alloc")


class Worker:
    """The state of a worker: at most one open case."""

    def __init__(self, registry: Registry, before: intact.State) -> None:
        """Start with no case; `before` is what the harness was before a plug-in was imported."""
        self.registry, self.before = registry, before
        self.probes = probes(registry.plugins)
        self.forget()

    def forget(self) -> None:
        """Have no case."""
        self.built: BuiltCase | None = None
        self.clock: HostClock | None = None
        self.witness: Witness | None = None

    def build(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Build a case."""
        fallbacks.forget()
        began = time.perf_counter()
        self.built = construct(Case.from_json(request["case"]), self.registry)
        yield {"done": {"seconds": {"time.build": time.perf_counter() - began}}}

    def open(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Run the probes of the case that is built; stop at the first failed gate."""
        if self.built is None:
            raise RuntimeError("no case is built")
        if request["clock"]:  # as later when it is timed: what the gate frees is kept for the next
            keep_freed_memory()
        self.built = built = self.built.challenged(request["nonce"])
        case, seconds = built.case, dict[str, float]()
        failed = yield from self._measure(built, request["probes"], seconds)
        cause = diagnosis.told(built, failed) if failed else None
        if request["clock"] and not failed:
            share, run = request.get("slower"), built.run
            if share is not None:
                run = slowed(run, share, built.framework.wait)
            self.witness = Witness(built, self.before)
            self.clock = host_clock(built, run, self.witness.saw)
            self.clock.prepare()
            seconds["warming up"] = self.clock.warm_up
        in_force = built.framework.precision(case.target.device)
        if case.target.device == "cuda" and in_force != case.target.precision:
            raise RuntimeError(
                f"products of float32 matrices are in {in_force}, and {case.target.precision} is "
                "asked for: the code, or a package that it imports, changes PyTorch's or JAX's "
                "setting"
            )
        yield {
            "done": {
                "failed": bool(failed),
                **({"diagnosis": cause} if cause else {}),
                "layout": built.code.layout,
                "kernel": built.code.kernel,
                "seconds": seconds,
            }
        }

    def _measure(
        self, built: BuiltCase, names: Sequence[str], seconds: dict[str, float]
    ) -> Generator[dict[str, Any], None, list[Reading]]:
        """Yield the readings of probes; return those of a gate that failed, which ends them."""
        for name in names:
            began = time.perf_counter()
            failed: list[Reading] = []
            for reading in self.probes[name].measure(built):
                if isinstance(reading, Doing):
                    yield {"doing": {"what": reading.what}}
                    continue
                failed += [reading] if reading.passed is False else []
                yield {"reading": _plain(reading)}
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
            if failed:
                return failed
        return []

    def probe(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Run more probes on the open case."""
        if self.built is None:
            raise RuntimeError("no case is open")
        seconds: dict[str, float] = {}
        failed = yield from self._measure(self.built, request["probes"], seconds)
        yield {"done": {"failed": bool(failed), "seconds": seconds}}

    def sample(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Time some bursts of the open case."""
        if self.clock is None:
            raise RuntimeError("no case is open for timing")
        samples = self.clock.sample(request["count"])
        yield {
            "done": {
                "samples": samples,
                "number": self.clock.number,
                "warm_up": self.clock.warm_up,
                "steady": self.clock.steady,
                "retaken": self.clock.retaken,
                "disturbed": self.clock.disturbed,
                "processors": statistics.median(self.clock.shares),
            }
        }

    def vouch(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Say whether what was timed was right, and left its arguments and the harness alone."""
        if self.clock is None or self.witness is None:
            raise RuntimeError("no case is open for timing")
        reading = self.witness.verdict(self.clock)
        yield {"reading": _plain(reading)}
        yield {"done": {"failed": reading.passed is False}}

    def peaks(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Measure what the machine reaches, with PyTorch."""
        target = Target(**request["target"])
        torch = importlib.import_module("bench.measuring.frameworks.torch")
        yield {"done": torch.peaks(target, request["dtypes"])}

    def close(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Forget the open case."""
        framework = self.built.framework if self.built else None
        self.forget()
        gc.collect()
        if framework is not None:
            framework.release()
        yield {"done": {}}


def slowed(run: Callable[[], Any], share: float, wait: Callable[[Any], None]) -> Callable[[], Any]:
    """Return `run`, made slower by a share of its own time: what `bench calibrate` plants.

    Each call is waited for, and then the host computes for that share of what the call took; what
    it is compared with is waited for likewise, with a share of 0.
    """

    def slower() -> Any:
        start = time.perf_counter()
        out = run()
        wait(out)
        end = start + (1 + share) * (time.perf_counter() - start)
        while time.perf_counter() < end:
            pass
        return out

    return slower


def _plain(reading: Reading) -> dict[str, Any]:
    return dataclasses.asdict(reading)


def fault_of(error: BaseException) -> dict[str, str]:
    """Return the status and the one-line reason of an exception."""
    text = f"{type(error).__name__}: {error}".strip()
    first_line = text.splitlines()[0][:500]
    oom = type(error).__name__ in OOM_NAMES or any(t in text for t in OOM_TEXTS)
    return {"status": "oom" if oom else "error", "reason": first_line}


def _fault_in(
    worker: Worker, request: Mapping[str, Any], error: Exception
) -> dict[str, dict[str, str]]:
    """Return the reply to a request that ended in an exception: of a case, also where it arose."""
    fault = fault_of(error)
    case = Case.from_json(request["case"]) if "case" in request else None
    case = worker.built.case if worker.built else case
    if case is not None and request["do"] in ("build", "open") and fault["status"] == "error":
        form = faults.form(error, case, worker.registry)
        more = "" if form else faults.explained(error, case, worker.registry)
        fault["reason"] = f"{form} ({fault['reason']})" if form else fault["reason"]
        fault["reason"] += f" ({more})" if more else ""
    return {"fault": fault}


def serve(worker: Worker, requests: TextIO, replies: TextIO) -> None:
    """Answer requests until the parent closes the pipe."""
    handlers = {
        "build": worker.build,
        "open": worker.open,
        "sample": worker.sample,
        "vouch": worker.vouch,
        "probe": worker.probe,
        "close": worker.close,
        "peaks": worker.peaks,
    }
    for line in requests:
        request = json.loads(line)
        try:
            for reply in handlers[request["do"]](request):
                _send(replies, request["id"], reply)
        except Exception as error:
            traceback.print_exc()
            fault = _fault_in(worker, request, error)
            worker.forget()
            _send(replies, request["id"], fault)


def _send(replies: TextIO, request: str, message: Mapping[str, Any]) -> None:
    replies.write(json.dumps({"id": request, **message}) + "\n")
    replies.flush()


def pin(target: Target, cores: Sequence[int]) -> None:
    """Keep this process on cores that the parent chose or, on CUDA, on those nearest to the GPU."""
    if cores:
        os.sched_setaffinity(0, cores)
    if target.device == "cpu" or not hasattr(os, "sched_setaffinity"):
        return
    try:
        near = nvml.cores().intersection(os.sched_getaffinity(0))
    except nvml.Unavailable:
        return  # launches may then cross a socket; nothing else changes
    if near:
        os.sched_setaffinity(0, near)


def _chosen(installed: Sequence[str] | None) -> dict[str, Any]:
    """Return how `load` is told which entry points to load; the `impls` of earlier revisions, which
    `bench compare` measures, know of no choice and are asked for none where there is nothing.
    """
    return {} if installed is None else {"installed": installed}


def main() -> None:
    """Start the framework, say so, and serve."""
    parser = argparse.ArgumentParser(description="internal: started by bench.drive.worker_process")
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--replies", type=int, required=True)
    parser.add_argument("--spec", required=True)
    arguments = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    adopt()
    spec = json.loads(arguments.spec)
    target = Target(**spec["target"])
    pin(target, spec["cores"])
    with (
        os.fdopen(arguments.requests, encoding="utf-8") as requests,
        os.fdopen(arguments.replies, "w", encoding="utf-8") as replies,
    ):
        try:
            framework = load_framework(spec["framework"])
            facts = framework.start(target, spec["x64"])
            installed = spec["installed"]
            load(**_chosen(None if installed is None else ()))
            probes()
            fallbacks.listen()
            before = intact.state()
            worker = Worker(load(spec["files"], **_chosen(installed)), before)
            if names := intact.changed(before):
                raise ValueError(f"importing a plug-in changed {', '.join(names[:3])}: mend it")
            if spec["traces"]:
                framework.traced(lambda: None)  # the first time takes seconds
        except Exception as error:
            traceback.print_exc()
            _send(replies, spec["id"], {"fault": fault_of(error)})
            return
        _send(replies, spec["id"], {"done": dict(facts)})
        serve(worker, requests, replies)


if __name__ == "__main__":
    main()
