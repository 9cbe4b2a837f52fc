"""Profiles: named sets of problems and how they are measured; a plan is the cases of one."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench import probes
from bench.case import PASSES, Case, Pass, Refusals, cases_of, select
from bench.fingerprint import key
from impls.family import Ask
from impls.implementation import MODES, Target
from impls.problem import Problem, Refusal
from impls.registry import Registry


@dataclass(frozen=True)
class Sampling:
    """When a case has been sampled enough.

    At least `least` samples, and on until the interval of the median is narrower than plus or
    minus `target` (relative); at most `most` samples or `seconds`, after which what is still
    wider is `noisy`. `least` = 0 takes no time at all.
    """

    least: int
    most: int
    target: float = 0.05
    seconds: float = 5.0


UNTIMED = Sampling(0, 0)
LARGEST = 10**8
"""Numbers in the tensor of the largest map whose expressivity a run reads off (0.8 GB)."""


@dataclass(frozen=True)
class Profile:
    """How a named set of problems is measured.

    `shared`: the implementations of a framework share a worker, where nothing is timed.
    """

    passes: tuple[Pass, ...]
    rounds: int
    sampling: Sampling
    case_timeout: float
    probes: tuple[str, ...] = probes.RUN
    shared: bool = False


PROFILES = {
    "check": Profile(PASSES, 1, UNTIMED, 120.0, probes.CHECK),
    "quick": Profile(("fwd",), 1, Sampling(11, 21, 0.10, 2.0), 60.0),
    "default": Profile(("fwd", "grad"), 3, Sampling(11, 21, 0.05, 2.0), 120.0),
    "paper": Profile(PASSES, 5, Sampling(15, 61, 0.02, 15.0), 600.0, probes.PAPER),
}


@dataclass(frozen=True)
class Planned:
    """A case with its content address, and why it is not run where it is refused."""

    case: Case
    key: str
    refused: Refusal | None


def planned_of(cases: Iterable[Case], registry: Registry) -> list[Planned]:
    """Return cases with what a run asks of each before it starts; nobody has to ask again."""
    refusals = Refusals(registry)
    return [Planned(case, key(case, registry), refusals(case)) for case in cases]


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
    profile: str,
    target: Target,
    registry: Registry,
    pattern: str = "",
    rounds: int | None = None,
    passes: Sequence[str] = (),
    modes: Sequence[str] = (),
    vary: bool = False,
) -> Plan:
    """Return the plan of a profile: the problems of every family that has this profile.

    `passes` replaces those of the profile; `modes` names modes beside the default ones; `vary`
    asks for every value of the implementations' options.

    Raises:
        ValueError: for an unknown profile, pass or mode, rounds < 1, or a pattern that selects
            nothing.
    """
    settings = profile_named(profile)
    if rounds is not None:
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, not {rounds}")
        settings = replace(settings, rounds=rounds)
    if passes:
        settings = replace(settings, passes=tuple(_known("pass", name, PASSES) for name in passes))
    every = tuple(dict.fromkeys(mode for known in MODES.values() for mode in known))
    known = [_known("mode", mode, every) for mode in modes]
    chosen = cases(profile, target, registry, settings, known, vary)
    if pattern:
        chosen = select(chosen, pattern, registry)
        if not chosen:
            raise ValueError(
                f"--select {pattern!r} matches no case of profile {profile!r}; "
                f"see: python -m bench list --cases --profile {profile}"
            )
    return Plan(profile, settings, planned_of(chosen, registry))


def _known(what: str, name: str, known: Sequence[Any]) -> Any:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}: known are {', '.join(known)}")
    return name


def cases(
    profile: str,
    target: Target,
    registry: Registry,
    settings: Profile | None = None,
    modes: Sequence[str] = (),
    vary: bool = False,
) -> list[Case]:
    """Return the cases of a profile: its problems, put to the implementations that it measures.

    Raises:
        ValueError: for an unknown profile.
    """
    passes = (settings or profile_named(profile)).passes
    found = cases_of(asks(profile, registry), passes, target, registry, modes, vary)
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


def explaining(plan: Plan, registry: Registry) -> dict[str, str]:
    """Return the cases that also show what their operation can express, with the probe for it.

    There is one for each question: all implementations of an operation pass the same gate, so one
    of them speaks for all; the cheapest to look at is taken (torch or NumPy before JAX, no peer).
    A map whose tensor, inputs times outputs, has more than LARGEST numbers is not read off but
    derived alone; `python -m analysis` reads it off all the same.
    """
    if plan.settings.probes not in (probes.RUN, probes.PAPER):
        return {}
    chosen: dict[tuple[str, Problem], tuple[Any, str]] = {}
    for planned in plan.planned:
        case = planned.case
        implementation = registry.implementation(case.implementation)
        single = registry.family(case.problem.family).single
        default = MODES[implementation.framework][0] == case.mode
        default = default and not case.options
        if single is None or case.pass_ != "fwd" or not default or planned.refused:
            continue
        smallest = replace(single(case.problem), dtype="float64")
        question = implementation.operation, smallest
        rank = (len(implementation.requires), implementation.framework == "jax", planned.key)
        if question not in chosen or rank < chosen[question][0]:
            chosen[question] = rank, planned.key
    large = {key: _numbers(registry, *asked) > LARGEST for asked, (_, key) in chosen.items()}
    return {key: "expressivity.derived" if large[key] else "expressivity" for key in large}


def _numbers(registry: Registry, operation: str, problem: Problem) -> int:
    """Return how many numbers the tensor of a map has: all inputs times all outputs."""
    inputs = registry.family(problem.family).inputs(problem).values()
    outputs = registry.operation(operation).outputs(problem).values()
    written = sum(math.prod(space.shape) for space in outputs)
    return written * math.prod(math.prod(space.shape) for space in inputs)
