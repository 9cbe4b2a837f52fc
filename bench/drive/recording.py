"""What the GPU does in the cases of a block, recorded in turn, as they were timed in turn.

Between two cases of a block the clock of a card may have changed, its temperature, or what shares
its memory; so all are open in the workers that record, and each is asked for a part at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from analysis.statistics import series_interval
from bench.drive.requests import closed, opened, probed
from bench.drive.trial import Trial
from bench.drive.worker_process import Fault, WorkerProcess
from bench.measuring import probes
from bench.record.rows import Reading


@dataclass
class Recording:
    """One case in the worker that records it; a fault ends it."""

    trial: Trial
    names: list[str]
    worker: WorkerProcess | None = None
    found: dict[str, list[Reading]] = field(default_factory=dict)
    fault: Fault | None = None

    def open(self) -> None:
        """Build the case there."""
        self.worker, self.found, self.fault = None, {}, None
        session, planned = self.trial.session, self.trial.planned
        try:
            worker = session.pool.worker(planned.case, traces=True)
            timeout = session.settings.case_timeout
            opened(worker, planned.case, (), timeout, nonce=self.trial.nonce, clock=False)
            self.worker = worker
        except Fault as fault:
            self.fault = fault

    def measure(self, names: Sequence[str]) -> None:
        """Measure probes on it once more."""
        if self.worker is None:
            return
        try:
            probed(self.worker, names, self.trial.session.settings.case_timeout, self._told)
        except Fault as fault:
            self.worker, self.fault = None, fault

    def _told(self, reading: Reading) -> None:
        self.found.setdefault(reading.probe, []).append(reading)

    def close(self) -> None:
        """Have the worker forget the case."""
        if self.worker is None:
            return
        try:
            closed(self.worker)
        except Fault as fault:
            self.fault = fault
        self.worker = None

    def write(self) -> None:
        """Write what was found, or why nothing was."""
        if self.fault:
            self.trial.missing(self.names, self.fault)
            return
        self.trial.writer.write([joined(parts) for parts in self.found.values()])


def record(trials: Sequence[Trial]) -> None:
    """Record the cases of trials in turn; one that runs out of memory so is recorded alone."""
    every = [Recording(trial, names) for trial in trials if (names := trial.probes("trace"))]
    _in_turn(every)
    for recording in every:
        if recording.fault and recording.fault.status == "oom" and len(every) > 1:
            _in_turn([recording])
        recording.write()


def _in_turn(recordings: Sequence[Recording]) -> None:
    for recording in recordings:
        recording.open()
    known = probes.probes(recordings[0].trial.session.registry.plugins) if recordings else {}
    for turn in range(max((known[n].turns for r in recordings for n in r.names), default=0)):
        for recording in recordings:
            recording.measure([name for name in recording.names if turn < known[name].turns])
    for recording in recordings:
        recording.close()


def joined(parts: Sequence[Reading]) -> Reading:
    """Return the reading of a probe that was measured in several turns: all samples of these.

    Numbers of its detail are medians; one that could not be read once is not read.
    """
    first = next((part for part in parts if part.value is None), parts[0])
    if first.value is None or len(parts) == 1:
        return first
    samples = [sample for part in parts for sample in part.samples]
    value, low, high = series_interval(samples)
    numbers = {
        name: median(float(part.detail[name]) for part in parts)
        for name, said in first.detail.items()
        if isinstance(said, float)
    }
    detail = {**first.detail, **numbers, "turns": len(parts)}
    return replace(first, value=value, lo=low, hi=high, n=len(samples), samples=samples,
                   detail=detail)  # fmt: skip
