"""Two sides of the same case, measured in turn: rounds in fresh processes, bursts interleaved.

A side is a checkout's `impls` and, for calibration, a slow-down that is planted. The harness is
always the one of this checkout, so that only what is measured differs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.case import Case, case_id
from bench.pool import Fault, Spec, Worker, spec_of
from impls.registry import Registry

TIMEOUT = 120.0
ROUNDS, SAMPLES = 15, 25
"""What `bench calibrate` was seen to need for finding 10 % on a noisy machine."""


@dataclass(frozen=True)
class Side:
    """What one side runs: the `impls` under `root` (None: this checkout).

    With `slower`, each call is waited for and made slower by that share.
    """

    name: str
    root: Path | None = None
    slower: float | None = None


@dataclass
class Duel:
    """One case on two sides: per round an array of bursts [s per call] for each; or why not."""

    case: Case
    id: str
    groups: tuple[list[list[float]], list[list[float]]] = field(default_factory=lambda: ([], []))
    reason: str = ""


@dataclass(frozen=True)
class Rules:
    """How duels are fought."""

    logs: Path
    rounds: int = ROUNDS
    samples: int = SAMPLES
    gates: tuple[str, ...] = ("error",)
    seed: str = "0"


def fight(
    cases: Sequence[Case],
    sides: tuple[Side, Side],
    registry: Registry,
    rules: Rules,
    files: Sequence[str] = (),
    told: Callable[[str, int], None] = lambda case, number: None,
) -> list[Duel]:
    """Return a duel for each case.

    In each round, the cases of one kind of worker share two processes, one for each side; the
    samples of a case are taken in turn, and who begins alternates. A case that fails the gate or
    faults on a side has a reason and is not asked again.
    """
    duels = [Duel(case, case_id(case, registry)) for case in cases]
    kinds: dict[Spec, list[Duel]] = {}
    for duel in duels:
        kinds.setdefault(spec_of(duel.case, registry), []).append(duel)
    for number in range(rules.rounds):
        rng = random.Random(f"{rules.seed}{number}")
        for spec in rng.sample(list(kinds), len(kinds)):
            mine = [duel for duel in kinds[spec] if not duel.reason]
            for duel in _round(rng.sample(mine, len(mine)), spec, sides, rules, files):
                told(duel.id, number)
    return duels


def _round(
    duels: Sequence[Duel],
    spec: Spec,
    sides: tuple[Side, Side],
    rules: Rules,
    files: Sequence[str],
) -> Iterator[Duel]:
    """Fight one round of some duels, yielding each when it is over."""
    workers = _workers(spec, sides, rules, files)
    try:
        for duel in duels:
            for side, worker in zip(sides, workers, strict=True):
                if not worker.alive:
                    worker.kill()
                    _up(worker, side)
            try:
                samples = _samples(duel.case, sides, workers, rules)
            except Fault as fault:
                duel.reason = str(fault)
            else:
                for group, series in zip(duel.groups, samples, strict=True):
                    group.append(series)
            yield duel
    except Fault as fault:  # a side does not even start
        for duel in duels:
            duel.reason = duel.reason or str(fault)
            yield duel
    finally:
        for worker in workers:
            worker.kill()


def _workers(
    spec: Spec, sides: tuple[Side, Side], rules: Rules, files: Sequence[str]
) -> list[Worker]:
    rules.logs.mkdir(parents=True, exist_ok=True)
    logs = [rules.logs.resolve() / f"{spec.implementation}-{i}.log" for i in range(len(sides))]
    return [
        Worker(spec, tuple(files), log, side.root) for side, log in zip(sides, logs, strict=True)
    ]


def _up(worker: Worker, side: Side) -> None:
    try:
        worker.spawn()
        worker.ready()
    except Fault as fault:
        raise Fault(fault.status, f"{side.name}: {fault.reason}") from None


def _samples(
    case: Case, sides: tuple[Side, Side], workers: Sequence[Worker], rules: Rules
) -> tuple[list[float], list[float]]:
    for side, worker in zip(sides, workers, strict=True):
        request = {"do": "open", "case": case.to_json(), "probes": rules.gates, "clock": True}
        try:
            for reply in worker.ask(request | {"slower": side.slower}, TIMEOUT):
                if reply.get("done", {}).get("failed"):
                    raise Fault("wrong", "the result does not agree with the oracle")
        except Fault as fault:
            raise Fault(fault.status, f"{side.name}: {fault.reason}") from None
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(rules.samples):
        for i in (0, 1) if turn % 2 == 0 else (1, 0):
            for reply in workers[i].ask({"do": "sample", "count": 1, "bursts": True}, TIMEOUT):
                found[i].extend(reply["done"]["samples"])
    for worker in workers:
        for _ in worker.ask({"do": "close"}, TIMEOUT):
            pass
    return found
