"""Run a plan: blocks of one problem and pass, all implementations interleaved, rows appended.

A case passes through three stages: opened (built, gated), sampled in turn with the others of its
block, closed. Its last row has the probe `case`; what has none runs again on resume.
"""

from __future__ import annotations

import fnmatch
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.ask.plan import Plan, Planned, explaining
from bench.ask.reading import PROBES, as_data
from bench.drive.locks import exclusive, place
from bench.drive.pool import Pool
from bench.drive.recording import record
from bench.drive.schedule import CRASHES, FAULTS, QUARANTINE, SPREADING, larger, shuffled
from bench.drive.session import Session
from bench.drive.trial import Trial
from bench.drive.undecided import undecided
from bench.record.case import Case, case_id, problem_id
from bench.record.fingerprint import PROTOCOL
from bench.record.foreign import read_plan
from bench.record.machine import environment_facts, machine_facts, provenance
from bench.record.rows import HERE, Status, Store, last, latest, load, write_json
from impls.implementation import Target
from impls.registry import Registry

REDO = {
    "failed": ("wrong", "oom", "timeout", "crash", "error", "dominated"),
    "noisy": ("noisy",),
}
"""What `--redo` names, by the statuses that run again; "all" is every case."""


@dataclass
class Events:
    """What a run tells whoever watches; every hook may be replaced."""

    worker_up: Callable[[], None] = lambda: None
    opening: Callable[[str], None] = lambda case: None
    case_done: Callable[[str, Status, str], None] = lambda case, status, reason: None
    more: Callable[[int], None] = lambda cases: None


@dataclass
class Run:
    """The state of one run in one directory."""

    session: Session
    plan: Plan
    events: Events
    failed: list[tuple[Case, Status]] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Return the directory that it writes to."""
        return self.session.store

    @property
    def seconds(self) -> Mapping[str, float]:
        """Return where the wall time went [s]."""
        return self.session.seconds

    def execute(self, budget: float | None, redo: str = "") -> None:
        """Measure everything that is not finished yet, tier after tier, round after round.

        After the rounds of a tier come more, up to its most, of what can't be told yet. After the
        budget no block is started, but for those of tiers that are always measured, and of a
        further round that has begun.
        """
        start = time.monotonic()
        done = self._done(redo)
        for tier in self.plan.settings.tiers:
            spent = None if tier.always else budget
            blocks = self.plan.blocks(tier)
            rounds = self.plan.settings.rounds_of(tier)
            for number in range(rounds):
                self._round(blocks, number, done, start, spent)
            for number in range(rounds, self.plan.settings.most_rounds_of(tier)):
                late = spent is not None and time.monotonic() - start > spent
                if late or not (again := self._undecided(blocks)):
                    break
                if more := sum((p.key, number) not in done for b in again for p in b):
                    self.events.more(more)
                self._round(again, number, done, start, None)

    def _undecided(self, blocks: Sequence[Sequence[Planned]]) -> list[list[Planned]]:
        """Return of each block what needs another round."""
        here = self.session.provenance
        rows = [
            row
            for row in latest(load(self.store.directory))
            if all(row[name] == here[name] for name in HERE)
        ]
        return [found for block in blocks if (found := undecided(block, rows))]

    def _round(
        self,
        blocks: Sequence[Sequence[Planned]],
        number: int,
        done: set[Any],
        start: float,
        budget: float | None,
    ) -> None:
        """Measure what is not done of one round of some blocks, in fresh processes."""
        begun = False
        for order, block in enumerate(shuffled(blocks, self.session.registry, str(number))):
            todo = [p for p in block if (p.key, number) not in done]
            if not todo:
                continue
            if budget is not None and time.monotonic() - start > budget:
                for planned in todo:
                    self._skip(planned, number, f"the budget of {budget:g} s was spent")
                continue
            if not begun:
                self.session.pool.stop()
                begun = True
            self._block(todo, number, order)

    def _done(self, redo: str) -> set[Any]:
        if not self.store.file.exists():
            return set()
        rows = last(load(self.store.directory), self.session.provenance)
        return {slot for slot, row in rows.items() if not _again(row, redo)}

    def _skip(self, planned: Planned, number: int, reason: str) -> None:
        trial = Trial(self.session, planned, number)
        trial.finish("skip", reason, {"unfinished": True})
        self._told(trial)

    def _block(self, block: Sequence[Planned], number: int, order: int) -> None:
        mixed = random.Random(f"{block[0].key}{number}").sample(block, len(block))
        trials = [Trial(self.session, planned, number, order) for planned in mixed]
        for trial in trials:
            trial.refuse()
            if not trial.finished:
                self._leave_alone(trial)
            self._told(trial)
        waiting = [a for a in trials if not a.finished]
        with self.session.account("importing"):
            cases = [a.planned.case for a in waiting]
            traces = any(a.probes("trace") for a in waiting)
            faults = self.session.pool.prepare(cases, self.events.worker_up, traces)
        for trial in waiting:
            self.events.opening(trial.case_id)
            trial.open(faults)
            self._told(trial)
        self._sampled(waiting)
        for trial in [a for a in waiting if a.crowded]:
            self.session.pool.stop()
            trial.again()
            self._told(trial)
            self._sampled([trial])

    def _sampled(self, trials: Sequence[Trial]) -> None:
        """Sample in turn what is open, close it, and have recorded what the GPU does, in turn."""
        with self.session.account("measuring"):
            while turn := [a for a in trials if a.wants_more()]:
                for trial in turn:
                    trial.sample()
                    self._told(trial)
        for trial in trials:
            if not trial.waits:
                trial.close()
                self._told(trial)
        timed = [trial for trial in trials if not trial.waits]
        with self.session.account("probing"):
            record(timed)
        for trial in timed:
            trial.end()
            self._told(trial)

    def _leave_alone(self, trial: Trial) -> None:
        """Finish what a smaller problem, or its implementation in a row, has failed at."""
        case = trial.planned.case
        before = [f for f in self.failed if larger(case, f[0], self.session.registry)]
        for failed, status in before:
            if status != "crash" or sum(s == "crash" for _, s in before) >= CRASHES:
                smaller = problem_id(failed.problem, self.session.registry)
                reason = f"{status} at this size or a smaller one: {smaller}/{failed.pass_}"
                trial.finish("dominated", reason)
                return
        row = self.faults.get(case.implementation, [])
        if len(row) >= QUARANTINE:
            reason = f"quarantined: {len(row)} faults in a row, the last: {row[-1]}"
            trial.finish("skip", reason, {"quarantined": True})

    def _told(self, trial: Trial) -> None:
        """Tell whoever watches, once, that a trial is finished; remember its faults."""
        if trial.status is None or trial.told:
            return
        trial.told = True
        case, status = trial.planned.case, trial.status
        if status in FAULTS:
            reason = f"{status}: {trial.reason}"
            self.faults.setdefault(case.implementation, []).append(reason)
        elif status not in ("skip", "dominated"):
            self.faults.pop(case.implementation, None)
        if status in SPREADING:
            self.failed.append((case, status))
        self.events.case_done(trial.case_id, status, trial.reason)


def _again(row: Mapping[str, Any], redo: str) -> bool:
    """Return whether a finished case is to run again: a word of REDO, "all", or a glob of ids."""
    if not redo:
        return False
    if redo in REDO:
        quarantined = redo == "failed" and bool(row["detail"].get("quarantined"))
        return row["status"] in REDO[redo] or quarantined
    return redo == "all" or fnmatch.fnmatchcase(row["case"], redo)


def execute(
    plan: Plan,
    registry: Registry,
    out: Path,
    *,
    files: Sequence[str] = (),
    command: str = "",
    budget: float | None = None,
    redo: str = "",
    nonce: int | None = None,
    events: Events | None = None,
) -> Run:
    """Run a plan in a directory, continuing what is there; return the run with its time account.

    With a nonce of an earlier attempt, every case is judged by what was drawn then.
    """
    target = plan.planned[0].case.target if plan.planned else Target()
    device, shared = target.device, plan.settings.shared
    with (
        exclusive(out),
        place(target, plan.timed) as cores,
        Pool(registry, files, out / "logs", shared, _asked(plan, registry), cores.numbers) as pool,
    ):
        store = Store(out)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        facts = {
            "machine": store.facts("machines", machine_facts(device)),
            "environment": store.facts("environments", environment_facts(device)),
            "protocol": PROTOCOL,
            **provenance(),
            "t0": now,
        }
        session = Session(
            store,
            registry,
            pool,
            plan.settings,
            facts,
            secrets.token_hex(8),
            device,
            explaining(plan, registry),
            nonce,
            shared_core=cores.shared,
        )
        run = Run(session, plan, events or Events())
        _write_plan(run, command, now)
        run.execute(budget, redo)
    return run


def _asked(plan: Plan, registry: Registry) -> set[str]:
    """Return the names of all probes that are asked for."""
    also = {name for planned in plan.planned for name in planned.also}
    return {*plan.settings.probes, *also, *explaining(plan, registry).values()}


def _write_plan(run: Run, command: str, now: str) -> None:
    path = run.store.directory / "plan.json"
    earlier = read_plan(run.store.directory)
    if earlier.get("profile", run.plan.profile) != run.plan.profile:
        raise ValueError(
            f"{run.store.directory} holds a run of the profile {earlier['profile']}, and this is "
            f"{run.plan.profile}: name another --out, or merge the two with `bench merge`"
        )
    cases = {case["key"]: case for case in earlier.get("cases", [])}
    for planned in run.plan.planned:
        cases[planned.key] = {
            "key": planned.key,
            "id": case_id(planned.case, run.session.registry),
            "problem": problem_id(planned.case.problem, run.session.registry),
            "implementation": planned.case.implementation,
            "operation": run.session.registry.implementation(planned.case.implementation).operation,
            "pass": planned.case.pass_,
            "rounds": run.plan.rounds(planned),
            **({"tier": planned.tier.name} if planned.tier.name else {}),
        }
    settings = run.plan.settings
    asks = bool(settings.blocks or settings.examples) and settings.probes in PROBES.values()
    asked = {"asked": as_data(settings)} if asks else {}
    commands = [
        *earlier.get("commands", []),
        {"command": command, "run": run.session.run, "t0": now},
    ]
    write_json(
        path,
        {
            "profile": run.plan.profile,
            **asked,
            "protocol": PROTOCOL,
            "created": earlier.get("created", now),
            "commands": commands,
            "cases": list(cases.values()),
        },
    )
