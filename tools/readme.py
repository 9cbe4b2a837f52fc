"""The tables in prose that are made of data: `python tools/readme.py` writes, `--check` compares.

Each stands between two comments and nothing of it is written by hand. That of README.md is made of
the rows of published runs; those of docs/systems.md of the registry, and of verdicts that are
computed from all published rows.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis.claims import KINDS  # noqa: E402
from bench.ask import reading as profiles  # noqa: E402
from bench.record.case import problem_id  # noqa: E402
from impls.operation import Operation  # noqa: E402
from impls.registry import Registry, load  # noqa: E402
from reports.data import bibliography, claims, ledger, sets  # noqa: E402
from reports.data.run import Run, read  # noqa: E402
from reports.data.text import NONE  # noqa: E402
from reports.data.words import FRAMEWORKS, PASSES  # noqa: E402
from reports.story import Story  # noqa: E402
from reports.tables import catalogue, peers  # noqa: E402

RUNS = (
    ROOT / "reports/published/epyc-2core-peers",
    ROOT / "reports/published/xeon-2core-peers",
    ROOT / "reports/published/xeon-2core-peers-more",
)
"""In which other packages were asked; what two of one machine say, the last one says."""
BEGIN, END = "<!-- measured: python tools/readme.py -->\n", "<!-- end of what is measured -->"
TITLES = {
    "layers": "Whole layers",
    "points": "Features in space, on a graph or along edges",
    "pointwise": "Functions and maps of one feature",
}
"""Of the folders of `impls` whose operations are parts of systems, those with a longer title."""
PRODUCTS = ("products", "powers")
"""Folders of what is no part of one system: the tables of expressivity have them."""


def measured(directories: Sequence[Path] = RUNS) -> str:
    """Return the table in Markdown: a line a question, a column a pass and framework."""
    lines: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for run in map(read, directories):
        for title, by in questions(run).items():
            if by:
                lines.setdefault((title, run.machine), {}).update(by)
    columns = [
        (p, f) for p in PASSES for f in FRAMEWORKS if any((p, f) in b for b in lines.values())
    ]
    heads = [f"{PASSES[p]}, {FRAMEWORKS[f]}" for p, f in columns]
    told = ([*question, *(by.get(c, NONE) for c in columns)] for question, by in lines.items())
    return markdown(["question", "machine", *heads], told)


def questions(run: Run) -> dict[str, dict[tuple[str, str], str]]:
    """Return what is said of each question of a run: by pass and framework."""
    registry = load()
    story = Story(run, registry, sets.read(()))
    asked = titles(run.directory, registry)
    ids = {block.title: str(block.results[0].columns["problem"]) for block in story.blocks}
    found = peers.table(story.blocks, run.peaks, story.registry, story.words)
    lines: dict[str, dict[tuple[str, str], str]] = {title: {} for title in asked.values()}
    for record in found.records:
        pass_ = str(record["target"]).partition(",")[0]
        title = asked[ids[str(record["problem"])], str(record["operation"])]
        lines[title][pass_, str(record["framework"])] = str(record["said"] or NONE)
    return lines


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    cells = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(row) + " |\n" for row in cells)


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


def systems(registry: Registry | None = None) -> str:
    """Return a table for each folder of `impls` with parts of systems: a line a system.

    A system is a folder of operations of the suite; its name is the title of the one that has the
    name of the folder, also with `_layer` behind it, or of the first.
    """
    known = registry or load(())
    sources = ledger.sources(ledger.runs_in([ledger.PUBLISHED]), known.suite)
    verdicts: dict[str, list[str]] = defaultdict(list)
    for each in ledger.judged(claims.every(), sources):
        verdicts[each.claim.operation].append(each.kind)
    about = {each.name: each for each in catalogue.about(known, ())}
    references = bibliography.read()
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for (group, system), every in sorted(folders(known).items()):
        operations = sorted(every, key=lambda o: o.name not in (system, f"{system}_layer"))
        papers = dict.fromkeys(key for operation in operations for key in operation.papers)
        symmetry = dict.fromkeys(claimed(about[operation.name]) for operation in operations)
        kinds = [kind for operation in operations for kind in verdicts[operation.name]]
        groups[group].append(
            [
                operations[0].title,
                ", ".join(f"`{operation.name}`" for operation in operations),
                ", ".join(linked(references[key]) for key in papers),
                ", or ".join(symmetry),
                *(str(kinds.count(kind) or NONE) for kind in KINDS),
            ]
        )
    heads = ["system", "operations", "papers", "symmetry claimed", *KINDS]
    order = [*(name for name in TITLES if name in groups), *sorted({*groups} - {*TITLES})]
    return "\n".join(
        f"## {TITLES.get(group, group.capitalize())}\n\n{markdown(heads, groups[group])}"
        for group in order
    )


def linked(paper: bibliography.Reference) -> str:
    """Return authors and year, with a link where there is an address."""
    return f"[{paper.short}]({paper.url})" if paper.url else paper.short


def folders(registry: Registry) -> dict[tuple[str, str], list[Operation]]:
    """Return the operations of the suite by the folders (group, system) that have their oracles.

    The file of a registry is that which it has read first, and that may only use an operation.
    """
    found: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for operation in registry.operations.values():
        oracle = getattr(operation.oracle, "func", operation.oracle)
        package, group, system, *_ = oracle.__module__.split(".")
        if operation.name in registry.suite and package == "impls" and group not in PRODUCTS:
            found[group, system].append(operation)
    return found


def claimed(about: catalogue.About) -> str:
    """Return the group that is claimed exactly, and what else is by a knob or by training."""
    exact = about.group or ", ".join(about.subgroups) or "none"
    return " and ".join(filter(None, (exact, about.inexact)))


@dataclass(frozen=True)
class Place:
    """Where what is made stands: in which file, between which comments."""

    file: Path
    begin: str
    end: str
    make: Callable[[], str]

    def written(self) -> tuple[str, str]:
        """Return the text of the file, as it is and as it should be."""
        text = self.file.read_text(encoding="utf-8")
        head, begin, rest = text.partition(self.begin)
        _, end, tail = rest.partition(self.end)
        if not (begin and end):
            sys.exit(
                f"{self.file}: no place for the table; it stands between {self.begin.strip()} and "
                f"{self.end}"
            )
        return text, head + begin + self.make() + end + tail


PLACES = (
    Place(ROOT / "README.md", BEGIN, END, measured),
    Place(
        ROOT / "docs" / "systems.md",
        "<!-- made by: python tools/readme.py -->\n",
        "<!-- end of what is made -->",
        systems,
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables into their files or, with --check, say whether they are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit code 1 if one differs"
    )
    check, differs = parser.parse_args(arguments).check, False
    for place in PLACES:
        text, new = place.written()
        differs |= new != text
        if check and new != text:
            print(f"{place.file}: run python tools/readme.py", file=sys.stderr)
        elif new != text:
            place.file.write_text(new, encoding="utf-8")
    return int(check and differs)


if __name__ == "__main__":
    raise SystemExit(main())
