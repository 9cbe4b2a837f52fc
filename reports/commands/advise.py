"""`reports advise`: which product for given irreps, what it gives up, and how sure that is."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command, Help
from bench.record.case import PASSES, digest
from impls.families import points, product
from impls.problem import Problem
from impls.registry import Registry, load
from reports.data import ledger, sets
from reports.data.advice import NEEDS, Advice, Question, advise, channels_of, grid, question_of
from reports.data.claims import every
from reports.data.expressivity import collect
from reports.data.words import Words
from reports.tables import advice as table
from reports.tables.beside import published

FORMATS = ("table", "md", "json")
OUT = Path("reports/out")
BASELINE = "*.torch_e3nn"
"""What --measure times beside the candidates."""


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    graph = parser.add_argument_group("features of nodes and harmonics of edges")
    graph.add_argument("--irreps-node", metavar="IRREPS", help="as in e3nn: 128x0e+128x1o+128x2e")
    graph.add_argument("--irreps-edge", metavar="IRREPS", help="harmonics: 0e+1o+2e+3o")
    graph.add_argument("--nodes", type=int, metavar="N")
    graph.add_argument("--edges-per-node", type=int, metavar="N")
    plain = parser.add_argument_group("or two plain features")
    plain.add_argument("--irreps-in1", metavar="IRREPS")
    plain.add_argument("--irreps-in2", metavar="IRREPS", help="default: those of --irreps-in1")
    plain.add_argument("--batch", type=int, metavar="N")
    parser.add_argument("--irreps-out", metavar="IRREPS", help="default: those of nodes, or all")
    parser.add_argument("--channels", type=int, metavar="N", help="default: the copies of irreps")
    parser.add_argument("--pass", dest="pass_", choices=PASSES, default="fwd")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: each that has rows")
    parser.add_argument(
        "--need", default="", metavar="NEEDS",
        help="; ".join(f"{name}: {what}" for name, what in NEEDS.items()) + " (a list a,b)",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="runs", type=Path, action="append", default=[], metavar="DIR",
        help="the runs at or below DIR (may be repeated; default: the published ones)",
    )  # fmt: skip
    parser.add_argument(
        "--measure", type=float, metavar="SECONDS",
        help="first time these choices at what is asked, here; no round starts after this",
    )  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.measure is not None and not arguments.measure > 0:
        raise ValueError(f"--measure must be positive, not {arguments.measure:g}")
    registry = load([])
    problem, count = _asked(arguments)
    question = question_of(problem, count, arguments.pass_, _needs(arguments.need))
    command = _command(problem, arguments)
    directories = ledger.runs_in(arguments.runs or published(ledger.PUBLISHED))
    if arguments.measure:
        before, _ = _found(question, directories, registry, None)
        out = OUT / f"advise-{digest({'command': command})[:8]}"
        words = [sys.executable, *command[1:], *_candidates(before)]
        words += ["--budget", str(arguments.measure)]
        ended = subprocess.run([*words, "--out", str(out), "--plain"], stdout=sys.stderr)
        if ended.returncode:
            raise ValueError(f"it could not be measured: exit code {ended.returncode}, see above")
        directories = [*ledger.runs_in([out]), *directories]
    found, judged = _found(question, directories, registry, arguments.device)
    said = table.asked(question, Words(registry))
    if arguments.format == "json":
        records = [table.record(one, said, command, registry, judged) for one in found]
        print(json.dumps(records or [_nothing(said, command)], indent=1))
        return 0
    told = [table.facts(one, command, registry, judged) for one in found]
    if not told:
        nothing = _nothing(said, command)
        told = [[("Answer", [str(nothing["answer"])]), ("Measure", [str(nothing["command"])])]]
    print((table.markdown if arguments.format == "md" else table.plain)(said, told))
    return 0


def _nothing(said: str, command: Sequence[str]) -> dict[str, object]:
    """Return what is said where no row is of this kind."""
    where = "nothing of this kind was timed in these runs, and nothing is guessed"
    return {"asked": said, "answer": where, "command": " ".join(command)}


def _found(
    question: Question, directories: Sequence[Path], registry: Registry, device: str | None
) -> tuple[list[Advice], list[ledger.Judged]]:
    """Return the advice of each machine, one beside the other, and the claims judged by all."""
    sources = ledger.sources(directories)
    known = sets.read().ignore
    spots = [
        spot
        for each in sources
        for spot in grid(each.run, each.blocks, collect(each.results, known), registry, each.name)
        if device in (None, spot.device)
    ]
    machines = dict.fromkeys((spot.machine, spot.device) for spot in spots)
    advice = [
        advise(question, [s for s in spots if (s.machine, s.device) == machine])
        for machine in machines
    ]
    kept = [ledger.CHECKED_IN] if ledger.CHECKED_IN.is_dir() else []
    known_only = ledger.sources([*directories, *ledger.runs_in(kept)], registry.suite)
    return [one for one in advice if one], ledger.judged(every(), known_only)


def _candidates(found: Sequence[Advice]) -> list[str]:
    """Return the options that measure what was advised, and the baseline; of nothing, all."""
    labels = {c.label for one in found for c in (one.answer, *one.cheaper) if c}
    names = sorted({re.split(r"[\[ ]", label)[0] for label in labels})
    chosen = [*names, BASELINE] if names else []
    return [word for name in chosen for word in ("--implementation", name)]


def _needs(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _asked(arguments: argparse.Namespace) -> tuple[Problem, int | None]:
    """Return the problem that is asked, and how many edges or samples if that was said.

    Raises:
        ValueError: for irreps of neither kind, or of both, or that no family takes.
    """
    if bool(arguments.irreps_node) == bool(arguments.irreps_in1):
        raise ValueError(
            "say --irreps-node (and --irreps-edge), for features of nodes and harmonics of edges, "
            "or --irreps-in1 (and --irreps-in2), for two features"
        )
    first = "node" if arguments.irreps_node else "in1"
    channels, irreps = channels_of(getattr(arguments, f"irreps_{first}"), f"--irreps-{first}")
    if arguments.channels and channels not in (1, arguments.channels):
        raise ValueError(f"--channels {arguments.channels}, and {channels} copies: say one of them")
    channels = arguments.channels or channels
    out = arguments.irreps_out and channels_of(arguments.irreps_out, "--irreps-out")[1]
    if first == "node":
        edge = arguments.irreps_edge and channels_of(arguments.irreps_edge, "--irreps-edge")[1]
        each = arguments.edges_per_node
        problem = points.ask(
            irreps_node=irreps, irreps_edge=edge, irreps_out=out, channels=channels,
            nodes=arguments.nodes, neighbours=each,
        )  # fmt: skip
        return problem, (arguments.nodes or 64) * each if each else None
    second = arguments.irreps_in2 and channels_of(arguments.irreps_in2, "--irreps-in2")[1]
    sizes = {"batch": arguments.batch} if arguments.batch else {}
    problem = product.ask(
        irreps_in1=irreps, irreps_in2=second, irreps_out=out, channels=channels, **sizes
    )
    return problem, arguments.batch


def _command(problem: Problem, arguments: argparse.Namespace) -> list[str]:
    """Return the command that measures what is asked."""
    words = ["python", "-m", "bench", "run", "--family", problem.family]
    for name, value in problem.sizes.items():
        if name.startswith("irreps"):
            text = "+".join(str(ir) for _, ir in channels_of(str(value), name)[1])
            words += [f"--{name.replace('_', '-')}", text]
    words += ["--channels", str(problem.sizes["channels"])]
    for name, said in (("nodes", arguments.nodes), ("neighbours", arguments.edges_per_node)):
        words += [f"--{name}", str(said)] if said else []
    words += ["--batch", str(arguments.batch)] if arguments.batch else []
    words += ["--pass", arguments.pass_]
    return words + (["--device", arguments.device] if arguments.device else [])


COMMAND = Command(
    "advise",
    "Say which product to take for given irreps: the answer, how sure it is, what cheaper ones "
    "give up, and what is not known.",
    Help(
        examples=(
            "python -m reports advise --irreps-node 128x0e+128x1o+128x2e --irreps-edge 0e+1o+2e",
        ),
        gives=(
            "The product to take and how sure that is, what cheaper ones give up, and what is "
            "not known, from the rows of published runs or of those of --from."
        ),
        then=(
            "--measure SECONDS times these choices here, at what is asked; python -m reports "
            "claims says what papers say of them."
        ),
    ),
    _add,
    _run,
)
