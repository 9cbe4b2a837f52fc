"""What `bench check` says of each implementation: right, or what is wrong with it, once.

Cases with one cause are one line, however many they are; what a probe notes of a case that is right
(a rate, a skip) is said too. Where some paths are wrong and some right, a map shows which.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.commands.rendering import render
from bench.record.case import PASSES, Pass

CAUSES = 5
"""So many causes of an implementation are said; of more, how many there are."""
WIDTH = 100
QUOTED = re.compile(r"'[^']*'")
"""What differs from one refusal to the next for the same reason."""
NUMBERS = re.compile(r"[-+]?\d[\d.,e+-]*(?: [-+]?\d[\d.,e+-]*)*(?: \.\.\.)?")
"""A number, or a list of them: what differs from one problem to the next for the same cause."""
SEEN_BY = re.compile(r" \(\w+(?:Error|Exception): .*\)$")


@dataclass(frozen=True)
class Checked:
    """How a case of a check ended. `values` are readings by probe, `notes` what some say in words.

    `diagnosis` has the cause and the errors by path, as `bench.measuring.diagnosis` found them;
    from `nonce` all that judged it was drawn.
    """

    case: str
    implementation: str
    problem: str = ""
    dtype: str = ""
    pass_: Pass = "fwd"
    status: str = "error"
    reason: str = ""
    passed: bool = False
    values: Mapping[str, float | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    diagnosis: Mapping[str, Any] = field(default_factory=dict)
    nonce: int | None = None

    def row(self) -> dict[str, Any]:
        """Return it as a line of a table."""
        cause = self.diagnosis.get("cause")
        return {
            "case": self.case,
            **self.values,
            "status": self.status,
            "reason": self.reason,
            "passed": self.passed,
            **({} if self.passed or self.nonce is None else {"nonce": self.nonce}),
            **({"diagnosis": cause} if cause else {}),
            **({"notes": list(self.notes)} if self.notes else {}),
        }

    @property
    def said(self) -> str:
        """Return its cause or, without one, its reason; of a quarantine what led to it."""
        quarantined, _, fault = self.reason.partition(", the last: ")
        if self.status == "skip" and fault and quarantined.startswith("quarantined"):
            return fault
        return str(self.diagnosis.get("cause") or f"{self.status}: {self.reason}")


def summary(results: Sequence[Checked]) -> str:
    """Return what is said of all implementations, one after another."""
    names = dict.fromkeys(result.implementation for result in results)
    return "\n\n".join(_said(n, [r for r in results if r.implementation == n]) for n in names)


def _said(name: str, results: Sequence[Checked]) -> str:
    put = [r for r in results if r.dtype]
    right = sorted((r for r in put if r.status == "ok"), key=_order)
    refused = [r for r in put if r.passed and r.status != "ok"]
    failed = sorted((r for r in put if not r.passed), key=_order)
    lines = [f"{name}: {_verdict(right, failed, refused)}"]
    lines += _wrapped(f"{len(right)} right: {where(right)}") if right else []
    lines += _causes(failed)
    lines += _map(failed)
    lines += [line for note in _counted(_notes(results)) for line in _wrapped(note)]
    lines += [
        line
        for reason in _counted(QUOTED.sub("'...'", r.reason) for r in refused)
        for line in _wrapped(f"refused: {reason}")
    ]
    lines += [line for r in results if not r.dtype and not failed for line in _wrapped(r.said)]
    return "\n".join(lines)


def _order(result: Checked) -> tuple[int, int]:
    return list(ROUNDING).index(result.dtype), PASSES.index(result.pass_)


def _notes(results: Iterable[Checked]) -> list[str]:
    return [note for result in results for note in result.notes]


def _verdict(
    right: Sequence[Checked], failed: Sequence[Checked], refused: Sequence[Checked]
) -> str:
    answered = len(right) + len(failed)
    also = f", {len(refused)} refused" if refused else ""
    if failed:
        return f"{len(failed)} of {_cases(answered)} failed{also}"
    return f"right in {_cases(answered)}{also}" if right else f"answers nothing{also}"


def _cases(count: int) -> str:
    return f"{count} case" + "s" * (count != 1)


def where(results: Sequence[Checked]) -> str:
    """Return the passes of some cases by data type: "float64 fwd, grad; float32 fwd"."""
    passes: dict[str, dict[str, None]] = {}
    for result in results:
        passes.setdefault(result.dtype, {})[result.pass_] = None
    return "; ".join(f"{dtype} {', '.join(names)}" for dtype, names in passes.items())


def _causes(failed: Sequence[Checked]) -> list[str]:
    """Return each cause once, with the cases that have it; that of most cases first."""
    groups: dict[str, list[tuple[Checked, str]]] = {}
    for result in failed:
        cause = _cause(result, failed)
        groups.setdefault(_kind(cause), []).append((result, cause))
    ordered = sorted(groups.values(), key=lambda found: -len(found))
    lines = []
    for found in ordered[:CAUSES]:
        cases, cause = [result for result, _ in found], found[0][1]
        others = len({text for _, text in found}) - 1
        also = ", with other numbers in some" if others else ""
        lines += _wrapped(cause, "  ")
        lines += _wrapped(f"{_cases(len(cases))}{also}: {where(cases)}", "      ")
        reason = cases[0].reason.removesuffix(f": {cause}")
        why = f": {reason}" if cases[0].diagnosis else ""
        lines += _wrapped(f"{cases[0].problem}{why}", "      ")
    if len(ordered) > CAUSES:
        rest = sum(map(len, ordered[CAUSES:]))
        lines.append(f"  and {len(ordered) - CAUSES} more causes in {_cases(rest)}: --all has them")
    return lines


def _kind(cause: str) -> str:
    """Return a cause without its numbers, and without the exception that it was seen by."""
    text = SEEN_BY.sub("", cause.removeprefix("error: "))
    return NUMBERS.sub("#", text)


def _cause(result: Checked, failed: Sequence[Checked]) -> str:
    """Return the cause of a case; where few digits tell of none, that in double precision."""
    if result.diagnosis and not result.diagnosis["simple"] and result.dtype != "float64":
        for other in failed:
            same = (other.problem.rpartition("/")[0], other.pass_, other.dtype)
            if same == (result.problem.rpartition("/")[0], result.pass_, "float64"):
                return other.said
    return result.said


def _map(failed: Sequence[Checked]) -> list[str]:
    """Return the errors by path of the first problem where some are right and some wrong."""
    for one in failed:
        found: dict[str, dict[str, float | None]] = {}
        for other in failed:
            if (other.problem, other.dtype) == (one.problem, one.dtype):
                for path, errors in other.diagnosis.get("paths", {}).items():
                    found.setdefault(path, {}).update(errors)
        marks = [
            {"path": path, **{of: _mark(error, one.dtype) for of, error in errors.items()}}
            for path, errors in found.items()
        ]
        wrong = [any(m[of] != RIGHT for of in m if of != "path") for m in marks]
        if any(wrong) and not all(wrong) and len(marks) <= 40:
            table = render(marks, "table")
            title = f"relative errors by path in {one.problem} (a dot is right):"
            return [f"  {title}", *textwrap.indent(table, "    ").splitlines()]
    return []


RIGHT = "."
ROUNDING = {"float64": 1e-9, "float32": 1e-4, "bfloat16": 5e-2}
"""Errors of a part that count as right in a map, by data type."""


def _mark(error: float | None, dtype: str) -> str:
    if error is None:
        return "NaN"
    return RIGHT if error <= ROUNDING[dtype] else f"{error:.2g}"


def _counted(texts: Iterable[str]) -> list[str]:
    """Return texts once, with how often they come where they come more than once."""
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return [f"{text} ({count} times)" if count > 1 else text for text, count in counts.items()]


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
