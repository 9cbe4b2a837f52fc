"""The table of the README that is measured: `python tools/readme.py` writes it, `--check` compares.

It stands between two comments and is made of the rows of one published run; nothing of it is
written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.ask import reading as profiles  # noqa: E402
from bench.record.case import problem_id  # noqa: E402
from impls.registry import Registry, load  # noqa: E402
from reports.data import sets  # noqa: E402
from reports.data.run import read  # noqa: E402
from reports.data.text import NONE  # noqa: E402
from reports.data.words import FRAMEWORKS, PASSES  # noqa: E402
from reports.story import Story  # noqa: E402
from reports.tables import peers  # noqa: E402

RUN = Path("reports/published/epyc-2core-peers")
BEGIN, END = "<!-- measured: python tools/readme.py -->\n", "<!-- end of what is measured -->"


def measured(directory: Path = ROOT / RUN) -> str:
    """Return the table in Markdown: a line a question, a column a pass and framework."""
    run, registry = read(directory), load()
    story = Story(run, registry, sets.read(()))
    asked = titles(directory, registry)
    ids = {block.title: str(block.results[0].columns["problem"]) for block in story.blocks}
    found = peers.table(story.blocks, run.peaks, story.registry, story.words)
    lines: dict[str, dict[tuple[str, str], str]] = {title: {} for title in asked.values()}
    for record in found.records:
        pass_ = str(record["target"]).partition(",")[0]
        title = asked[ids[str(record["problem"])], str(record["operation"])]
        lines[title][pass_, str(record["framework"])] = str(record["said"] or NONE)
    columns = [
        (p, f) for p in PASSES for f in FRAMEWORKS if any((p, f) in c for c in lines.values())
    ]
    heads = [f"{PASSES[p]}, {FRAMEWORKS[f]}" for p, f in columns]
    return "".join(
        "| " + " | ".join(cells) + " |\n"
        for cells in (
            ["question", *heads],
            ["---"] * (1 + len(columns)),
            *([title, *(by.get(c, NONE) for c in columns)] for title, by in lines.items() if by),
        )
    )


def titles(directory: Path, registry: Registry) -> dict[tuple[str, str], str]:
    """Return what a problem that is put to an operation is called: why it is asked, and sizes."""
    found: dict[tuple[str, str], str] = {}
    for problem, block in profiles.of_run(directory).asked(registry):
        facets = registry.family(problem.family).facets(problem)
        sizes = f"L = {facets['lmax']}, batch {facets['batch']}" if "batch" in facets else ""
        title = ": ".join(filter(None, (block.show, sizes)))
        for operation in block.asked(registry):
            found.setdefault((problem_id(problem, registry), operation.name), title)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table into the README or, with --check, say whether it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit code 1 if it differs"
    )
    check = parser.parse_args(arguments).check
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{readme}: no place for the table; it stands between {BEGIN.strip()} and {END}")
    new = head + begin + measured() + end + tail
    if check:
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
