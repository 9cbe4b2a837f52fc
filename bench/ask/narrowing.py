"""A profile put to others than it names, or measured in another way, as a command line asks."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.ask.profile import Block, Profile
from bench.ask.reading import passes_of, rounds_of
from impls.near import unknown
from impls.problem import Scalar
from impls.registry import Registry


def narrowed(
    profile: Profile,
    registry: Registry,
    *,
    operations: Sequence[str] = (),
    implementations: Sequence[str] = (),
    knobs: Mapping[str, Sequence[Scalar] | str] | None = None,
    passes: Sequence[str] = (),
    rounds: int | None = None,
    most_rounds: int | None = None,
) -> Profile:
    """Return a profile with other settings, and its questions put to others than it names.

    Globs of operations and of implementations take the place of those of every block, also of what
    is left out; a block that has none of them goes, and knobs of a block that none of them has.
    Knobs go to the blocks that have them.

    Raises:
        ValueError: for a glob that matches nothing, a knob that no operation asked has, or a
            setting that is none.
    """
    if rounds is not None:
        profile = replace(profile, rounds=rounds_of(rounds, "--rounds"), most_rounds=0)
    if most_rounds is not None:
        profile = replace(profile, most_rounds=rounds_of(most_rounds, "--most-rounds"))
    blocks = profile.all_blocks(registry)
    if passes:
        known = passes_of({"passes": list(passes)}, "--pass")
        tiers = tuple(replace(tier, passes=None) for tier in profile.tiers)
        blocks = tuple(replace(block, passes=None) for block in blocks)
        profile = replace(profile, passes=known, tiers=tiers)
    if operations:
        known_operations = sorted(registry.operations)
        _all_match(operations, known_operations, "operation")
        blocks = tuple(
            _put_to(mine, block, registry)
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


def _put_to(operations: tuple[str, ...], block: Block, registry: Registry) -> Block:
    """Return a block that asks other operations, without the knobs that none of these has."""
    other = replace(block, operations=operations, except_operations=())
    has = other.knobs_of(registry)
    return replace(other, knobs={name: v for name, v in block.knobs.items() if name in has})


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
