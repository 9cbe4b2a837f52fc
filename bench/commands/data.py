"""`bench data`: which sets of data are here that the suite does not have, and how they come here.

The files of a set are copied out of a folder that the user names, by SHA-256; nothing is
downloaded. What asks for a set that is not here is skipped, with this command as the reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands.command import Command, Help, add_format
from bench.commands.rendering import render
from impls.inputs import sets


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "set", nargs="?", metavar="SET", help=f"only this one: {', '.join(sets.known())}"
    )
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="DIR", help="bring its files here out of DIR"
    )
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    chosen = [sets.named(arguments.set)] if arguments.set else list(sets.known().values())
    if arguments.source is None:
        print(render([line for one in chosen for line in _lines(one)], arguments.format, WIDTHS))
        return 0
    if not arguments.set:
        raise ValueError("--from DIR brings one set: python -m bench data SET --from DIR")
    (one,) = chosen
    brought = one.bring(arguments.source)
    print(f"{len(brought)} files of {one.name} are in {one.folder}")
    return 0


WIDTHS = {"what": 44, "where": 44}
"""Where a table wraps."""


def _lines(one: sets.DataSet) -> Iterator[dict[str, str]]:
    """Yield what a set is, and a line for each of its files."""
    absent = one.absent()
    yield {
        "set": one.name,
        "file": "",
        "here": "no" if absent else "yes",
        "what": one.title,
        "licence": one.licence,
        "where": one.where,
        "sha256": "",
    }
    for file in one.files:
        here = "no" if file.name in absent else "yes"
        yield {
            "set": one.name,
            "file": file.name,
            "here": here,
            "what": file.what,
            "licence": one.licence,
            "where": "",
            "sha256": file.sha256,
        }


COMMAND = Command(
    "data",
    "Say which sets of data are here, or bring one out of a folder.",
    Help(
        examples=("python -m bench data", "python -m bench data brec --from downloads"),
        gives=(
            "A line for each set and each of its files: what it is, whether it is here, its "
            "licence, where to download it and its SHA-256. With --from the files are copied into "
            "the cache, all of a set or, where one is another file than is known, none."
        ),
        then=(
            "python -m bench analyse discrimination --operation gin_layer asks the graphs of brec "
            "where they are here."
        ),
    ),
    _add,
    _run,
)
