"""How long a plan will take: an estimate that learns from the runs of this machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.ask.plan import Plan
from bench.commands.command import CALIBRATIONS
from bench.drive.worker_process import spec_of
from bench.record import foreign
from bench.record.rows import write_json
from impls.registry import Registry

SECONDS_PER_CASE = {
    "cpu": {"fwd": 0.9, "grad": 1.2, "grad2": 1.8},
    "cuda": {"fwd": 3.0, "grad": 4.0, "grad2": 5.0},
}
SECONDS_PER_WORKER = {"cpu": 2.5, "cuda": 1.0}
SECONDS_OF_ENERGY = 5.0
"""To begin with (2 cores; an H200 with 16)."""
LEAST = 20
"""A run of fewer cases teaches nothing."""


def file_of(machine: str, device: str) -> Path:
    """Return where the pace of a machine is kept."""
    return CALIBRATIONS.parent / "pace" / f"{machine}-{device}.json"


def pace(machine: str, device: str) -> float:
    """Return how much longer than the first guess the last run took, for each second of it."""
    try:
        return float(foreign.read_json(file_of(machine, device), {"pace": foreign.NUMBER})["pace"])
    except ValueError:
        return 1.0  # none yet, or none that can be used: the first guess


def learn(machine: str, device: str, guessed: float, taken: float, cases: int) -> None:
    """Keep what a run that measured so many cases took [s], beside what was guessed for them."""
    if cases >= LEAST and guessed > 0 and taken > 0:
        write_json(file_of(machine, device), {"pace": taken / guessed, "cases": cases})


def guess(plan: Plan, registry: Registry, device: str) -> float:
    """Return a first guess [s] of how long the rounds of a plan take that are sure."""
    each = SECONDS_PER_CASE[device]
    seconds = 0.0
    for tier in plan.settings.tiers:
        mine = [p for p in plan.planned if p.refused is None and p.tier == tier]
        passes = Counter(str(p.case.pass_) for p in mine)
        workers = len({spec_of(p.case, registry) for p in mine})
        measuring = sum(each[name] * count for name, count in passes.items())
        starting = SECONDS_PER_WORKER[device] * workers
        energies = sum("energy" in p.also for p in mine)
        seconds += plan.settings.rounds_of(tier) * (measuring + starting)
        seconds += SECONDS_OF_ENERGY * energies
    return seconds


def in_words(seconds: float) -> str:
    """Return a rough time: 40 s, 3 min, 2.5 h.

    >>> in_words(41.3), in_words(200), in_words(9000)
    ('40 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5)):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
