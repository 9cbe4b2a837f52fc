"""Run a plan: blocks of one problem and pass, all implementations interleaved, rows appended.

A case passes through three stages: opened (built, gated), sampled in turn with the others of its
block, closed. Its last row has the probe `case`; what has none runs again on resume.
"""

from __future__ import annotations

import fcntl
import fnmatch
import json
import os
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.statistics import median_interval
from bench import probes
from bench.case import (
    PASSES,
    Case,
    Pass,
    case_id,
    cases_of,
    describe,
    problem_id,
    refusal,
    select,
)
from bench.fingerprint import PROTOCOL, key
from bench.machine import environment_facts, machine_facts, provenance
from bench.pool import Fault, Pool, Worker, spec_of
from bench.rows import FINISHED, Reading, Row, Status, Store, finished, load, write_json
from impls.family import Ask
from impls.implementation import Target
from impls.registry import Registry

SAMPLE_TIMEOUT = 60.0


@dataclass(frozen=True)
class Profile:
    """How a named set of problems is measured."""

    passes: tuple[Pass, ...]
    rounds: int
    samples: int
    case_timeout: float
    probes: tuple[str, ...] = probes.RUN


PROFILES = {
    "check": Profile(PASSES, rounds=1, samples=0, case_timeout=120.0, probes=probes.CHECK),
    "quick": Profile(("fwd",), rounds=1, samples=9, case_timeout=60.0),
    "default": Profile(PASSES, rounds=1, samples=11, case_timeout=120.0),
    "paper": Profile(PASSES, rounds=3, samples=31, case_timeout=600.0),
}


@dataclass(frozen=True)
class Planned:
    """A case with its content address."""

    case: Case
    key: str


@dataclass
class Plan:
    """What is meant to be measured, in blocks: same problem and pass, all implementations."""

    profile: str
    settings: Profile
    planned: list[Planned]

    def blocks(self) -> list[list[Planned]]:
        """Return the cases grouped by problem, pass and target, in order."""
        groups: dict[Any, list[Planned]] = {}
        for planned in self.planned:
            case = planned.case
            groups.setdefault((case.problem, case.pass_, case.target), []).append(planned)
        return list(groups.values())


def profile_named(name: str) -> Profile:
    """Return a profile; ValueError lists the known names."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}: known are {', '.join(PROFILES)}")
    return PROFILES[name]


def plan(
    profile: str, target: Target, registry: Registry, pattern: str = "", rounds: int | None = None
) -> Plan:
    """Return the plan of a profile: the problems of every family that has this profile.

    Raises:
        ValueError: for an unknown profile, rounds < 1, or a pattern that selects nothing.
    """
    settings = profile_named(profile)
    if rounds is not None:
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, not {rounds}")
        settings = replace(settings, rounds=rounds)
    chosen = cases(profile, target, registry)
    if pattern:
        chosen = select(chosen, pattern, registry)
        if not chosen:
            raise ValueError(
                f"--select {pattern!r} matches no case of profile {profile!r}; "
                f"see: python -m bench list --cases --profile {profile}"
            )
    return Plan(profile, settings, [Planned(case, key(case, registry)) for case in chosen])


def cases(profile: str, target: Target, registry: Registry) -> list[Case]:
    """Return the cases of a profile: its problems, put to the implementations that it measures.

    Raises:
        ValueError: for an unknown profile.
    """
    passes = profile_named(profile).passes
    found = cases_of(asks(profile, registry), passes, target, registry)
    measured = {
        name
        for name, implementation in registry.implementations.items()
        if any(fnmatch.fnmatchcase(profile, pattern) for pattern in implementation.profiles)
    }
    return [case for case in found if case.implementation in measured]


def asks(profile: str, registry: Registry) -> list[Ask]:
    """Return the problems that all families put in a profile."""
    families = sorted(registry.families.values(), key=lambda family: family.name)
    return [ask for f in families if profile in f.profiles for ask in f.profiles[profile]()]


@dataclass
class Events:
    """What a run tells whoever watches; every hook may be replaced."""

    started: Callable[[int, int], None] = lambda cases, workers: None
    worker_up: Callable[[], None] = lambda: None
    opening: Callable[[str], None] = lambda case: None
    case_done: Callable[[str, Status, str], None] = lambda case, status, reason: None


@dataclass
class Run:
    """The state of one run in one directory."""

    store: Store
    registry: Registry
    pool: Pool
    plan: Plan
    events: Events
    provenance: Mapping[str, Any]
    run: str
    seconds: dict[str, float] = field(default_factory=dict)
    explaining: frozenset[str] = frozenset()

    def execute(self, budget: float | None) -> None:
        """Measure everything that is not finished yet; stop starting blocks after the budget."""
        start = time.monotonic()
        done = self._done()
        for number in range(self.plan.settings.rounds):
            for block in self.plan.blocks():
                todo = [p for p in block if (p.key, number) not in done]
                if not todo:
                    continue
                if budget is not None and time.monotonic() - start > budget:
                    for planned in todo:
                        self._skip(planned, number, f"the budget of {budget:g} s was spent")
                else:
                    self._block(todo, number)
            if number + 1 < self.plan.settings.rounds:
                self.pool.stop()

    def _done(self) -> set[Any]:
        if not self.store.file.exists():
            return set()
        return finished(
            load(self.store.directory), self.provenance["machine"], self.provenance["environment"]
        )

    def _skip(self, planned: Planned, number: int, reason: str) -> None:
        attempt = _Attempt(self, planned, number)
        attempt.finish("skip", reason, {"unfinished": True})

    def _block(self, block: Sequence[Planned], number: int) -> None:
        order = random.Random(f"{block[0].key}{number}").sample(block, len(block))
        attempts = [_Attempt(self, planned, number) for planned in order]
        for attempt in attempts:
            attempt.refuse()
        waiting = [a for a in attempts if not a.finished]
        began = time.monotonic()
        faults = self.pool.prepare([a.planned.case for a in waiting], self.events.worker_up)
        self._spent("starting workers", began)
        for attempt in waiting:
            self.events.opening(attempt.case_id)
            began = time.monotonic()
            attempt.open(faults)
            self._spent("building, compiling, checking", began)
        began = time.monotonic()
        for _ in range(self.plan.settings.samples):
            for attempt in attempts:
                if not attempt.finished:
                    attempt.sample()
        self._spent("timing", began)
        for attempt in attempts:
            if not attempt.finished:
                attempt.close()

    def _spent(self, on: str, began: float) -> None:
        self.seconds[on] = self.seconds.get(on, 0.0) + time.monotonic() - began


class _Attempt:
    """One attempt at one case: collects readings and ends with the row `case`."""

    def __init__(self, run: Run, planned: Planned, number: int) -> None:
        self.run, self.planned, self.number = run, planned, number
        self.columns = describe(planned.case, run.registry)
        self.case_id = str(self.columns["case"])
        self.began = time.monotonic()
        self.attempt = datetime.now(UTC).isoformat(timespec="microseconds")
        self.samples: list[float] = []
        self.detail: dict[str, Any] = {}
        self.clock: dict[str, Any] = {}
        self.finished = False
        self.worker: Worker | None = None

    def refuse(self) -> None:
        refused = refusal(self.planned.case, self.run.registry)
        if refused:
            self.finish("skip", str(refused), {"refused": True})

    def open(self, faults: Mapping[Any, Fault]) -> None:
        readings: list[Reading] = []
        implementation = self.run.registry.implementation(self.planned.case.implementation)
        self.detail["baseline"] = implementation.baseline
        try:
            self.worker = worker = self._start(faults)
            request = {
                "do": "open",
                "case": self.planned.case.to_json(),
                "probes": self._probes(),
                "clock": self.run.plan.settings.samples > 0,
            }
            for reply in worker.ask(request, self.run.plan.settings.case_timeout):
                if "reading" in reply:
                    readings.append(Reading(**reply["reading"]))
                else:
                    self.detail |= reply["done"]
        except Fault as fault:
            self._write(readings)
            self.finish(fault.status, fault.reason)
            return
        self._write(readings)
        failed = [r for r in readings if r.detail.get("passed") is False]
        if failed:
            self.finish("wrong", "; ".join(map(_failure, failed)))

    def _probes(self) -> tuple[str, ...]:
        explains = self.planned.key in self.run.explaining
        return self.run.plan.settings.probes + (("expressivity",) if explains else ())

    def _start(self, faults: Mapping[Any, Fault]) -> Worker:
        fault = faults.get(spec_of(self.planned.case, self.run.registry))
        if fault:
            raise fault
        return self.run.pool.worker(self.planned.case)

    def sample(self) -> None:
        assert self.worker is not None
        try:
            for reply in self.worker.ask({"do": "sample", "count": 1}, SAMPLE_TIMEOUT):
                self.samples += reply["done"].pop("samples")
                self.clock = reply["done"]
        except Fault as fault:
            self.finish(fault.status, fault.reason)

    def close(self) -> None:
        assert self.worker is not None
        if self.samples:
            median, low, high = median_interval(self.samples)
            reading = Reading(
                "time.host", median, low, high, len(self.samples), self.samples, self.clock
            )
            self._write([reading], {} if self.clock["steady"] else {"flags": ["unsteady"]})
        try:
            for _ in self.worker.ask({"do": "close"}, SAMPLE_TIMEOUT):
                pass
        except Fault as fault:
            self.detail["close"] = str(fault)
        self.finish("ok", "")

    def finish(self, status: Status, reason: str, detail: Mapping[str, Any] | None = None) -> None:
        self.finished = True
        spent = time.monotonic() - self.began
        reading = Reading(FINISHED, spent, n=1, detail=self.detail | dict(detail or {}))
        self._append(reading, status, reason, {})
        self.run.events.case_done(self.case_id, status, reason)

    def _write(self, readings: Sequence[Reading], quality: Mapping[str, Any] | None = None) -> None:
        for reading in readings:
            wrong = reading.detail.get("passed") is False
            self._append(
                reading,
                "wrong" if wrong else "ok",
                _failure(reading) if wrong else "",
                quality or {},
            )

    def _append(
        self, reading: Reading, status: Status, reason: str, quality: Mapping[str, Any]
    ) -> None:
        row = Row(
            run=self.run.run,
            round=self.number,
            attempt=self.attempt,
            key=self.planned.key,
            case=self.columns,
            reading=reading,
            unit=probes.unit_of(reading.probe),
            status=status,
            reason=reason,
            quality={"load": round(os.getloadavg()[0], 2), **quality},
            provenance=self.run.provenance,
        )
        self.run.store.append([row])


def _failure(reading: Reading) -> str:
    detail = reading.detail
    if "problem" in detail:
        return f"{reading.probe}: {detail['problem']}"
    value = "not finite" if reading.value is None else f"{reading.value:.2e}"
    if "tolerance" not in detail:
        return f"{reading.probe} is {value}"
    return f"{reading.probe} is {value}, above the tolerance {detail['tolerance']:.0e}"


@contextmanager
def exclusive(directory: Path, device: str) -> Iterator[None]:
    """Hold the lock of a run directory and, on CUDA, the lock of this machine's GPU.

    Raises:
        ValueError: when another process runs in the directory or measures on the GPU, or the
            directory is a file.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{directory} is not a directory") from None
    with ExitStack() as locks:
        busy = f"another process is running in {directory}"
        locks.enter_context(_locked(directory / "lock", busy))
        if device == "cuda":
            gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "0"
            busy = f"another run measures on GPU {gpu}: wait until it has ended"
            file = Path(tempfile.gettempdir()) / f"equibench-gpu-{gpu}.lock"
            locks.enter_context(_locked(file, busy))
        yield


@contextmanager
def _locked(file: Path, busy: str) -> Iterator[None]:
    """Hold the lock of a file, which may belong to another user; ValueError when it is taken."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(file, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(busy) from None
        yield
    finally:
        os.close(descriptor)


def execute(
    plan: Plan,
    registry: Registry,
    out: Path,
    *,
    files: Sequence[str] = (),
    command: str = "",
    budget: float | None = None,
    events: Events | None = None,
) -> Run:
    """Run a plan in a directory, continuing what is there; return the run with its time account."""
    device = plan.planned[0].case.target.device if plan.planned else "cpu"
    with exclusive(out, device), Pool(registry, files, out / "logs") as pool:
        store = Store(out)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        facts = {
            "machine": store.facts("machines", machine_facts()),
            "environment": store.facts("environments", environment_facts(device)),
            "protocol": PROTOCOL,
            **provenance(),
            "t0": now,
        }
        run = Run(
            store,
            registry,
            pool,
            plan,
            events or Events(),
            facts,
            secrets.token_hex(8),
            explaining=_explaining(plan, registry),
        )
        _write_plan(run, command, now)
        run.execute(budget)
    return run


def _explaining(plan: Plan, registry: Registry) -> frozenset[str]:
    """Return the cases that also show what their operation can express: one for each question.

    All implementations of an operation pass the same gate, so one of them speaks for all; the
    cheapest to look at is taken (torch or NumPy before JAX, no peer).
    """
    if plan.settings.probes != probes.RUN:
        return frozenset()
    chosen: dict[Any, tuple[Any, str]] = {}
    for planned in plan.planned:
        case = planned.case
        implementation = registry.implementation(case.implementation)
        single = registry.family(case.problem.family).single
        if single is None or case.pass_ != "fwd" or refusal(case, registry):
            continue
        question = implementation.operation, replace(single(case.problem), dtype="float64")
        rank = (len(implementation.requires), implementation.framework == "jax", planned.key)
        if question not in chosen or rank < chosen[question][0]:
            chosen[question] = rank, planned.key
    return frozenset(key for _, key in chosen.values())


def _write_plan(run: Run, command: str, now: str) -> None:
    path = run.store.directory / "plan.json"
    earlier: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    cases = {case["key"]: case for case in earlier.get("cases", [])}
    for planned in run.plan.planned:
        cases[planned.key] = {
            "key": planned.key,
            "id": case_id(planned.case, run.registry),
            "problem": problem_id(planned.case.problem, run.registry),
            "implementation": planned.case.implementation,
            "operation": run.registry.implementation(planned.case.implementation).operation,
            "pass": planned.case.pass_,
            "rounds": run.plan.settings.rounds,
        }
    commands = [*earlier.get("commands", []), {"command": command, "run": run.run, "t0": now}]
    write_json(
        path,
        {
            "profile": run.plan.profile,
            "protocol": PROTOCOL,
            "created": earlier.get("created", now),
            "commands": commands,
            "cases": list(cases.values()),
        },
    )
