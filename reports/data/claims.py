"""The ledger of claims: what papers say of operations, and which rows decide whether it holds."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

FOLDER = Path(__file__).resolve().parents[1] / "claims"
SHARED = {"uvv": "uvw", "uuw": "uvw", "uvuv": "uvw"}
"""Modes of one operation, claimed together."""
Of = Literal["value", "exponent", "speed", "ratio", "timed"]
FULL = "full"
"""As `equals`: the dimension of all equivariant maps, as the probe found it."""


@dataclass(frozen=True)
class Test:
    """One `[[claim.test]]`: the rows that decide, and what must be true of them.

    `of` says what is judged: the "value" of a `probe`; the "exponent" by which it grows along the
    facet `by`; the "speed" of the fastest of the operation over the fastest of `against` (globs of
    labels as a page has them); the "ratio" of the least `probe` of these two, a count or a memory;
    or whether a case was "timed" at all. `by` names a facet, each value
    of which is a place of its own. `select` are columns or facets with their value or a list of
    them; `implementation` is a glob; `beside` are facets that change with `by`, as edges do with
    the cutoff. `equals` is a number, a table of them by the values of `by`,
    or "full". What is judged must lie between `at_least` and `at_most`: all of its interval.
    """

    of: Of = "value"
    probe: str = ""
    operation: str = ""
    implementation: str = "*"
    select: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    beside: tuple[str, ...] = ()
    equals: float | str | Mapping[str, float] | None = None
    at_least: float | None = None
    at_most: float | None = None
    against: str = ""

    def __post_init__(self) -> None:
        """Refuse what could decide nothing.

        Raises:
            ValueError: for a test without a bound, a probe, or what it is compared with.
        """
        if self.of not in get_args(Of):
            raise ValueError(f"of={self.of!r}: write one of {', '.join(get_args(Of))}")
        bounds = self.equals, self.at_least, self.at_most
        if self.of != "timed" and all(bound is None for bound in bounds):
            raise ValueError("a test needs equals, at_least or at_most")
        if isinstance(self.equals, str) and self.equals != FULL:
            raise ValueError(f"equals={self.equals!r}: write a number, a table, or {FULL!r}")
        if self.of in ("value", "exponent", "ratio") and not self.probe:
            raise ValueError(f"a test of a {self.of} needs a probe")
        if self.of in ("value", "ratio") and self.probe.startswith("time"):
            raise ValueError(f"{self.probe} is judged as a speed or an exponent, with its interval")
        if (self.of == "exponent" or isinstance(self.equals, Mapping)) and not self.by:
            raise ValueError("a test of growth, or of several values, needs by = a facet")
        if self.of in ("speed", "ratio") and not self.against:
            raise ValueError(f"a test of a {self.of} needs against = a glob of implementations")


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper, where it stands, in which setting, and what decides it.

    `measure` are the commands that measure it, arguments of `python -m bench`. A claim has tests,
    or the reason why rows of this suite cannot decide it, `not_testable`. `evidence` is what tests
    of the suite show beside rows.
    """

    id: str
    paper: str
    operation: str
    claim: str
    setting: str
    value: str
    where: str
    evidence: str = ""
    not_testable: str = ""
    measure: tuple[str, ...] = ()
    test: tuple[Test, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a claim that has both or none of tests and a reason.

        Raises:
            ValueError: for such a claim, or one with tests that nothing measures.
        """
        if bool(self.test) == bool(self.not_testable):
            raise ValueError("a claim has either tests or the reason not_testable")
        if bool(self.test) != bool(self.measure):
            raise ValueError("tests and the commands that measure them (measure) go together")


@cache
def read(folder: Path = FOLDER) -> dict[str, tuple[Claim, ...]]:
    """Return the claims on each operation.

    Raises:
        ValueError: for a file that is no TOML, or a claim with a field too many or too few, or a
            test that could decide nothing; the file is named.
    """
    found: dict[str, list[Claim]] = defaultdict(list)
    for file in sorted(folder.glob("*.toml")):
        try:
            blocks = tomllib.loads(file.read_text(encoding="utf-8"))["claim"]
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{file.name}: {error}") from None
        for fields in blocks:
            try:
                tests = tuple(Test(**test) for test in fields.pop("test", ()))
                measure = tuple(fields.pop("measure", ()))
                claim = Claim(**fields, measure=measure, test=tests)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{file.name}, claim {fields.get('id')!r}: {error}") from None
            found[claim.operation].append(claim)
    return {name: tuple(claims) for name, claims in found.items()}


def of(operation: str) -> tuple[Claim, ...]:
    """Return the claims on an operation, or on the one that it is a mode of."""
    return read().get(SHARED.get(operation, operation), ())


def every() -> list[Claim]:
    """Return all claims, in the order of their files."""
    return [claim for claims in read().values() for claim in claims]
