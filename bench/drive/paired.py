"""Two variants of the same case, measured in turn: rounds in fresh processes, bursts interleaved.

A variant is a checkout's `impls` and, for calibration, a slow-down that is planted. The harness is
always the one of this checkout, so that only what is measured differs.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.drive.locks import ANYWHERE, Cores
from bench.drive.requests import NONCE_BITS, closed, opened, sampled, vouched
from bench.drive.worker_process import Fault, Spec, WorkerProcess, spec_of
from bench.record.case import Case, case_id
from impls.registry import Registry

TIMEOUT = 120.0
ROUNDS, SAMPLES = 15, 25
"""What `bench calibrate` was seen to need for finding 10 % on a noisy machine."""


@dataclass(frozen=True)
class Variant:
    """What one variant runs: the `impls` under `root` (None: this checkout).

    With `slower`, each call is waited for and made slower by that share.
    """

    name: str
    root: Path | None = None
    slower: float | None = None


@dataclass
class Pair:
    """One case on two variants: per round an array of bursts [s per call] for each; or why not."""

    case: Case
    id: str
    groups: tuple[list[list[float]], list[list[float]]] = field(default_factory=lambda: ([], []))
    reason: str = ""


@dataclass(frozen=True)
class Design:
    """How pairs are pairs."""

    logs: Path
    rounds: int = ROUNDS
    samples: int = SAMPLES
    gates: tuple[str, ...] = ("error",)
    seed: str = "0"
    cores: Cores = ANYWHERE


def measured(
    cases: Sequence[Case],
    variants: tuple[Variant, Variant],
    registry: Registry,
    design: Design,
    files: Sequence[str] = (),
    told: Callable[[str, int], None] = lambda case, number: None,
) -> list[Pair]:
    """Return a pair for each case.

    In each round, the cases of one kind of worker share two processes, one for each variant; the
    samples of a case are taken in turn, and who begins alternates. A case that fails the gate or
    faults on a variant has a reason and is not asked again.
    """
    pairs = [Pair(case, case_id(case, registry)) for case in cases]
    kinds: dict[Spec, list[Pair]] = {}
    for pair in pairs:
        kinds.setdefault(spec_of(pair.case, registry, files), []).append(pair)
    for number in range(design.rounds):
        rng = random.Random(f"{design.seed}{number}")
        for spec in rng.sample(list(kinds), len(kinds)):
            mine = [pair for pair in kinds[spec] if not pair.reason]
            for pair in _round(rng.sample(mine, len(mine)), spec, variants, design):
                told(pair.id, number)
    return pairs


def _round(
    pairs: Sequence[Pair],
    spec: Spec,
    variants: tuple[Variant, Variant],
    design: Design,
) -> Iterator[Pair]:
    """Fight one round of some pairs, yielding each when it is over."""
    workers = _workers(spec, variants, design)
    try:
        for pair in pairs:
            for variant, worker in zip(variants, workers, strict=True):
                if not worker.alive:
                    worker.kill()
                    _up(worker, variant)
            try:
                samples = _samples(pair.case, variants, workers, design)
            except Fault as fault:
                pair.reason = str(fault)
            else:
                for group, series in zip(pair.groups, samples, strict=True):
                    group.append(series)
            yield pair
    except Fault as fault:  # a variant does not even start
        for pair in pairs:
            pair.reason = pair.reason or str(fault)
            yield pair
    finally:
        for worker in workers:
            worker.kill()


def _workers(spec: Spec, variants: tuple[Variant, Variant], design: Design) -> list[WorkerProcess]:
    design.logs.mkdir(parents=True, exist_ok=True)
    logs = [design.logs.resolve() / f"{spec.implementation}-{i}.log" for i in range(len(variants))]
    return [
        WorkerProcess(spec, log, variant.root, cores=design.cores.numbers)
        for variant, log in zip(variants, logs, strict=True)
    ]


def _up(worker: WorkerProcess, variant: Variant) -> None:
    try:
        worker.spawn()
        worker.ready()
    except Fault as fault:
        raise Fault(fault.status, f"{variant.name}: {fault.reason}") from None


def _samples(
    case: Case, variants: tuple[Variant, Variant], workers: Sequence[WorkerProcess], design: Design
) -> tuple[list[float], list[float]]:
    for variant, worker in zip(variants, workers, strict=True):
        try:
            done = opened(
                worker,
                case,
                design.gates,
                TIMEOUT,
                nonce=secrets.randbits(NONCE_BITS),
                slower=variant.slower,
            )
            if done["failed"]:
                raise Fault("wrong", "the result does not agree with the oracle")
        except Fault as fault:
            raise Fault(fault.status, f"{variant.name}: {fault.reason}") from None
    found: tuple[list[float], list[float]] = ([], [])
    clocks: list[dict[str, Any]] = [{}, {}]
    for turn in range(design.samples):
        for i in (0, 1) if turn % 2 == 0 else (1, 0):
            samples, clocks[i] = sampled(workers[i])
            found[i].extend(samples)
    for variant, worker, clock in zip(variants, workers, clocks, strict=True):
        for reading in vouched(worker, case, clock, design.samples, TIMEOUT):
            if reading.passed is False:
                raise Fault("wrong", f"{variant.name}: {reading.detail['problem']}")
        closed(worker)
    return found
