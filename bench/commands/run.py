"""`bench run`: measure a profile; the same command continues an interrupted run."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args, get_type_hints

from bench.ask.plan import Plan, plan
from bench.ask.profile import Profile
from bench.ask.reading import ASKED, as_data
from bench.commands import pace, progress, question
from bench.commands.command import (
    CALIBRATIONS,
    Command,
    Help,
    add_files,
    add_select,
    add_threads,
    add_where,
    threads_of,
)
from bench.drive import instrument
from bench.drive.locks import gpu_lock
from bench.drive.run import REDO, execute
from bench.drive.worker_process import spec_of
from bench.record import gpu, machine
from bench.record.case import PASSES, digest
from bench.record.rows import write_json
from impls.implementation import Target
from impls.registry import Registry
from impls.registry import load as load_registry

USUAL = {"cpu": "default", "cuda": "gpu"}
"""The profile of a command line that asks nothing, by what it is measured on."""
SHORT = {"cpu": "quick", "cuda": "gpu-short"}
"""That of --short: a few minutes."""
PRECISIONS = get_args(get_type_hints(Target)["precision"])


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_select(parser)
    parser.add_argument(
        "--rounds", type=int,
        help="repeat blocks in fresh processes this often (a tier may fix its own)",
    )  # fmt: skip
    parser.add_argument(
        "--most-rounds", type=int, metavar="N",
        help="and those that can't be told from the baseline by then up to so often",
    )  # fmt: skip
    parser.add_argument(
        "--pass", dest="passes", action="append", default=[], metavar="PASS",
        help=f"instead of the profile's: {', '.join(PASSES)} (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--mode", dest="modes", action="append", default=[], metavar="MODE",
        help="eager, compile, cudagraph, jit: where a framework has it (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--vary", action="store_true", help="also every other value of the options")
    parser.add_argument(
        "--redo", default="", metavar="WHAT",
        help=f"measure again what is finished: {', '.join(REDO)}, all, or a glob of case ids",
    )  # fmt: skip
    parser.add_argument(
        "--short", action="store_true",
        help=f"a few minutes: the profile {SHORT['cpu']}, on a GPU {SHORT['cuda']}",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="ieee",
        help="of products of float32 matrices on a GPU (default: ieee)",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="start no block after this")
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="default: reports/out/PROFILE-DEVICE; without a profile, what was asked there before",
    )  # fmt: skip
    add_files(parser)
    add_where(parser)
    question.add(parser, argv, " or on a GPU ".join(USUAL.values()))


def _run(arguments: argparse.Namespace) -> int:
    threads = threads_of(arguments)
    if arguments.budget is not None and not arguments.budget > 0:
        raise ValueError(f"--budget must be positive, not {arguments.budget:g}")
    began = time.monotonic()
    registry = load_registry(arguments.files)
    device = gpu.device_of(arguments.device, arguments.gpu)
    target = Target(device=device, precision=arguments.precision, threads=threads)
    if arguments.short and (arguments.profile or arguments.family):
        raise ValueError("--short names a profile, and so does --profile or --family: say one")
    if arguments.profile is None and arguments.family is None:
        made = not arguments.short and _made_before(arguments.out)
        usual = (SHORT if arguments.short else USUAL)[device]
        arguments.profile = str(arguments.out) if made else usual
    profile = question.profile_of(arguments, registry)
    meant = plan(profile, target, registry, arguments.select, arguments.modes, arguments.vary)
    out = arguments.out or Path("reports/out") / f"{_folder(profile)}-{device}"
    here = digest(machine.machine_facts(device))
    guessed = pace.guess(meant, registry, device)
    _announce(meant, registry, out, device, guessed * pace.pace(here, device))
    print(f"planned in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    began = time.monotonic()
    with progress.shown(meant.total, arguments.plain) as (events, counts):
        run = execute(
            meant,
            registry,
            out,
            files=arguments.files,
            command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
            budget=arguments.budget,
            redo=arguments.redo,
            events=events,
        )
    measured = sum(counts.values()) - counts["skip"]
    whole = sum(meant.rounds(p) for p in meant.planned if p.refused is None)
    share = measured / max(1, whole)
    pace.learn(here, device, guessed * share, time.monotonic() - began, measured)
    if device == "cuda" and meant.timed:
        with gpu_lock():
            instrument.reached(registry, target, out)
    known = instrument.found(CALIBRATIONS, here, device)
    if known:
        write_json(out / "calibration.json", known)
    account = sorted(run.seconds.items(), key=lambda item: -item[1])
    spent = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in account)
    new = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"measured now: {new or 'nothing, all was finished'}; wall time: {spent or 'none'}")
    print(f"rows: {out / 'rows.jsonl'}   status: python -m bench status {out}")
    return 0


def _made_before(out: Path | None) -> bool:
    """Return whether a directory says what was asked in it."""
    return out is not None and (out / "plan.json").is_file()


def _folder(profile: Profile) -> str:
    """Return the name of a profile; of a question on the command line, one of its own."""
    return f"{ASKED}-{digest(as_data(profile))[:8]}" if profile.name == ASKED else profile.name


def _announce(meant: Plan, registry: Registry, out: Path, device: str, seconds: float) -> None:
    runnable = [p for p in meant.planned if p.refused is None]
    if device == "cpu":
        print("** CPU run: times say nothing about GPUs **", file=sys.stderr)
    refused = len(meant.planned) - len(runnable)
    tiers = []
    for tier in meant.settings.tiers:
        mine = [planned.case for planned in runnable if planned.tier == tier]
        workers = len({spec_of(case, registry) for case in mine})
        rounds = meant.settings.rounds_of(tier)
        name = f"{tier.name}: " if tier.name else ""
        most = meant.settings.most_rounds_of(tier)
        more = f", to {most} of what can't be told" if most > rounds else ""
        tiers.append(f"{name}{len(mine)} cases, {workers} workers, {rounds} round(s){more}")
    print(
        f"profile {meant.profile}: {len(meant.planned)} cases ({len(runnable)} to measure, "
        f"{refused} refused); {'; '.join(tiers)}; on {device}; "
        f"roughly {pace.in_words(seconds)}; into {out}",
        file=sys.stderr,
        flush=True,
    )


COMMAND = Command(
    "run",
    "Measure a profile; the same command continues an interrupted run.",
    Help(
        examples=(
            "python -m bench run --profile quick --select 'clebsch_gordan' --out /tmp/run",
            "python -m bench run --with my_product.py --device cuda",
            "python -m bench run --family product --irreps-in1 0e+1o+2e --channels 16,64",
            "python -m bench run --profile my_layers.toml --select 'lmax=3,setting=mimo'",
        ),
        gives=(
            "A directory with plan.json, rows.jsonl (a row for each quantity), and facts about "
            "the machine; progress and an estimate on the way. What is slow, wrong or fails is a "
            "row, and no failure of the command."
        ),
        then=(
            "python -m bench status DIR counts how cases ended, python -m bench explain CASE "
            "--run DIR says why, python -m reports build DIR makes the page."
        ),
    ),
    _add,
    _run,
)
