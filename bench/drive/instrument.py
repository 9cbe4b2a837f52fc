"""The instrument judges itself, on this machine, by what is known (`bench calibrate`).

Clock truth: is a call of known length given that length, and what does a call of nothing cost? A/A:
of pairs that do not differ, how many are called faster or slower? Power: of pairs with a planted
slow-down, how many are found? And what the machine reaches, for a roofline: the bandwidth of a copy
and the rate of matrix products. Each calibration is a file of its own; the pairs of all that are
alike are counted together, and every report of this machine says the outcome.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np

from analysis.statistics import log_ratios
from analysis.verdict import Kind, verdicts
from bench.ask.plan import cases
from bench.ask.reading import load as load_profile
from bench.drive.paired import Design, Pair, Variant, measured
from bench.drive.worker_process import Fault, WorkerProcess, spec_of
from bench.measuring.clocks import HostClock
from bench.record.case import Case, Refusals, digest
from bench.record.fingerprint import PROTOCOL
from bench.record.machine import environment_facts, machine_facts
from bench.record.rows import write_json
from impls.implementation import Target
from impls.registry import Registry

PLANTED = 0.10
KINDS = ("same", "planted")
"""Pairs that do not differ, and pairs with a planted slow-down."""
MARGIN = 0.02
LEVEL = 0.99
KNOWN = (50e-6, 1e-3, 20e-3)
"""Lengths of the calls whose time is known [s]."""
SAMPLES = 31
DTYPES = ("float32", "float64")
TIMEOUT = 120.0


def spin(seconds: float) -> None:
    """Compute until so many seconds have passed."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def clock_truth() -> dict[str, Any]:
    """Return the relative error of the host clock on calls of KNOWN length, and of no length [s].

    A spinning call ends a little after its time, by the cost of reading the clock; that is part of
    its known length to within a microsecond.
    """

    def timed(run: Callable[[], None]) -> float:
        clock = HostClock(run, lambda out: None)
        clock.prepare()
        return statistics.median(clock.sample(SAMPLES))

    errors = {f"{known:g}": timed(lambda known=known: spin(known)) / known - 1 for known in KNOWN}  # type: ignore[misc]
    return {"relative_error": errors, "seconds_of_nothing": timed(lambda: None)}


def peaks(
    registry: Registry, target: Target, logs: Path, cores: tuple[int, ...] = ()
) -> dict[str, float]:
    """Return the bandwidth [B/s] and the rates of matrix products [1/s] that are reached here."""
    first = pairs(registry, target, 1)[0]
    case = replace(first, implementation="clebsch_gordan.torch_dense", mode="eager")
    log = logs.resolve() / "peaks.log"
    worker = WorkerProcess(spec_of(case, registry), log, cores=cores)
    try:
        worker.spawn()
        worker.ready()
        request = {"do": "peaks", "target": asdict(target), "dtypes": DTYPES}
        (reply,) = worker.ask(request, TIMEOUT)
        return dict(reply["done"])
    finally:
        worker.kill()


def reached(registry: Registry, target: Target, out: Path) -> None:
    """Write what the GPU reaches, once, into the directory of a run: `peaks.json`, for a roofline.

    What cannot be measured (without PyTorch, or with a GPU that is full) is not written.
    """
    file = out / "peaks.json"
    if file.exists():
        return
    try:
        found = peaks(registry, target, out / "logs")
    except Fault as fault:
        print(f"no roofline: what the GPU reaches could not be measured: {fault}", file=sys.stderr)
        return
    design = {"threads": target.threads}
    write_json(file, {"device": target.device, "design": design, "peaks": found})


def pairs(registry: Registry, target: Target, count: int, seed: str = "0") -> list[Case]:
    """Return `count` cases of the profile calibrate, at random; some twice if there are too few."""
    refusals = Refusals(registry)
    chosen = [
        case
        for case, _ in cases(load_profile("calibrate"), target, registry)
        if refusals(case) is None
    ]
    rng = random.Random(seed)
    found: list[Case] = []
    while len(found) < count:
        found += rng.sample(chosen, len(chosen))
    return found[:count]


def planted_of(count: int) -> int:
    """Return how many pairs get a slow-down beside `count` that do not differ: a fifth as many."""
    return max(1, count // 5)


def calibrate(
    registry: Registry,
    target: Target,
    out: Path,
    count: int,
    design: Design,
    told: Callable[[str, int], None] = lambda case, number: None,
) -> dict[str, Any]:
    """Return what the instrument does on this machine, and write it to a new file in `out`.

    `count` pairs do not differ; `planted_of(count)` have PLANTED on their second variant.
    They are drawn by the seed of `design`; `ratios` holds what each round of a pair said.
    """
    when = datetime.now(UTC)
    machine = digest(machine_facts(target.device))
    here, again = Variant("a"), Variant("again")
    waited, slower = Variant("waited", slower=0.0), Variant("slower", slower=PLANTED)
    result: dict[str, Any] = {
        "protocol": PROTOCOL,
        "when": when.isoformat(timespec="seconds"),
        "machine": machine,
        "environment": digest(environment_facts(target.device)),
        "device": target.device,
        "design": {
            "rounds": design.rounds,
            "samples": design.samples,
            "margin": MARGIN,
            "level": LEVEL,
            "threads": target.threads,
        },
        "load": os.getloadavg()[0],
        "clock": clock_truth(),
        "shared_core": design.cores.shared,
        "peaks": peaks(registry, target, design.logs, design.cores.numbers),
        "ratios": {},
    }
    for kind, variants, number in (
        ("same", (here, again), count),
        ("planted", (waited, slower), planted_of(count)),
    ):
        drawn = pairs(registry, target, number, design.seed)
        found = measured(drawn, variants, registry, design, (), told)
        ratios = [[pair.id, *_ratios(pair)] for pair in found if not pair.reason]
        result["ratios"][kind] = ratios
        result[kind] = {"failed": len(found) - len(ratios)} | counted(ratios)
    result["planted"]["share"] = PLANTED
    write_json(out / f"{machine}-{target.device}-{when:%Y%m%dT%H%M%S}.json", result)
    return result


def counted(ratios: Sequence[Sequence[Any]], rounds: int | None = None) -> dict[str, int]:
    """Return how many pairs got which verdict, each judged on its own, and how many they are.

    A pair is its case and, for each round, the time of the second variant over that of the first;
    of these the first `rounds` are looked at.
    """
    kinds: dict[str, int] = {"pairs": len(ratios), **dict.fromkeys(get_args(Kind), 0)}
    for _, *found in ratios:
        told = [[float(r)] for r in found[:rounds]]
        (verdict,) = verdicts([(told, [[1.0]] * len(told))], MARGIN, LEVEL)
        kinds[verdict.kind] += 1
    return kinds


def called(ratios: Sequence[Sequence[Any]]) -> int:
    """Return how many pairs were called faster or slower by any look, after each round but one."""

    def at_last(pair: Sequence[Any], rounds: int) -> bool:
        found = counted([pair], rounds)
        return bool(found["faster"] or found["slower"])

    return sum(any(at_last(pair, n) for n in range(2, len(pair))) for pair in ratios)


def _ratios(pair: Pair) -> list[float]:
    """Return the ratio b/a of each round."""
    rounds = log_ratios(pair.groups[1], pair.groups[0])
    return [float(np.exp(np.median(part))) for part in rounds]


def every(directory: Path, machine: str, device: str) -> list[dict[str, Any]]:
    """Return all calibrations of a machine that are kept in a directory, the oldest first."""
    files = sorted(directory.glob(f"{machine}-{device}-*.json"))
    return [dict(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def found(directory: Path, machine: str, device: str) -> dict[str, Any] | None:
    """Return the last calibration of a machine, or None.

    Its pairs are counted together with those of all earlier ones of the same protocol, environment
    and design, by the rule of today; `runs` is how many these are.
    """
    results = every(directory, machine, device)
    if not results:
        return None
    last = results[-1]
    alike = [
        r for r in results if all(r[n] == last[n] for n in ("protocol", "environment", "design"))
    ]
    ratios = {kind: [pair for r in alike for pair in r["ratios"][kind]] for kind in KINDS}
    pooled = {
        kind: counted(ratios[kind]) | {"failed": sum(r[kind]["failed"] for r in alike)}
        for kind in KINDS
    }
    pooled["planted"]["share"] = last["planted"]["share"]
    return last | pooled | {"ratios": ratios, "runs": len(alike)}
