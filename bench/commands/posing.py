"""What an analysis asks where no question is said: the poses of families, else their examples.

A family's `pose` is a small question at a value of its main axis (an lmax), with words of its own
(setting, symmetry). On a command line the words are options, and the main axis one too: `--lmax 3`
asks lmax 1, 2 and 3. Examples take the place of poses where an operation answers none of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace

from bench.ask.options import Option, words_of
from impls.family import Family
from impls.operation import Operation
from impls.problem import Problem
from impls.registry import Registry

PREFIX = "word of a pose: "
"""Begins the names under which the words are parsed, so that they meet no others."""
LARGEST = 2
"""The main axis runs up to here unless it is said."""
DEGREE, MOST = "lmax", 8
"""Above so large a degree a question is asked only with --large."""

Said = Mapping[str, str]


class Unfit(ValueError):
    """Words, or values of them, that a family does not have; others may."""


def words(registry: Registry) -> dict[str, Option]:
    """Return the words of all poses: the types and choices of one are those of all families."""
    found: dict[str, Option] = {}
    for family in registry.families.values():
        for name, option in words_of(family.pose).items():
            known = found.get(name, option)
            kinds = tuple(dict.fromkeys(known.kinds + option.kinds))
            choices = tuple(dict.fromkeys(known.choices + option.choices))
            found[name] = replace(known, kinds=kinds, choices=choices)
    return found


def add(parser: argparse.ArgumentParser, registry: Registry) -> None:
    """Add the words of all poses to a parser."""
    group = parser.add_argument_group("what is asked, of the families that have the word")
    for name, option in words(registry).items():
        flag, dest = f"--{name.replace('_', '-')}", PREFIX + name
        if option.required:
            group.add_argument(flag, dest=dest, metavar="N", help=f"1..N; default: {LARGEST}")
        else:
            choices = [str(choice) for choice in option.choices] or None
            help_ = f"default: {option.default}"
            group.add_argument(flag, dest=dest, choices=choices, help=help_)
    group.add_argument("--large", action="store_true", help=f"also a --{DEGREE} above {MOST}")


def said(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the words that a command line says."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in vars(arguments).items()
        if name.startswith(PREFIX) and value is not None
    }


def refuse_large(arguments: argparse.Namespace) -> None:
    """Refuse degrees that take longer than people wait, unless that is what they said.

    Raises:
        ValueError: with what it would take.
    """
    text = said(arguments).get(DEGREE, "")
    if text.isdecimal() and int(text) > MOST and not arguments.large:
        raise ValueError(
            f"--{DEGREE} {text} asks each operation {text} questions, and each takes two or three "
            "times as long as the one before (the full product 12 s at 7, 92 s at 9); up to "
            f"{MOST} is asked without more words, --large asks for the rest"
        )


def posed(family: Family, said: Said) -> list[Problem]:
    """Return the poses of a family up to the value of its main axis that is said.

    Raises:
        Unfit: when it has none, not these words, or not these values of them.
        ValueError: for a value of the main axis that is no number from 1.
    """
    options = words_of(family.pose)
    if family.pose is None or not said.keys() <= options.keys():
        lacking = ", ".join(sorted(set(said) - set(options))) or "a question of its own"
        raise Unfit(f"family {family.name} has no {lacking}: ask it with --family")
    steps = range(1, _largest(family, said) + 1)
    words = {name: options[name] for name in said if name != family.axes[0]}
    try:
        chosen = {name: word.checked(word.read(said[name])) for name, word in words.items()}
    except ValueError as error:
        raise Unfit(f"family {family.name}: {error}") from error
    return [family.pose(step, **chosen) for step in steps]


def _largest(family: Family, said: Said) -> int:
    """Return up to where the main axis of a family runs."""
    main = family.axes[0]
    text = said.get(main, str(LARGEST))
    try:
        largest = int(text)
    except ValueError:
        raise ValueError(f"--{main} must be an integer, not {text!r}") from None
    if largest < 1:
        raise ValueError(f"--{main} must be at least 1, not {largest}")
    return largest


def examples(family: Family, operation: Operation, said: Said) -> list[Problem]:
    """Return the examples that an operation answers: up to the main axis, with facets as said."""
    found = []
    for problem in family.examples:
        facets = family.facets(problem)
        fits = all(
            float(facets[name]) <= _largest(family, said)
            if name == family.axes[0]
            else str(facets[name]) == text
            for name, text in said.items()
            if name in facets
        )
        if fits and operation.supports(problem) is None:
            found.append(problem)
    return found


def answered(operation: Operation, family: Family, said: Said) -> bool:
    """Return whether an operation answers some pose in these words, or in none.

    Then a refusal of what is posed is an answer too; else poses are no question for it.
    """
    asked: list[Problem] = []
    for words in (said, {}):
        try:
            asked += posed(family, words)
        except Unfit:
            continue
    return any(operation.supports(problem) is None for problem in asked)


def refuse_unmet(family: Family, operation: Operation, asked: list[Problem], said: Said) -> None:
    """Refuse words that examples, in the place of poses, take no notice of.

    Raises:
        ValueError: for a word that none of them has, or more of the main axis than all of them.
    """
    facets = [family.facets(problem) for problem in asked]
    for name, text in said.items():
        there = [each[name] for each in facets if name in each]
        if not there:
            why = f"its examples have no {name}"
        elif name == family.axes[0] and max(map(float, there)) < _largest(family, said):
            why = f"it is asked the examples of its family, and these end at {max(there)}"
        else:
            continue
        raise ValueError(
            f"--{name.replace('_', '-')} {text}: {operation.name} answers no pose, and {why}; "
            f"ask it with --family {family.name} and the options of that"
        )
