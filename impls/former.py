"""What files of the first edition say, accepted for one version with a line on what to write."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from impls.growth import Growth
from impls.problem import Problem

Declared = TypeVar("Declared", bound=type)
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Exactness:
    """What an operation claimed: `SymmetryClaim` takes its place."""

    kind: str
    subgroups: tuple[str, ...]
    knob: str | None = None
    tolerance: float | None = None


@dataclass(frozen=True)
class Ask:
    """A problem of a family's profile: `Family.examples` takes its place."""

    problem: Problem
    operations: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Field:
    """A field as it was: what to write now, what its value means, and which values are former."""

    instead: str
    means: Callable[[Any], Fields]
    former: Callable[[Any], bool] = lambda value: True


def accepting(**known: Field) -> Callable[[Declared], Declared]:
    """Let a dataclass take fields as they were: each warns (FutureWarning) and is translated."""

    def decorate(declared: Declared) -> Declared:
        made = vars(declared)["__init__"]

        @functools.wraps(made)
        def init(self: Any, *values: Any, **fields: Any) -> None:
            for name, field in known.items():
                if name in fields and field.former(fields[name]):
                    said = f"{declared.__name__}({name}=...) as in the first edition"
                    warnings.warn(f"{said}: {field.instead}", FutureWarning, stacklevel=2)
                    fields |= field.means(fields.pop(name))
            made(self, *values, **fields)

        setattr(declared, "__init__", init)  # noqa: B010
        return declared

    return decorate


GROWTH = Field(
    "write growth=Growth({...})",
    lambda exponents: {"growth": Growth(exponents)},
    lambda value: not isinstance(value, Growth),
)
NO_PROFILES = Field(
    "leave it out; a profile says what it excludes (except_implementations, docs/profiles.md)",
    lambda value: {},
)
EXAMPLES = Field(
    "write examples=(problem, ...)",
    lambda asks: {"examples": tuple(ask.problem for ask in asks.get("check", tuple)())},
)
