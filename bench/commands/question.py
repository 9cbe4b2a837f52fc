"""The question on a command line: a profile, or a family with its options, and who is to answer.

The same on every command that asks: `--profile NAME | FILE.toml | DIR`, or `--family product` with
the family's own options (`--irreps-in1 0e+1o --channels 16,64`), `--operation`, `--implementation`
and `--knob`. A question so asked is a profile like any other: the settings of `--profile`, by
default those of `bench/profiles/asked.toml`, and one block.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from bench.ask.knobs import SWEEP
from bench.ask.narrowing import narrowed
from bench.ask.options import Option, options_of
from bench.ask.profile import Profile
from bench.ask.reading import ASKED, asked, load, names
from impls.near import alike, unknown
from impls.problem import Scalar
from impls.registry import Registry
from impls.registry import load as load_registry

PREFIX = "option of the family: "
"""Begins the names under which options of a family are parsed, so that they meet no others."""


def add(parser: argparse.ArgumentParser, argv: Sequence[str], default: str) -> None:
    """Add the options of a question to a parser, and who is to answer it; `default` is a profile.

    Raises:
        ValueError: as `add_question`.
    """
    add_question(parser, argv, default)
    for name, what in (("operation", "operations"), ("implementation", "implementations")):
        parser.add_argument(
            f"--{name}", dest=what, action="append", default=[], metavar="GLOB",
            help=f"only these {what}, also those that the profile leaves out (may be repeated)",
        )  # fmt: skip


def add_question(
    parser: argparse.ArgumentParser,
    argv: Sequence[str],
    default: str,
    taken: Sequence[str] = (),
) -> None:
    """Add the options of a question to a parser: with the family's, where `argv` names one.

    `taken` are options of the family that the command itself has in another meaning.

    Raises:
        ValueError: for an unknown family, or an option of it that the command has itself.
    """
    parser.set_defaults(default_profile=default)
    group = parser.add_argument_group("what is asked")
    group.add_argument(
        "--profile",
        metavar="NAME",
        help=f"{', '.join(names())}, a FILE.toml, or the directory of a run"
        + (f"; default: {default}" if default else ""),
    )
    group.add_argument("--family", help="ask this family; its options are listed with --help then")
    group.add_argument(
        "--knob", dest="knobs", action="append", default=[], metavar="NAME=VALUES",
        help=f"turn a knob of the operations: rank=8,16, or rank={SWEEP} (may be repeated)",
    )  # fmt: skip
    name, files = named(argv)
    if name is not None:
        _add_options(parser, load_registry(files), name, taken)


def named(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the family and the files of declarations that a command line names."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--family")
    first.add_argument("--with", dest="files", action="append", default=[])
    known, rest = first.parse_known_args(list(argv))
    return known.family, known.files + [word for word in rest if word.endswith(".py")]


def _add_options(
    parser: argparse.ArgumentParser, registry: Registry, name: str, taken: Sequence[str]
) -> None:
    if name not in registry.families:
        raise ValueError(unknown("family", name, sorted(registry.families)))
    group = parser.add_argument_group(f"options of family {name}", "a list a,b,c is a sweep")
    for option in options_of(registry.family(name)).values():
        if option.name in taken:
            continue
        try:
            group.add_argument(
                _flag(option), dest=PREFIX + option.name, metavar="VALUES", help=_help(option)
            )
        except argparse.ArgumentError:
            raise ValueError(
                f"family {name} has an option {option.name!r}, and so has this command: "
                "ask it with a FILE.toml"
            ) from None


def _flag(option: Option) -> str:
    return f"--{option.name.replace('_', '-')}"


def _help(option: Option) -> str:
    kinds = " | ".join(kind.__name__ for kind in option.kinds)
    said = ", ".join(map(str, option.choices)) or kinds
    if option.required:
        return f"{said}; needed, unless all sizes are said"
    return said if option.default is None else f"{said}; default: {option.default}"


def refuse(rest: Sequence[str], arguments: argparse.Namespace) -> None:
    """Refuse what a parser did not take, with what may be meant.

    Raises:
        ValueError: when there is any.
    """
    if not rest:
        return
    known = re.findall(r"--[a-z][\w-]*", arguments.usage())
    meant = alike(rest[0].partition("=")[0], known)
    family = getattr(arguments, "family", "")
    also = "" if family else "; options of a family go with --family NAME"
    raise ValueError(f"unrecognized argument {rest[0]!r}{f': {meant}' if meant else ''}{also}")


def profile_of(
    arguments: argparse.Namespace, registry: Registry, default: str | None = None
) -> Profile:
    """Return the profile that a command line asks for; `default` names that of a question.

    Raises:
        ValueError: for a profile that cannot be read, or a family, option, operation,
            implementation or knob that is not there.
    """
    if arguments.family is None:
        settings = load(arguments.profile or arguments.default_profile)
    else:
        options = _options(arguments, registry)
        settings = asked(registry, arguments.family, options, arguments.profile or default or ASKED)
    return narrowed(
        settings,
        registry,
        operations=getattr(arguments, "operations", ()),
        implementations=getattr(arguments, "implementations", ()),
        knobs=knobs_of(arguments),
        passes=getattr(arguments, "passes", ()),
        rounds=getattr(arguments, "rounds", None),
        most_rounds=getattr(arguments, "most_rounds", None),
    )


def _options(arguments: argparse.Namespace, registry: Registry) -> dict[str, tuple[Scalar, ...]]:
    """Return the values of the family's options that are said, in the order of its options."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for name, option in options_of(registry.family(arguments.family)).items():
        text = getattr(arguments, PREFIX + name, None)
        if text is not None:
            try:
                found[name] = tuple(option.read(part.strip()) for part in text.split(","))
            except ValueError as error:
                raise ValueError(f"{_flag(option)}: {error}") from error
    return found


def knobs_of(arguments: argparse.Namespace) -> dict[str, tuple[Scalar, ...] | str]:
    """Return the values that a command line asks of each knob."""
    return dict(_knob(text) for text in arguments.knobs)


def _knob(text: str) -> tuple[str, tuple[Scalar, ...] | str]:
    name, equals, values = text.partition("=")
    if not (name and equals and values):
        raise ValueError(f"--knob {text!r}: write NAME=VALUES, for example rank=8,16")
    return name, SWEEP if values == SWEEP else tuple(map(_scalar, values.split(",")))


def _scalar(text: str) -> Scalar:
    """Return the number or truth that a text means, or the text."""
    return Option(text, (bool, int, float, str)).read(text)
