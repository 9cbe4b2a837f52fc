"""What is asked, by name: a family's options, one value or a list of each, become its problems.

The options of a family are its sizes (irreps_in1, channels, batch ...), the words of its `ask` that
stand for several of them (setting, symmetry, lmax ...), and dtype, data and seed. A list of values
is a sweep: every combination is a problem. The family itself refuses what it cannot have.

Irreps may be written with the one number of copies that they all have: 128x0e+128x1o is 0e+1o with
128 channels. Which size counts the copies of which irreps, its family says (`Sizes.counts`).
"""

from __future__ import annotations

import inspect
import itertools
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from impls.family import Family
from impls.near import unknown
from impls.problem import DTYPES, Problem, Scalar, Size
from impls.so3.irreps import Irrep, Irreps

Sweeps = Mapping[str, Sequence[Scalar]]
KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "text"}
SHARED = ("dtype", "data", "seed")
"""What every question has beside its sizes."""
WRITTEN_OUT = 32
"""Up to so many copies a remedy writes out."""


@dataclass(frozen=True)
class Option:
    """One thing that can be said of a question: the types of its values, or all that there are."""

    name: str
    kinds: tuple[type, ...]
    choices: tuple[Scalar, ...] = ()
    required: bool = False
    default: Any = None

    def read(self, text: str) -> Scalar:
        """Return the value that a text on the command line means.

        Raises:
            ValueError: when it is no value of this option.
        """
        for kind in (bool, int, float, str):
            if kind in self.kinds:
                try:
                    return _READ[kind](text)
                except (KeyError, ValueError):
                    continue
        raise ValueError(self._wrong(text))

    def checked(self, value: Any) -> Scalar:
        """Return a value if it is one of this option.

        Raises:
            ValueError: when it has another type, or is none of the choices.
        """
        if self.choices and value not in self.choices:
            raise ValueError(unknown(self.name, str(value), map(str, self.choices)))
        fits = any(
            isinstance(value, int | float if kind is float else kind)
            and (kind is bool) == isinstance(value, bool)
            for kind in self.kinds
        )
        if not fits:
            raise ValueError(self._wrong(value))
        found: Scalar = value
        return found

    def _wrong(self, value: object) -> str:
        return f"{self.name}={value!r} is not {' or '.join(KINDS[kind] for kind in self.kinds)}"


_READ: Mapping[type, Any] = {
    bool: lambda text: {"true": True, "false": False}[text.lower()],
    int: int,
    float: float,
    str: str,
}


def options_of(family: Family) -> dict[str, Option]:
    """Return the options of a family by name: those of its `ask`, its sizes, dtype, data, seed."""
    found = words_of(family.ask)
    hints = get_type_hints(family.sizes) if family.sizes else {}
    for name in size_names(family):
        if name not in found:
            kind = hints.get(name) or type(family.examples[0].sizes[name])
            found[name] = Option(name, *_kinds(kind))
    shared = (
        Option("dtype", (str,), DTYPES),
        Option("data", (str,)),
        Option("seed", (int,), default=0),
    )
    found |= {option.name: option for option in shared if option.name not in found}
    return {name: option for name, option in found.items() if option.kinds}


def size_names(family: Family) -> tuple[str, ...]:
    """Return the names of a family's sizes; of one without typed sizes, from its examples."""
    if family.sizes is not None:
        return family.sizes.names()
    return tuple(family.examples[0].sizes) if family.examples else ()


def words_of(asks: Callable[..., Problem] | None) -> dict[str, Option]:
    """Return the options that a family's `ask` or `pose` takes; none of None."""
    if asks is None:
        return {}
    hints = get_type_hints(asks)
    found = {}
    for name, parameter in inspect.signature(asks).parameters.items():
        required = parameter.default is parameter.empty
        default = None if required else parameter.default
        found[name] = Option(name, *_kinds(hints.get(name, str)), required, default)
    return found


def _kinds(hint: Any) -> tuple[tuple[type, ...], tuple[Scalar, ...]]:
    """Return the types of plain values that an annotation allows, and the values if it lists them.

    There are none for what no single plain value can say (a tuple, a mapping).
    """
    if get_origin(hint) is Literal:
        return tuple(dict.fromkeys(map(type, get_args(hint)))), get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_kinds(part) for part in get_args(hint) if part is not type(None)]
        kinds = tuple(dict.fromkeys(kind for found, _ in parts for kind in found))
        return kinds, tuple(choice for _, choices in parts for choice in choices)
    if hint in (Irrep, Irreps):
        return (str,), ()
    return ((hint,) if hint in KINDS else ()), ()


def problems(family: Family, sweeps: Sweeps) -> list[Problem]:
    """Return the problem of every combination of values, the last option changing fastest.

    Raises:
        ValueError: for an unknown option, a value that is none, or a combination that the family
            refuses.
    """
    known = options_of(family)
    for name, values in sweeps.items():
        if name not in known:
            raise ValueError(f"family {family.name}: {unknown('option', name, known)}")
        for value in values:
            known[name].checked(value)
    chosen = (
        dict(zip(sweeps, point, strict=True)) for point in itertools.product(*sweeps.values())
    )
    return list(dict.fromkeys(problem_of(family, point) for point in chosen))


def problem_of(family: Family, chosen: Mapping[str, Scalar]) -> Problem:
    """Return the problem of these options.

    Raises:
        ValueError: when an option is missing, or the family refuses the problem.
    """
    chosen = spread(family, chosen)
    words, sizes = words_of(family.ask), size_names(family)
    missing = [name for name, option in words.items() if option.required and name not in chosen]
    plain = all(name in (*sizes, *SHARED) for name in chosen)
    try:
        if plain and (missing or set(sizes) <= set(chosen)) and any(n in sizes for n in chosen):
            asked = _of_sizes(family, chosen, words)
        elif missing or family.ask is None:
            needed = f"needs {', '.join(missing)}, or all its sizes" if missing else "needs sizes"
            raise ValueError(f"{needed}: {', '.join(sizes)}")
        else:
            asked = family.ask(**{name: v for name, v in chosen.items() if name in words})
            over = {name: v for name, v in chosen.items() if name not in words}
            replaced: dict[str, Size] = {name: v for name, v in over.items() if name in sizes}
            asked = replace(asked.with_sizes(**replaced), **_shared(over))
        refused = family.check(asked)
    except ValueError as error:
        raise ValueError(f"family {family.name}: {error}") from error
    if refused:
        raise ValueError(f"family {family.name}: {refused}")
    return asked


def _of_sizes(family: Family, chosen: Mapping[str, Scalar], words: Mapping[str, Option]) -> Problem:
    """Return the problem of these sizes, and of the defaults of those that are not said."""
    found: dict[str, Size] = {}
    for name in size_names(family):
        value = chosen.get(name, words[name].default if name in words else None)
        if value is not None:
            found[name] = value
    return Problem(family.name, found, **{"data": family.data[0], **_shared(chosen)})


def _shared(chosen: Mapping[str, Scalar]) -> dict[str, Any]:
    return {name: chosen[name] for name in SHARED if name in chosen}


def spread(family: Family, chosen: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the options with the copies of irreps taken out, into the sizes that count them.

    Raises:
        ValueError: when irreps have unequal numbers of copies, with each other or with the size
            that counts them, in a family where copies are no part of irreps.
    """
    found = dict(chosen)
    said: dict[str, dict[str, int]] = {}
    for name, count in counts_of(family).items():
        if name not in chosen:
            continue
        irreps = Irreps.parse(str(chosen[name]))
        found[name] = str(irreps)
        copies = {mul for mul, _ in irreps} or {1}
        if not count:
            continue
        if len(copies) > 1:
            if family.sizes is not None and family.sizes.has_copies(name):
                continue
            raise ValueError(_unequal(family, name, irreps, count))
        said.setdefault(count, {})[name] = copies.pop()
        found[name] = str(Irreps(tuple((1, ir) for _, ir in irreps)))
    if all(mul == 1 for of in said.values() for mul in of.values()):
        return found
    for count, of in said.items():
        if len(set(of.values())) > 1:
            each = ", ".join(f"{mul} of {name}" for name, mul in of.items())
            raise ValueError(
                f"family {family.name}: irreps share one number of {count}, and these have {each}; "
                f"write the same number before all of them, or --{count} alone"
            )
        copies_of_all = next(iter(of.values()))
        if count in chosen and chosen[count] != copies_of_all:
            raise ValueError(
                f"family {family.name}: irreps with {copies_of_all} copies mean "
                f"{count}={copies_of_all}, and {count}={chosen[count]} is asked for; "
                "leave one of them out"
            )
        found[count] = copies_of_all
    return found


def counts_of(family: Family) -> dict[str, str]:
    """Return the size that counts the copies of each of a family's irreps; "" where none does."""
    if family.sizes is not None:
        return family.sizes.counts()
    names = size_names(family)
    count = "channels" if "channels" in names else ""
    return {name: count for name in names if name.startswith("irreps")}


def _unequal(family: Family, name: str, irreps: Irreps, count: str) -> str:
    """Return the refusal of unequal copies, with what would mean the same."""
    share = math.gcd(*(mul for mul, _ in irreps))
    copies = [str(ir) for mul, ir in irreps for _ in range(mul // share)]
    written = "+".join(copies)
    remedy = (
        f"write {written} with --{count} {share}"
        if len(copies) <= WRITTEN_OUT
        else f"write each copy out, or take one number of copies, which is --{count}"
    )
    return (
        f"family {family.name} has no multiplicities of its own in {name}={irreps}, "
        f"and these are unequal; {remedy}"
    )
