"""One attempt at one case: opened (built, gated), sampled in turn with its block, closed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.ask.plan import Planned
from bench.drive.locks import SHARED
from bench.drive.requests import NONCE_BITS, closed, opened, probed, sampled, vouched
from bench.drive.sampling import enough, flags_of, time_of
from bench.drive.session import Session
from bench.drive.worker_process import Fault, WorkerProcess
from bench.drive.writing import Writer, failure
from bench.measuring import probes
from bench.record import quality
from bench.record.case import describe
from bench.record.rows import FINISHED, Reading, Status


class Trial:
    """Collects the readings of one case in one round and ends with the row `case`."""

    def __init__(self, session: Session, planned: Planned, number: int, order: int = 0) -> None:
        """Begin; nothing is started yet. `order` is the position in the schedule of the round."""
        self.session, self.planned, self.number, self.order = session, planned, number, order
        self.columns = describe(planned.case, session.registry)
        tier = {"tier": planned.tier.name, "tier.label": planned.tier.label}
        self.columns |= {name: said for name, said in tier.items() if said}
        self.sampling = session.settings.sampling_of(planned.tier)
        self.case_id = str(self.columns["case"])
        self.began = time.monotonic()
        self.attempt = datetime.now(UTC).isoformat(timespec="microseconds")
        self.samples: list[float] = []
        self.sampling_seconds = 0.0
        drawn = secrets.randbits(NONCE_BITS)
        self.nonce = drawn if session.nonce is None else session.nonce
        self.detail: dict[str, Any] = {}
        self.clock: dict[str, Any] = {}
        self.before: dict[str, Any] = {}
        self.status: Status | None = None
        self.ending: tuple[Status, str] = "ok", ""
        self.reason = ""
        self.told = False
        self.worker: WorkerProcess | None = None
        self.crowded: Fault | None = None

    @property
    def finished(self) -> bool:
        """Return whether the row `case` is written."""
        return self.status is not None

    @property
    def waits(self) -> bool:
        """Return whether nothing is left to do but to wait for the end of the block.

        A GPU may be full of what others hold: a trial that ran out of memory beside others is
        `crowded`, and is tried again alone.
        """
        return self.finished or self.crowded is not None

    def again(self) -> None:
        """Begin anew, alone; a GPU that is too small then is too small."""
        assert self.crowded is not None
        self.detail = {"alone": f"beside other workers it ended in {self.crowded}"}
        self.samples, self.sampling_seconds, self.clock = [], 0.0, {}
        self.attempt = datetime.now(UTC).isoformat(timespec="microseconds")
        self.crowded = None
        self.open({})

    def _failed(self, fault: Fault) -> None:
        """Finish with a fault, but wait when memory of a GPU ran out that others may hold."""
        if fault.status == "oom" and self.session.device == "cuda" and "alone" not in self.detail:
            self.crowded = fault
        else:
            self.finish(fault.status, fault.reason)

    def refuse(self) -> None:
        """Finish when the case is refused: by its family, operation, package or implementation."""
        if self.planned.refused:
            self.finish("skip", str(self.planned.refused), {"refused": True})

    def open(self, faults: Mapping[Any, Fault]) -> None:
        """Build the case and run its probes; finish when a gate fails or the worker does."""
        readings: list[Reading] = []
        self.began = time.monotonic()
        implementation = self.session.registry.implementation(self.planned.case.implementation)
        self.detail |= {"baseline": implementation.baseline, "nonce": self.nonce}
        began = time.monotonic()
        try:
            self.worker = worker = self._start(faults)
            self.detail |= opened(
                worker,
                self.planned.case,
                self.probes("worker"),
                self.session.settings.case_timeout,
                readings.append,
                nonce=self.nonce,
                clock=self.sampling.least > 0,
            )
        except Fault as fault:
            self.writer.write(readings)
            failed = [r for r in readings if r.passed is False]
            if failed:  # wrong, and then it did not survive that the cause was looked for
                said = f"; looking for the cause ended in {fault}"
                self.finish("wrong", "; ".join(map(failure, failed)) + said)
            else:
                self._failed(fault)
            return
        finally:
            wall = time.monotonic() - began
            self.session.opened(self.detail.pop("seconds", {}), wall)
        self.writer.write(readings)
        failed = [r for r in readings if r.passed is False]
        if failed:
            cause = self.detail.get("diagnosis", {}).get("cause", "")
            said = f": {cause}" if cause else ""
            self.finish("wrong", "; ".join(map(failure, failed)) + said)
        self.before = quality.stamp(self.session.device)

    def probes(self, isolation: str) -> list[str]:
        """Return the probes of an isolation; after the first round those of every round alone."""
        if isolation == "trace" and self.session.device != "cuda":
            return []
        explains = self.session.explaining.get(self.planned.key)
        explained = (explains,) if explains else ()
        named = (*self.session.settings.probes, *self.planned.also, *explained)
        known = probes.probes(self.session.registry.plugins)
        return [
            name
            for name in dict.fromkeys(named)
            if known[name].isolation == isolation and (not self.number or known[name].every_round)
        ]

    def _start(self, faults: Mapping[Any, Fault]) -> WorkerProcess:
        fault = faults.get(self.session.pool.spec(self.planned.case))
        if fault:
            raise fault
        return self.session.pool.worker(self.planned.case)

    def wants_more(self) -> bool:
        """Return whether another sample is to be taken."""
        return not self.waits and not enough(self.samples, self.sampling_seconds, self.sampling)

    def sample(self) -> None:
        """Take one sample of the time."""
        assert self.worker is not None
        began = time.monotonic()
        try:
            samples, self.clock = sampled(self.worker)
            self.samples += samples
        except Fault as fault:
            self._failed(fault)
        self.sampling_seconds += time.monotonic() - began

    def close(self) -> None:
        """Write the time, and have the worker forget the case.

        What was not right while it was timed has no time, and finishes.
        """
        assert self.worker is not None
        try:
            with self.session.account("checking"):
                wrong = self._wrong_on_the_clock(self.worker)
        except Fault as fault:
            self._failed(fault)
            return
        if wrong:
            self._forgotten(self.worker)
            self.finish("wrong", wrong)
            return
        self.ending = self._write_time()
        with self.session.account("probing"):
            self._after(self.worker)
            self._forgotten(self.worker)

    def end(self) -> None:
        """Run the probes that need a process of their own, and finish as it was closed."""
        with self.session.account("probing"):
            self._apart()
        self.finish(*self.ending)

    def _forgotten(self, worker: WorkerProcess) -> None:
        """Have the worker forget the case; a fault in that says nothing about the time."""
        try:
            if worker.alive:
                closed(worker)
        except Fault as fault:
            self.detail["close"] = str(fault)

    def missing(self, names: Sequence[str], fault: Fault) -> None:
        """Write that probes have no value, since the worker that was to say it has ended."""
        self.writer.write([Reading(name, None) for name in names], {}, fault.status, fault.reason)

    def _write_one(self, reading: Reading) -> None:
        self.writer.write([reading])

    def _after(self, worker: WorkerProcess) -> None:
        """Run the probes that would have disturbed the time."""
        names = self.probes("after")
        if not names:
            return
        said: list[str] = []

        def told(reading: Reading) -> None:
            said.append(reading.probe)
            self.writer.write([reading])

        try:
            probed(worker, names, self.session.settings.case_timeout, told)
        except Fault as fault:
            self.missing([name for name in names if name not in said], fault)

    def _wrong_on_the_clock(self, worker: WorkerProcess) -> str:
        """Return what was wrong with the timed calls, if anything; write how it was judged."""
        if not self.samples:
            return ""
        timeout = self.session.settings.case_timeout
        count = len(self.samples)
        readings = vouched(worker, self.planned.case, self.clock, count, timeout)
        self.writer.write(readings)
        return "; ".join(failure(reading) for reading in readings if reading.passed is False)

    def _write_time(self) -> tuple[Status, str]:
        if not self.samples:
            return "ok", ""
        reading, status, reason = time_of(self.samples, self.clock, self.sampling.target)
        stamps = quality.between(self.before, quality.stamp(self.session.device), self.samples)
        flags = stamps.pop("flags") + flags_of(self.samples, self.clock)
        if "alone" in self.detail:
            flags.append("measured alone, not in turn: beside others it ran out of memory")
        if self.session.shared_core:
            flags.append(SHARED)
        self.writer.write([reading], stamps | ({"flags": flags} if flags else {}), status, reason)
        return status, reason

    def _apart(self) -> None:
        """Run the probes of isolation "process" once, in a worker that has done nothing else."""
        names = self.probes("process")
        if not names:
            return
        worker = self.session.pool.fresh(self.planned.case)
        try:
            worker.spawn()
            worker.ready()
            opened(
                worker,
                self.planned.case,
                names,
                self.session.settings.case_timeout,
                self._write_one,
                nonce=self.nonce,
                clock=False,
            )
        except Fault as fault:
            self.missing(names, fault)
        finally:
            worker.kill()

    def finish(self, status: Status, reason: str, detail: Mapping[str, Any] | None = None) -> None:
        """Write the last row."""
        self.status, self.reason = status, reason
        spent = time.monotonic() - self.began
        facts = {"worker": self.worker.facts} if self.worker else {}
        reading = Reading(FINISHED, spent, n=1, detail=self.detail | facts | dict(detail or {}))
        self.writer.end(reading, status, reason)

    @property
    def writer(self) -> Writer:
        """Return what writes the rows of this attempt."""
        return Writer(
            store=self.session.store,
            run=self.session.run,
            provenance=self.session.provenance,
            key=self.planned.key,
            case=self.columns,
            round=self.number,
            order=self.order,
            attempt=self.attempt,
        )
