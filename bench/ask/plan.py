"""A plan: the cases of a profile, in blocks of one question with all that answer it."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.ask import knobs
from bench.ask.profile import Block, Profile, Tier
from bench.ask.selection import select
from bench.measuring import probes
from bench.record.case import Case, Refusals
from bench.record.fingerprint import key
from impls.implementation import MODES, Implementation, Target
from impls.near import unknown
from impls.operation import Operation
from impls.problem import Problem, Refusal, Scalar
from impls.registry import Registry

LARGEST = 10**8
"""Numbers in the tensor of the largest map whose expressivity a run reads off (0.8 GB)."""


@dataclass(frozen=True)
class Planned:
    """A case: its content address, why it is not run where it is refused, and its tier.

    `also` names probes beside those of the profile.
    """

    case: Case
    key: str
    refused: Refusal | None
    tier: Tier = field(default_factory=Tier)
    also: tuple[str, ...] = ()


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

    def blocks(self, tier: Tier | None = None) -> list[list[Planned]]:
        """Return the cases (of a tier) grouped by problem, pass and target, in order."""
        groups: dict[Any, list[Planned]] = {}
        for planned in self.planned:
            case = planned.case
            if tier is None or planned.tier == tier:
                question = planned.tier.name, case.problem, case.pass_, case.target
                groups.setdefault(question, []).append(planned)
        return list(groups.values())

    def rounds(self, planned: Planned) -> int:
        """Return how often a case is measured."""
        return self.settings.rounds_of(planned.tier)

    @property
    def timed(self) -> bool:
        """Return whether any time is taken."""
        return any(self.settings.sampling_of(tier).least for tier in self.settings.tiers)

    @property
    def total(self) -> int:
        """Return the number of times that any case is measured."""
        return sum(map(self.rounds, self.planned))


def plan(
    profile: Profile,
    target: Target,
    registry: Registry,
    pattern: str = "",
    modes: Sequence[str] = (),
    vary: bool = False,
) -> Plan:
    """Return the plan of a profile.

    `pattern` selects some of the cases; `modes` are instead of the profile's own; `vary` asks
    for every value of the implementations' options.

    Raises:
        ValueError: for an unknown mode, what the profile asks in vain, or a pattern that selects
            nothing.
    """
    every = list(dict.fromkeys(mode for known in MODES.values() for mode in known))
    for mode in modes:
        if mode not in every:
            raise ValueError(unknown("mode", mode, every))
    found = list(cases(profile, target, registry, modes, vary))
    if not found:
        raise ValueError(f"profile {profile.name!r} asks nothing: name a --family")
    if pattern:
        kept = {
            id(case)
            for case in select([case for case, _ in found], pattern, registry, profile.name)
        }
        found = [(case, block) for case, block in found if id(case) in kept]
    planned = planned_of([case for case, _ in found], registry)
    blocks = [block for _, block in found]
    measured = [
        replace(one, tier=profile.tier(block), also=block.also)
        for one, block in zip(planned, blocks, strict=True)
    ]
    return Plan(profile.name, profile, measured)


def cases(
    profile: Profile,
    target: Target,
    registry: Registry,
    modes: Sequence[str] = (),
    vary: bool = False,
) -> Iterator[tuple[Case, Block]]:
    """Yield the cases of a profile with their blocks: its questions, put to who is to answer them.

    Each framework runs in those of `modes` that it has, and in its default mode where these name
    none of its own. `vary` asks for the other values of the implementations' options too, one at a
    time. A case that several blocks ask is that of the first. Cases that will be refused are
    included: a refusal is a result.
    """
    seen: set[Any] = set()
    for problem, block in profile.asked(registry):
        of_framework = _modes(modes or block.modes or profile.modes)
        tier = profile.tier(block)
        found = list(answers(problem, block, tier, target, registry))
        for pass_ in profile.passes_of(block):
            for operation, implementation in found:
                if pass_ != "fwd" and implementation.framework == "numpy":
                    continue
                for turned in knobs.settings(operation, problem, block.knobs):
                    for mode in of_framework[implementation.framework]:
                        for options in _options(implementation, vary):
                            name = implementation.full_name
                            case = Case(problem, name, pass_, mode, target, options, turned)
                            same = problem, name, pass_, mode, *map(_items, (options, turned))
                            if same not in seen:
                                seen.add(same)
                                yield case, block


def _modes(asked: Sequence[str]) -> dict[str, list[str]]:
    """Return the modes in which each framework runs: those asked, or else its default."""
    return {
        framework: [mode for mode in known if mode in asked] or [known[0]]
        for framework, known in MODES.items()
    }


def _items(values: Mapping[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    return tuple(sorted(values.items()))


def _options(implementation: Implementation, vary: bool) -> list[dict[str, Scalar]]:
    """Return {}, which is every option's first value, and each other value of one option."""
    others: list[dict[str, Scalar]] = [
        {name: value} for name, values in implementation.options.items() for value in values[1:]
    ]
    return [{}, *(others if vary else [])]


def answers(
    problem: Problem, block: Block, tier: Tier, target: Target, registry: Registry
) -> Iterator[tuple[Operation, Implementation]]:
    """Yield the implementations that a question is put to, with their operations, by name."""
    for operation in block.asked(registry):
        if tier.best and operation.supports(problem):
            continue
        mine = [i for i in registry.implementations_of(operation.name) if block.measures(i)]
        for implementation in _best(mine, problem, tier, target, registry) if tier.best else mine:
            yield operation, implementation


def _best(
    implementations: Sequence[Implementation],
    problem: Problem,
    tier: Tier,
    target: Target,
    registry: Registry,
) -> Iterator[Implementation]:
    """Yield one implementation of each framework: the first in the tier's order that answers.

    What the tier does not name comes last, peers after all others. Where none answers, the first
    is the case that says why.
    """

    def place(implementation: Implementation) -> tuple[int, int]:
        name = implementation.full_name
        order = [n for n, glob in enumerate(tier.best) if fnmatch.fnmatchcase(name, glob)]
        return min(order, default=len(tier.best)), len(implementation.requires)

    for framework in dict.fromkeys(i.framework for i in implementations):
        mine = sorted((i for i in implementations if i.framework == framework), key=place)
        first = (Case(problem, i.full_name, "fwd", MODES[framework][0], target) for i in mine)
        refusals = Refusals(registry)
        answering = [refusals(case) is None for case in first]
        yield mine[answering.index(True) if True in answering else 0]


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
        smallest = replace(single(case.problem), dtype="float64").at(**case.knobs)
        question = implementation.operation, smallest
        rank = (len(implementation.requires), implementation.framework == "jax", planned.key)
        if question not in chosen or rank < chosen[question][0]:
            chosen[question] = rank, planned.key
    large = {key: _numbers(registry, *asked) > LARGEST for asked, (_, key) in chosen.items()}
    return {key: "expressivity.derived" if large[key] else "expressivity" for key in large}


def _numbers(registry: Registry, operation: str, problem: Problem) -> int:
    """Return how many numbers the tensor of a map has: all inputs times all outputs."""
    declared = registry.operation(operation)
    inputs = declared.taken(registry.family(problem.family).inputs(problem.question)).values()
    outputs = declared.outputs(problem).values()
    written = sum(math.prod(space.shape) for space in outputs)
    return written * math.prod(math.prod(space.shape) for space in inputs)
