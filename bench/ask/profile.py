"""Profiles: what is asked, of whom, and how it is measured, as data.

A profile is a TOML file, one of `bench/profiles/` or a user's own: settings, tiers, and blocks that
each ask a family some questions.

    title = "my layers"
    passes = ["fwd", "grad"]        # fwd, grad, grad2
    rounds = 4                      # in fresh processes
    most_rounds = 7                 # of what can't be told from the baseline by then
    case_timeout = 120              # [s]
    probes = "run"                  # run, paper, check
    sampling = {least = 11, most = 21, target = 0.05, seconds = 2.0}
    except_implementations = ["*.numpy_*"]

    [[block]]
    show = "what the full product of my layer costs beside what replaces it"
    family = "product"
    irreps_in1 = "0e+1o+2e"         # any option of the family; a list is a sweep
    channels = [16, 64, 128]
    except_operations = ["fused_*"]

Operations and implementations are chosen by globs, best by leaving out: what is added later is then
measured without an edit. `docs/profiles.md` has every key.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.ask.options import Sweeps, options_of, problems
from bench.measuring import probes
from bench.record.case import Pass
from impls.implementation import Implementation
from impls.near import unknown
from impls.operation import Operation
from impls.problem import Problem, Scalar
from impls.registry import Registry

KEYS: Mapping[str, type] = {
    "show": str,
    "family": str,
    "tier": str,
    "passes": list,
    "operations": list,
    "except_operations": list,
    "implementations": list,
    "except_implementations": list,
    "knobs": dict,
    "examples": bool,
    "modes": list,
    "also": list,
}
"""The keys of a block that are no options of its family, with the types of their values."""


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


@dataclass(frozen=True)
class Tier:
    """Blocks of a profile that are measured together, before those of the next tier.

    `rounds`, `most_rounds`, `passes` and `sampling` are those of the profile unless said here; a
    tier with rounds of its own has no more than these unless it says so. `best` takes one
    implementation of each framework, the first that answers in the order of these globs, and of
    those operations alone that answer. A tier that is `always` measured is not dropped by a budget.
    `label` says on the page what its times are worth.
    """

    name: str = ""
    label: str = ""
    rounds: int | None = None
    most_rounds: int | None = None
    passes: tuple[Pass, ...] | None = None
    sampling: Sampling | None = None
    best: tuple[str, ...] = ()
    always: bool = False


@dataclass(frozen=True)
class Block:
    """A question to a family, or several, and the answers that it is put to (by globs).

    `show` says what the block is there to show, `where` where it is written. `knobs` maps a knob of
    the operations to values or to SWEEP. A block of `examples` asks those of the family. `modes`
    are those of the profile unless said here; `also` names probes beside those of the profile.
    """

    family: str
    show: str
    options: Sweeps = field(default_factory=dict)
    examples: bool = False
    operations: tuple[str, ...] = ("*",)
    except_operations: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ("*",)
    except_implementations: tuple[str, ...] = ()
    knobs: Mapping[str, tuple[Scalar, ...] | str] = field(default_factory=dict)
    passes: tuple[Pass, ...] | None = None
    modes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    tier: str = ""
    where: str = ""

    def asks(self, operation: Operation) -> bool:
        """Return whether the question is put to an operation."""
        return (
            operation.family == self.family
            and _matches(operation.name, self.operations)
            and not _matches(operation.name, self.except_operations)
        )

    def measures(self, implementation: Implementation) -> bool:
        """Return whether an implementation of such an operation is measured."""
        name = implementation.full_name
        return _matches(name, self.implementations) and not _matches(
            name, self.except_implementations
        )

    def problems(self, registry: Registry) -> list[Problem]:
        """Return the questions.

        Raises:
            ValueError: for an unknown family or option, or what the family refuses.
        """
        if self.family not in registry.families:
            raise ValueError(self._said(unknown("family", self.family, sorted(registry.families))))
        family = registry.family(self.family)
        if self.examples:
            return list(family.examples)
        known = options_of(family)
        for name in self.options:
            if name not in known:
                keys = [*known, *(key for key in KEYS if key not in known)]
                raise ValueError(
                    self._said(f"family {family.name}: {unknown('option', name, keys)}")
                )
        try:
            return problems(family, self.options)
        except ValueError as error:
            raise ValueError(self._said(str(error))) from error

    def check(self, registry: Registry) -> None:
        """Check the globs of operations and implementations, and the knobs.

        Raises:
            ValueError: for a glob that nothing matches, or a knob that no operation asked has.
        """
        mine = sorted(o.name for o in registry.operations.values() if o.family == self.family)
        answers = [i.full_name for name in mine for i in registry.implementations_of(name)]
        for what, patterns, known in (
            ("operation", (*self.operations, *self.except_operations), mine),
            ("implementation", self.implementations, answers),
            ("implementation", self.except_implementations, sorted(registry.implementations)),
        ):
            for pattern in patterns:
                if known and not any(fnmatch.fnmatchcase(name, pattern) for name in known):
                    raise ValueError(self._said(unknown(what, pattern, known)))
        has = self.knobs_of(registry)
        for name in self.knobs:
            if name not in has:
                raise ValueError(self._said(f"{unknown('knob', name, has)} of what is asked"))

    def knobs_of(self, registry: Registry) -> list[str]:
        """Return the knobs of the operations that are asked."""
        return sorted({knob.name for o in self.asked(registry) for knob in o.knobs})

    def asked(self, registry: Registry) -> list[Operation]:
        """Return the operations that the question is put to, by name."""
        return [o for _, o in sorted(registry.operations.items()) if self.asks(o)]

    def _said(self, message: str) -> str:
        return f"{self.where}: {message}" if self.where else message


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Profile:
    """What is measured and how; see the module for its file.

    `shared`: the implementations of a framework share a worker, where nothing is timed.
    `examples`: every family is asked its examples too, first. What `except_implementations` leaves
    out, every block does. `modes` are those in which a framework runs that has them, beside its
    default mode where it has none of them. What can't be told from the baseline after its `rounds`
    is measured in more, up to `most_rounds`.
    """

    passes: tuple[Pass, ...]
    rounds: int
    sampling: Sampling
    case_timeout: float
    probes: tuple[str, ...] = probes.RUN
    shared: bool = False
    name: str = ""
    title: str = ""
    examples: bool = False
    except_implementations: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = (Tier(),)
    blocks: tuple[Block, ...] = ()
    most_rounds: int = 0

    def rounds_of(self, tier: Tier) -> int:
        """Return how often the blocks of a tier are repeated."""
        return self.rounds if tier.rounds is None else tier.rounds

    def most_rounds_of(self, tier: Tier) -> int:
        """Return how often those blocks of a tier are repeated that can't be told."""
        most = self.most_rounds if tier.rounds is None else 0
        return max(self.rounds_of(tier), most if tier.most_rounds is None else tier.most_rounds)

    def sampling_of(self, tier: Tier) -> Sampling:
        """Return when a case of a tier has been sampled enough."""
        return tier.sampling or self.sampling

    def passes_of(self, block: Block) -> tuple[Pass, ...]:
        """Return the passes of a block: its own, or its tier's, or those of the profile."""
        return block.passes or self.tier(block).passes or self.passes

    def tier(self, block: Block) -> Tier:
        """Return the tier of a block."""
        return next(tier for tier in self.tiers if tier.name == block.tier)

    def asked(self, registry: Registry) -> list[tuple[Problem, Block]]:
        """Return every question with the block that asks it.

        Raises:
            ValueError: for what the registry does not know, or a family refuses.
        """
        found = []
        for block in self.all_blocks(registry):
            found += [(problem, block) for problem in block.problems(registry)]
            block.check(registry)
        return found

    def all_blocks(self, registry: Registry) -> tuple[Block, ...]:
        """Return the blocks: first those of the examples of all families, where they are asked."""
        families = sorted(registry.families) if self.examples else []
        show, tier = "the examples of the family", self.tiers[0].name
        examples = (Block(name, show, examples=True, tier=tier) for name in families)
        return (*examples, *self.blocks)
