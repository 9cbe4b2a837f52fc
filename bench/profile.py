"""Profiles: what is asked, of whom, and how it is measured, as data.

A profile is a TOML file, one of `bench/profiles/` or a user's own: settings, tiers, and blocks that
each ask a family some questions.

    title = "my layers"
    passes = ["fwd", "grad"]        # fwd, grad, grad2
    rounds = 3                      # in fresh processes
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
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bench import probes
from bench.asking import Sweeps, options_of, problems
from bench.case import PASSES, Pass
from bench.knobs import SWEEP
from bench.near import alike, unknown
from impls.implementation import Implementation
from impls.operation import Operation
from impls.problem import Problem, Scalar
from impls.registry import Registry

FOLDER = Path(__file__).resolve().parent / "profiles"
ASKED = "asked"
"""The profile of a question on the command line."""
PROBES = {"run": probes.RUN, "paper": probes.PAPER, "check": probes.CHECK}


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

    `rounds`, `passes` and `sampling` are those of the profile unless said here. `best` takes one
    implementation of each operation and framework: the first that answers, in the order of these
    globs. A tier that is `always` measured is not dropped by a budget. `label` says on the page
    what its times are worth.
    """

    name: str = ""
    label: str = ""
    rounds: int | None = None
    passes: tuple[Pass, ...] | None = None
    sampling: Sampling | None = None
    best: tuple[str, ...] = ()
    always: bool = False


@dataclass(frozen=True)
class Block:
    """A question to a family, or several, and the answers that it is put to (by globs).

    `show` says what the block is there to show, `where` where it is written. `knobs` maps a knob of
    the operations to values or to SWEEP. A block of `examples` asks those of the family.
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
                keys = [*known, *(key for key in BLOCK if key not in known)]
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
    out, every block does.
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
    tiers: tuple[Tier, ...] = (Tier(),)
    blocks: tuple[Block, ...] = ()

    def rounds_of(self, tier: Tier) -> int:
        """Return how often the blocks of a tier are repeated."""
        return self.rounds if tier.rounds is None else tier.rounds

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


def names() -> list[str]:
    """Return the names of the profiles that come with the suite."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load(name: str) -> Profile:
    """Return a profile by its name, or from a TOML file, or that of a run by its directory.

    Raises:
        ValueError: when there is none, or it cannot be read; the message names file and block.
    """
    path = Path(name)
    if name in names():
        path = FOLDER / f"{name}.toml"
    elif path.is_dir() and (path / "plan.json").is_file():
        return of_run(path)
    elif not name.endswith(".toml"):
        raise ValueError(f"{unknown('profile', name, names())}, or a FILE.toml")
    if not path.is_file():
        raise ValueError(f"no such profile: {name}")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not TOML: {error}") from error
    return read(data, path.name, path.stem)


def of_run(directory: Path) -> Profile:
    """Return the profile that a run was made from.

    Raises:
        ValueError: when its plan does not say.
    """
    file = directory / "plan.json"
    plan = json.loads(file.read_text(encoding="utf-8"))
    if "asked" not in plan:
        raise ValueError(f"{file} does not say what was asked: name a profile")
    return read(plan["asked"], str(file), plan["profile"])


SETTINGS: Mapping[str, type | tuple[type, ...]] = {
    "title": str,
    "passes": list,
    "rounds": int,
    "sampling": dict,
    "case_timeout": (int, float),
    "probes": str,
    "shared": bool,
    "examples": bool,
    "except_implementations": list,
    "tier": list,
    "block": list,
}
TIER: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "label": str,
    "rounds": int,
    "passes": list,
    "sampling": dict,
    "best": list,
    "always": bool,
}
SAMPLING: Mapping[str, type | tuple[type, ...]] = {
    "least": int,
    "most": int,
    "target": (int, float),
    "seconds": (int, float),
}
BLOCK: Mapping[str, type | tuple[type, ...]] = {
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
}
"""The keys of a block that are no options of its family, with the types of their values."""


def read(data: Mapping[str, Any], where: str, name: str) -> Profile:
    """Return the profile of TOML data; `where` is the file.

    Raises:
        ValueError: for an unknown or missing key or a value that is none.
    """
    _keys(data, SETTINGS, where)
    for needed in ("passes", "rounds", "sampling", "case_timeout"):
        if needed not in data:
            raise ValueError(f"{where}: {needed} is missing; docs/profiles.md has every key")
    word = data.get("probes", "run")
    if word not in PROBES:
        raise ValueError(f"{where}: {unknown('probes', str(word), PROBES)}")
    tiers = tuple(
        _tier(item, f"{where}, tier {number}")
        for number, item in enumerate(data.get("tier", [{}]), start=1)
    )
    left_out = _words(data, "except_implementations", where)
    blocks = tuple(
        _block(item, f"{where}, block {number}", left_out, [tier.name for tier in tiers])
        for number, item in enumerate(data.get("block", []), start=1)
    )
    return Profile(
        passes=_passes(data, where),
        rounds=_rounds(data["rounds"], where),
        sampling=_sampling(data["sampling"], where),
        case_timeout=float(data["case_timeout"]),
        probes=PROBES[word],
        shared=data.get("shared", False),
        name=name,
        title=data.get("title", ""),
        examples=data.get("examples", False),
        except_implementations=left_out,
        tiers=tiers,
        blocks=blocks,
    )


def _keys(
    data: Mapping[str, Any], known: Mapping[str, type | tuple[type, ...]], where: str
) -> None:
    """Refuse keys that are unknown, and values of another type."""
    for name, value in data.items():
        if name not in known:
            raise ValueError(f"{where}: {unknown('key', name, known)}")
        kind = known[name]
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = " or ".join(_KINDS[each] for each in kinds)
            raise ValueError(f"{where}: {name} = {value!r} is not {words}")


_KINDS = {
    str: "text",
    list: "a list",
    int: "an integer",
    float: "a number",
    dict: "a table",
    bool: "true or false",
}


def _tier(data: Mapping[str, Any], where: str) -> Tier:
    _keys(data, TIER, where)
    rounds = data.get("rounds")
    return Tier(
        name=data.get("name", ""),
        label=data.get("label", ""),
        rounds=None if rounds is None else _rounds(rounds, where),
        passes=_passes(data, where) or None,
        sampling=_sampling(data["sampling"], where) if "sampling" in data else None,
        best=_words(data, "best", where),
        always=data.get("always", False),
    )


def _block(
    data: Mapping[str, Any], where: str, left_out: tuple[str, ...], tiers: Sequence[str]
) -> Block:
    for name in ("family", "show"):
        if not data.get(name):
            what = "the family that is asked" if name == "family" else "what the block shows"
            near = alike(name, data)
            raise ValueError(f"{where}: {name} is missing: {what}{f'; {near}' if near else ''}")
    _keys({name: v for name, v in data.items() if name in BLOCK}, BLOCK, where)
    tier = data.get("tier", tiers[0])
    if tier not in tiers:
        raise ValueError(f"{where}: {unknown('tier', tier, tiers)}")
    options = {name: _list(v, name, where) for name, v in data.items() if name not in BLOCK}
    knobs = data.get("knobs", {})
    return Block(
        family=data["family"],
        show=data["show"],
        options=options,
        examples=data.get("examples", False),
        operations=_words(data, "operations", where) or ("*",),
        except_operations=_words(data, "except_operations", where),
        implementations=_words(data, "implementations", where) or ("*",),
        except_implementations=tuple(
            dict.fromkeys(left_out + _words(data, "except_implementations", where))
        ),
        knobs={n: SWEEP if v == SWEEP else _list(v, n, where) for n, v in knobs.items()},
        passes=_passes(data, where) or None,
        tier=tier,
        where=where,
    )


def _list(value: Any, name: str, where: str) -> tuple[Scalar, ...]:
    values = tuple(value) if isinstance(value, list) else (value,)
    if not values:
        raise ValueError(f"{where}: {name} = [] asks nothing; leave it out, or give a value")
    return values


def _words(data: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    words = tuple(data.get(name, ()))
    wrong = [word for word in words if not isinstance(word, str)]
    if wrong:
        raise ValueError(f"{where}: {name} has {wrong[0]!r}, which is not text")
    return words


def _passes(data: Mapping[str, Any], where: str) -> tuple[Pass, ...]:
    found: list[Pass] = []
    for name in _words(data, "passes", where):
        known = next((pass_ for pass_ in PASSES if pass_ == name), None)
        if known is None:
            raise ValueError(f"{where}: {unknown('pass', name, PASSES)}")
        found.append(known)
    return tuple(found)


def _rounds(value: int, where: str) -> int:
    if value < 1:
        raise ValueError(f"{where}: rounds must be at least 1, not {value}")
    return value


def _sampling(data: Mapping[str, Any], where: str) -> Sampling:
    _keys(data, SAMPLING, f"{where}, sampling")
    missing = [name for name in ("least", "most") if name not in data]
    if missing:
        raise ValueError(f"{where}, sampling: {missing[0]} is missing")
    return Sampling(**data)


def narrowed(
    profile: Profile,
    registry: Registry,
    *,
    operations: Sequence[str] = (),
    implementations: Sequence[str] = (),
    knobs: Mapping[str, Sequence[Scalar] | str] | None = None,
    passes: Sequence[str] = (),
    rounds: int | None = None,
) -> Profile:
    """Return a profile with other settings, and its questions put to others than it names.

    Globs of operations and of implementations take the place of those of every block, also of what
    is left out; a block that has none of them goes. Knobs go to the blocks that have them.

    Raises:
        ValueError: for a glob that matches nothing, a knob that no operation asked has, or a
            setting that is none.
    """
    if rounds is not None:
        profile = replace(profile, rounds=_rounds(rounds, "--rounds"))
    blocks = profile.all_blocks(registry)
    if passes:
        known = _passes({"passes": list(passes)}, "--pass")
        tiers = tuple(replace(tier, passes=None) for tier in profile.tiers)
        blocks = tuple(replace(block, passes=None) for block in blocks)
        profile = replace(profile, passes=known, tiers=tiers)
    if operations:
        known_operations = sorted(registry.operations)
        _all_match(operations, known_operations, "operation")
        blocks = tuple(
            replace(block, operations=mine, except_operations=())
            for block in blocks
            if (
                mine := _of(
                    operations,
                    [o.name for o in registry.operations.values() if o.family == block.family],
                )
            )
        )
    if implementations:
        _all_match(implementations, sorted(registry.implementations), "implementation")
        blocks = tuple(
            replace(block, implementations=mine, except_implementations=())
            for block in blocks
            if (
                mine := _of(
                    implementations,
                    [
                        i.full_name
                        for o in block.asked(registry)
                        for i in registry.implementations_of(o.name)
                    ],
                )
            )
        )
    blocks = _turned(blocks, registry, knobs or {})
    return replace(profile, blocks=blocks, examples=False)


def _all_match(patterns: Iterable[str], known: Sequence[str], what: str) -> None:
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in known):
            raise ValueError(f"--{what}: {unknown(what, pattern, known)}")


def _of(patterns: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns that match one of these names."""
    return tuple(p for p in patterns if any(fnmatch.fnmatchcase(name, p) for name in names))


def _turned(
    blocks: Sequence[Block], registry: Registry, knobs: Mapping[str, Sequence[Scalar] | str]
) -> tuple[Block, ...]:
    """Return the blocks with knobs, each in those that have it."""
    has = [block.knobs_of(registry) for block in blocks]
    for name in knobs:
        if not any(name in mine for mine in has):
            known = sorted({knob for mine in has for knob in mine})
            raise ValueError(f"--knob: {unknown('knob', name, known)} in what is asked")
    return tuple(
        replace(
            block, knobs={**block.knobs, **{n: _knob(v) for n, v in knobs.items() if n in mine}}
        )
        for block, mine in zip(blocks, has, strict=True)
    )


def _knob(values: Sequence[Scalar] | str) -> tuple[Scalar, ...] | str:
    return values if isinstance(values, str) else tuple(values)


def as_data(profile: Profile) -> dict[str, Any]:
    """Return a profile as `read` takes it."""
    return {
        **_said(profile, (name for name in SETTINGS if name not in ("sampling", "tier", "block"))),
        "probes": next(word for word, named in PROBES.items() if named == profile.probes),
        "sampling": asdict(profile.sampling),
        "tier": [_data_of_tier(tier) for tier in profile.tiers],
        "block": [_data_of_block(block) for block in profile.blocks],
    }


def _said(thing: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return what is said of these fields, in plain data."""
    found = {name: getattr(thing, name) for name in names}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in found.items()
        if value not in (None, "", (), False)
    }


def _data_of_tier(tier: Tier) -> dict[str, Any]:
    sampling = {"sampling": asdict(tier.sampling)} if tier.sampling else {}
    return _said(tier, (f.name for f in fields(tier) if f.name != "sampling")) | sampling


def _data_of_block(block: Block) -> dict[str, Any]:
    data = _said(block, (name for name in BLOCK if name != "knobs"))
    if block.knobs:
        data["knobs"] = {n: v if v == SWEEP else list(v) for n, v in block.knobs.items()}
    return data | {name: list(values) for name, values in block.options.items()}
