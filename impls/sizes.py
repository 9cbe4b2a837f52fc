"""Sizes: what a family's problems fix besides data type and data, read and checked once.

A family declares a frozen dataclass. Its fields are the sizes, their annotations say how each is
read, and what a single size cannot say about the others is checked in `__post_init__`, which raises
`BadSize`:

    @dataclass(frozen=True)
    class ProductSizes(Sizes):
        irreps_in1: Irreps
        channels: int
        lout: int = size(least=0)
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Self, get_args, get_origin, get_type_hints

from impls.problem import Problem, Refusal
from impls.so3.irreps import Irrep, Irreps


class BadSize(ValueError):
    """A size that a family cannot have: why, and what the user can do about it."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(str(Refusal(reason, remedy)))
        self.refusal = Refusal(reason, remedy)


def size(*, least: int = 1, copies: bool = False, counts: str = "channels") -> Any:
    """Declare a size: an integer >= `least`, or irreps of which items may be `copies` (2x0e).

    `counts` names the size that counts the copies of these irreps; "" says that they have one copy
    only, as the harmonics of edges do.
    """
    return field(metadata={"least": least, "copies": copies, "counts": counts})


@dataclass(frozen=True)
class Sizes:
    """The sizes of one problem, typed. Subclasses add the fields."""

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Return the sizes of a problem.

        Raises:
            BadSize: for a missing or unknown size, or a value that cannot be read.
        """
        read: Self = _parsed(cls, problem.family, tuple(problem.sizes.items()))  # type: ignore[arg-type]
        return read

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the sizes, in order."""
        return tuple(f.name for f in fields(cls))

    @classmethod
    def irreps_names(cls) -> tuple[str, ...]:
        """Return the names of the sizes that are irreps."""
        hints = get_type_hints(cls)
        return tuple(name for name in cls.names() if hints[name] is Irreps)

    @classmethod
    def has_copies(cls, name: str) -> bool:
        """Return whether items of these irreps may be copies (2x0e)."""
        return next(bool(f.metadata.get("copies")) for f in fields(cls) if f.name == name)

    @classmethod
    def counts(cls) -> dict[str, str]:
        """Return the size that counts the copies of each of the irreps; "" where none does."""
        metadata = {f.name: f.metadata for f in fields(cls)}
        named = {name: metadata[name].get("counts", "channels") for name in cls.irreps_names()}
        return {name: count if count in metadata else "" for name, count in named.items()}


@lru_cache(maxsize=4096)
def _parsed(cls: type[Any], family: str, items: tuple[tuple[str, Any], ...]) -> Any:
    given, names = dict(items), cls.names()
    missing, unknown = [n for n in names if n not in given], sorted(set(given) - set(names))
    if missing or unknown:
        what = [f"missing {missing}"] * bool(missing) + [f"unknown {unknown}"] * bool(unknown)
        raise BadSize(f"sizes of family {family}: {', '.join(what)}", f"use {', '.join(names)}")
    hints = get_type_hints(cls)
    values = {f.name: _read(f, hints[f.name], given[f.name]) for f in fields(cls)}
    parities = {
        v.parity if isinstance(v, Irreps) else v.p != 0
        for v in values.values()
        if isinstance(v, Irreps | Irrep)
    }
    if len(parities) > 1:
        raise BadSize("irreps with and without parity are mixed", "write 1o, or 1 everywhere")
    return cls(**values)


def _read(f: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    """Return a size as its field has it."""
    if kind is int:
        least = f.metadata.get("least", 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            wanted = "a positive integer" if least == 1 else f"an integer >= {least}"
            raise BadSize(f"size {f.name}={value!r} is not {wanted}")
        return value
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < math.inf:
            raise BadSize(f"size {f.name}={value!r} is not a positive, finite number")
        return float(value)
    if kind is bool and not isinstance(value, bool):
        raise BadSize(f"size {f.name}={value!r} is neither true nor false")
    if get_origin(kind) is not None and value not in get_args(kind):
        raise BadSize(
            f"unknown {f.name} {value!r}", f"use {' or '.join(str(v) for v in get_args(kind))}"
        )
    if kind in (Irrep, Irreps):
        return _irreps(f, kind, value)
    return value


def _irreps(f: dataclasses.Field[Any], kind: Any, value: Any) -> Irrep | Irreps:
    try:
        read: Irrep | Irreps = kind.parse(str(value))
    except ValueError as error:
        raise BadSize(f"size {f.name}: {error}") from error
    if isinstance(read, Irreps):
        if not read.items:
            raise BadSize(f"{f.name} is empty", "name at least one irrep")
        if not f.metadata.get("copies") and any(mul != 1 for mul, _ in read):
            raise BadSize(f"{f.name}={read}: multiplicities are not supported", "use channels")
    return read
