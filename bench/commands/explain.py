"""`bench explain`: what a status, a quantity or an analysis means, or what is known of a case.

A case is named by its id or how it begins, or by the id of one of its rows, in the directory of a
run. What is said of it are the rows of its last finished attempts.
"""

from __future__ import annotations

import argparse
import inspect
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.commands.command import Command, Help, add_files
from bench.commands.rendering import printable, render
from bench.measuring.probes import Analysis, Probe, analyses, probes, unit_of
from bench.record import words
from bench.record.rows import FINISHED, HERE, latest, read
from impls.near import alike
from impls.registry import Registry
from impls.registry import load as load_registry

WIDTH = 100
MANY = 8
"""So many cases that a name fits are listed; of more, how many there are."""
WIDTHS = {"says": 60}
JUDGING = ("error", "equiv", "conduct", "agrees", "by_knob", "hard")
"""How quantities begin that judge a case."""
JUDGED = "What does not pass its limit makes a case `wrong`; of symmetries, one that is claimed."


def of_word(word: str, registry: Registry) -> str | None:
    """Return what a word means: of a status, a quantity, a probe or an analysis; None for none."""
    statuses, asked = words.statuses(), analyses(registry.plugins)
    measured = probes(registry.plugins)
    lines: list[str] = []
    if word in statuses:
        lines += _of_status(word, statuses[word])
    if word in asked:
        lines += _of_analysis(asked[word])
    if mine := _quantities(word, measured):
        lines += [_of_quantity(name, measured) for name in mine]
        lines += [JUDGED] * any(name.partition(".")[0] in JUDGING for name in mine)
    return _text(*lines) or None


def known(registry: Registry) -> list[str]:
    """Return every word that means something, but for those of which a part is left open."""
    every = (words.statuses(), analyses(registry.plugins), probes(registry.plugins), words.rows())
    return sorted({name for names in every for name in names if "*" not in name})


def _quantities(word: str, measured: Mapping[str, Probe]) -> list[str]:
    """Return the quantity of this name, or those of the probe whose names begin with it."""
    if words.of_row(word) is not None:
        return [word]
    begun = [name for name in words.rows() if name.startswith(f"{word}.")]
    return begun or [word] * (word in measured)


def _of_status(name: str, meaning: words.Meaning) -> list[str]:
    then = [f"What then: {meaning.then}."] if meaning.then else []
    return [f"{name}, a status: {meaning.means}.", *then]


def _of_analysis(one: Analysis) -> list[str]:
    command = f"python -m bench analyse {one.name} {one.example}"
    return [f"{one.name}, an analysis: {one.summary}", one.gives, f"For example: {command}"]


def _of_quantity(name: str, measured: Mapping[str, Probe]) -> str:
    """Return what a quantity is; of a plug-in's probe what its function says of itself."""
    means = words.of_row(name)
    if means is None:
        said = inspect.getdoc(measured[name].measure) or "nothing is said of it"
        means = said.partition("\n")[0].rstrip(".")
    return f"{name} [{unit_of(name)}]: {means}."


def of_case(name: str, directory: Path) -> str:
    """Return what a run knows of the case that a name fits.

    Raises:
        ValueError: when it fits none or several, or the directory holds no rows that can be read.
    """
    found: list[Mapping[str, Any]] = []
    named: set[str] = set()
    for _, row in read(directory):
        if row["case"].startswith(name):
            found.append(row)
        if row["id"].startswith(name):
            named.add(row["case"])
    if named and not found:
        found = [row for _, row in read(directory) if row["case"] in named]
    ids = list(dict.fromkeys(row["case"] for row in found))
    if name in ids:
        ids, found = [name], [row for row in found if row["case"] == name]
    if not ids:
        raise ValueError(
            f"{name!r} begins the id of no case or row of {directory}; "
            f"see: python -m bench status {directory} --format csv"
        )
    if len(ids) > 1:
        more = [f"and {len(ids) - MANY} more"] if len(ids) > MANY else []
        raise ValueError(
            "\n  ".join([f"{name!r} begins {len(ids)} cases; say one:", *ids[:MANY], *more])
        )
    rows = latest(found)
    if not rows:
        raise ValueError(f"{ids[0]} is not finished in {directory}: the run's command continues it")
    attempts = groupby(rows, key=lambda row: (row["round"], row["attempt"]))
    said = [_of_attempt(list(mine), directory) for _, mine in attempts]
    names = {row["probe"]: words.of_row(row["probe"]) for row in rows}
    meant_by = [f"{name}: {means}." for name, means in names.items() if means]
    return "\n\n".join([printable(ids[0]), *said, "What these are:\n" + _text(*meant_by)])


def _of_attempt(rows: Sequence[Mapping[str, Any]], directory: Path) -> str:
    """Return how an attempt ended, what to do then, and its rows."""
    last = next(row for row in rows if row["probe"] == FINISHED)
    meaning = words.statuses()[last["status"]]
    here = ", ".join(f"{name} {last[name]}" for name in (*HERE, "commit"))
    why = f": {last['reason']}" if last["reason"] else ""
    lines = [
        f"round {last['round']}: {last['status']}{why}",
        f"{last['status']} means: {meaning.means}.",
        *([f"What then: {_named(meaning.then, last, directory)}."] if meaning.then else []),
        f"Measured {last['t0']}; {here}.",
    ]
    table = render([_line(row) for row in rows if row is not last], "table", WIDTHS)
    return _text(*map(printable, lines)) + (f"\n\n{table}" if len(rows) > 1 else "")


def _named(then: str, last: Mapping[str, Any], directory: Path) -> str:
    """Return what to do with the names of this case in it."""
    nonce = last["detail"].get("nonce")
    again = f" --profile {shlex.quote(str(directory))} --nonce {nonce}" if nonce is not None else ""
    return then.replace("NAME", f"{last['implementation']}{again}").replace("DIR", str(directory))


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    detail = row["detail"]
    notes = [detail.get(name) for name in ("problem", "unavailable", "note")]
    says = [row["reason"], *(str(note) for note in notes if note)]
    return {
        **{name: row[name] for name in ("probe", "value", "lo", "hi", "unit", "limit", "passed")},
        "says": "; ".join(dict.fromkeys(filter(None, says))),
    }


def _text(*lines: str) -> str:
    return "\n".join(
        textwrap.fill(
            line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        for line in lines
    )


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "word", metavar="STATUS|PROBE|CASE",
        help="a status, a probe or the quantity of a row, an analysis; or the id of a case or row, "
        "or how it begins",
    )  # fmt: skip
    parser.add_argument(
        "--run", dest="directory", type=Path, metavar="DIR", help="the run that a case is of"
    )
    add_files(parser)


def _run(arguments: argparse.Namespace) -> int:
    word, directory = str(arguments.word), arguments.directory
    registry = load_registry(arguments.files)
    said = of_word(word, registry)
    if said is None and directory is not None:
        said = of_case(word, directory)
    if said is None:
        meant = alike(word, known(registry))
        raise ValueError(
            f"{word!r} is no status, probe or analysis{f': {meant}' if meant else ''}; "
            "a case is one of a run: --run DIR"
        )
    print(said)
    return 0


COMMAND = Command(
    "explain",
    "Say what a status, a probe or an analysis means, or what is known of a case.",
    Help(
        examples=(
            "python -m bench explain noisy",
            "python -m bench explain conduct.cached",
            "python -m bench explain 'product/mimo-o3-lmax1-channels1' --run reports/out/default",
        ),
        gives=(
            "What the word means and what to do then; of a case how it ended, why, and its rows: "
            "what each is, its value, interval and limit, and whether it passed."
        ),
        then=(
            "python -m bench check NAME looks for the cause of what is wrong; docs/protocol.md "
            "defines every quantity."
        ),
    ),
    _add,
    _run,
)
