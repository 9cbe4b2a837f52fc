"""The command line of the measuring engine: list, check, doctor, run, compare, calibrate ...

Exit codes: 0 done; 1 the harness or a check failed, or the run was interrupted; 2 bad arguments;
3 `compare` found something slower. A case that is slow, wrong or fails is a result, no failure.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import calibrate, check, compare, explain, machine, progress, question
from bench.case import PASSES, digest
from bench.duel import ROUNDS, SAMPLES, Rules, Side, fight
from bench.exits import ended
from bench.inventory import LISTINGS, WIDTHS
from bench.listing import FORMATS, render
from bench.plan import Plan, plan
from bench.pool import spec_of
from bench.profiles import Profile
from bench.profiles.reading import ASKED, as_data
from bench.rows import FINISHED, latest, load, merge, write_json
from bench.run import REDO, execute
from impls.implementation import Target
from impls.registry import Registry
from impls.registry import load as load_registry

EXAMPLES = """examples:
  python -m bench list --operations
  python -m bench list --cases --profile quick --format csv
  python -m bench check clebsch_gordan.torch_dense
  python -m bench check my_product.py
  python -m bench check --all --plain
  python -m bench run --profile quick --select 'clebsch_gordan' --out /tmp/run
  python -m bench run --with my_product.py --device cuda
  python -m bench run --family product --irreps-in1 0e+1o+2e --channels 16,64 --dtype float64
  python -m bench run --profile my_layers.toml --select 'lmax=3,setting=mimo'
  python -m bench problem --family product --setting mimo --lmax 1,2,3
  python -m bench status reports/out/default
  python -m bench compare HEAD~1 --select 'gaunt.torch_grid'
  python -m bench calibrate --pairs 300

exit codes: 0 done, 1 the harness or a check failed (or the run was interrupted), 2 bad arguments,
3 compare: something is slower
"""


CALIBRATIONS = Path("reports/out/calibrations")


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure equivariant tensor products and layers.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=globals()[f"_{name}"], usage=sub.format_help)
        return sub

    def formatted(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--format", choices=FORMATS, default="table", help="default: table")

    def plugins(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--with", dest="files", action="append", default=[], metavar="FILE.py",
            help="also read declarations from this file (may be repeated)",
        )  # fmt: skip

    def asks(sub: argparse.ArgumentParser, name: str, default: str) -> None:
        question.add(sub, argv if argv[:1] == [name] else (), default)

    def selects(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--select", default="", metavar="WHICH",
            help="only some cases: lmax=3,setting=mimo, or a glob of ids (a word: contains)",
        )  # fmt: skip

    def where(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--device", choices=("cpu", "cuda"), help="default: cuda if there is one, else cpu"
        )
        sub.add_argument("--plain", action="store_true", help="lines instead of a progress bar")

    def duels(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--rounds", type=int, default=ROUNDS, help=f"fresh processes per side: {ROUNDS}"
        )
        sub.add_argument("--samples", type=int, default=SAMPLES, help=f"a round: {SAMPLES}")
        sub.add_argument("--threads", type=int, default=1, help="CPU threads per worker (1)")

    sub = command("list", "List what is known: operations, implementations, problems or cases.")
    what = sub.add_mutually_exclusive_group(required=True)
    for name in ("operations", "implementations", "problems", "cases"):
        what.add_argument(f"--{name}", dest="what", action="store_const", const=name)
    selects(sub)
    plugins(sub)
    formatted(sub)
    asks(sub, "list", "default")

    sub = command(
        "problem", "Explain questions, without a run: sizes, cost, who answers and who does not."
    )
    plugins(sub)
    formatted(sub)
    asks(sub, "problem", "default")

    sub = command("check", "Check implementations against the oracle, gradients and symmetry.")
    which = sub.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "name", nargs="?", help="operation.implementation, an operation, or a file.py"
    )
    which.add_argument(
        "--all", action="store_true", help="everything that is registered, in all frameworks: long"
    )
    plugins(sub)
    where(sub)
    formatted(sub)
    asks(sub, "check", "check")

    sub = command("doctor", "Say what this machine can measure, and why not.")
    formatted(sub)

    sub = command("run", "Measure a profile; the same command continues an interrupted run.")
    selects(sub)
    sub.add_argument(
        "--rounds", type=int,
        help="repeat blocks in fresh processes this often (a tier may fix its own)",
    )  # fmt: skip
    sub.add_argument(
        "--pass", dest="passes", action="append", default=[], metavar="PASS",
        help=f"instead of the profile's: {', '.join(PASSES)} (may be repeated)",
    )  # fmt: skip
    sub.add_argument(
        "--mode", dest="modes", action="append", default=[], metavar="MODE",
        help="eager, compile, cudagraph, jit: where a framework has it (may be repeated)",
    )  # fmt: skip
    sub.add_argument("--vary", action="store_true", help="also every other value of the options")
    sub.add_argument(
        "--redo", default="", metavar="WHAT",
        help=f"measure again what is finished: {', '.join(REDO)}, all, or a glob of case ids",
    )  # fmt: skip
    sub.add_argument("--threads", type=int, default=1, help="CPU threads per worker (default 1)")
    sub.add_argument("--budget", type=float, metavar="SECONDS", help="start no block after this")
    sub.add_argument(
        "--out", type=Path, metavar="DIR",
        help="default: reports/out/PROFILE-DEVICE; without a profile, what was asked there before",
    )  # fmt: skip
    plugins(sub)
    where(sub)
    asks(sub, "run", "default")

    sub = command(
        "compare", "Measure two revisions in turn; exit code 3 when the second is slower."
    )
    sub.add_argument("a", metavar="A", help="a git revision, or . for the working tree")
    sub.add_argument("b", metavar="B", nargs="?", default=".", help="default: the working tree")
    selects(sub)
    sub.add_argument("--margin", type=float, default=0.02, help="what counts as equal: 0.02")
    sub.add_argument("--level", type=float, default=0.99, help="confidence of the table: 0.99")
    duels(sub)
    where(sub)
    formatted(sub)
    asks(sub, "compare", "quick")

    sub = command("calibrate", "Judge the instrument itself on this machine, by what is known.")
    sub.add_argument(
        "--pairs",
        type=int,
        default=300,
        help="pairs that do not differ: 300 (90 minutes); those of repeated calls count together",
    )
    sub.add_argument("--out", type=Path, default=CALIBRATIONS, metavar="DIR")
    duels(sub)
    where(sub)
    formatted(sub)

    sub = command("status", "Count the cases of a run directory by status; list what failed.")
    sub.add_argument("dir", type=Path)
    formatted(sub)

    sub = command("merge", "Write the union of run directories to a new directory.")
    sub.add_argument("dirs", type=Path, nargs="+", metavar="DIR")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")
    return parser


def _list(arguments: argparse.Namespace) -> int:
    registry = load_registry(arguments.files)
    profile = question.profile_of(arguments, registry)
    rows = LISTINGS[arguments.what](registry, profile, arguments.select)
    print(render(rows, arguments.format, WIDTHS))
    return 0


def _problem(arguments: argparse.Namespace) -> int:
    registry = load_registry(arguments.files)
    profile = question.profile_of(arguments, registry)
    rows = explain.rows(profile, Target(), registry)
    print(render(rows, arguments.format, explain.WIDTHS))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    name = arguments.name or ""
    file = name if name.endswith(".py") else None
    files = [*arguments.files, *([file] if file else [])]
    registry = load_registry(files)
    every = list(registry.implementations.values())
    meant = every if arguments.all else check.named(name, registry, file)
    target = Target(device=arguments.device or "cpu")
    profile = question.profile_of(arguments, registry, "check")
    total = len(check.planned_for(meant, registry, target, profile))
    with progress.shown(total, arguments.plain) as (events, _):
        results = check.check(meant, registry, target, files, events, profile)
    print(render(results, arguments.format))
    failed = [result for result in results if not result["passed"]]
    if arguments.format == "table":
        print(f"\n{len(results) - len(failed)} of {len(results)} passed")
    return 1 if failed else 0


def _doctor(arguments: argparse.Namespace) -> int:
    print(render(machine.doctor(), arguments.format))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    if arguments.threads < 1:
        raise ValueError(f"--threads must be at least 1, not {arguments.threads}")
    if arguments.budget is not None and not arguments.budget > 0:
        raise ValueError(f"--budget must be positive, not {arguments.budget:g}")
    began = time.monotonic()
    registry = load_registry(arguments.files)
    device = arguments.device or machine.default_device()
    target = Target(device=device, threads=arguments.threads)
    if arguments.profile is None and arguments.family is None and _made_before(arguments.out):
        arguments.profile = str(arguments.out)
    profile = question.profile_of(arguments, registry)
    meant = plan(profile, target, registry, arguments.select, arguments.modes, arguments.vary)
    out = arguments.out or Path("reports/out") / f"{_folder(profile)}-{device}"
    _announce(meant, registry, device, out)
    print(f"planned in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
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
    known = calibrate.found(CALIBRATIONS, digest(machine.machine_facts()), device)
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


def _announce(meant: Plan, registry: Registry, device: str, out: Path) -> None:
    runnable = [p for p in meant.planned if p.refused is None]
    if device == "cpu":
        print("** CPU run: times say nothing about GPUs **", file=sys.stderr)
    refused = len(meant.planned) - len(runnable)
    seconds, tiers = 0.0, []
    for tier in meant.settings.tiers:
        mine = [planned.case for planned in runnable if planned.tier == tier]
        passes = Counter(str(case.pass_) for case in mine)
        workers = len({spec_of(case, registry) for case in mine})
        rounds = meant.settings.rounds_of(tier)
        seconds += progress.estimate(passes, workers, rounds)
        name = f"{tier.name}: " if tier.name else ""
        tiers.append(f"{name}{len(mine)} cases, {workers} workers, {rounds} round(s)")
    print(
        f"profile {meant.profile}: {len(meant.planned)} cases ({len(runnable)} to measure, "
        f"{refused} refused); {'; '.join(tiers)}; on {device}; "
        f"roughly {seconds / 60:.0f} min; into {out}",
        file=sys.stderr,
        flush=True,
    )


def _compare(arguments: argparse.Namespace) -> int:
    if not arguments.margin > 0 or not 0 < arguments.level < 1:
        raise ValueError("--margin must be positive, and --level between 0 and 1")
    registry = load_registry()
    target = _duel_target(arguments)
    meant = plan(question.profile_of(arguments, registry), target, registry, arguments.select)
    cases = [p.case for p in meant.planned if p.refused is None]
    if not cases:
        raise ValueError(f"every case that --select {arguments.select!r} matches is refused")
    with (
        TemporaryDirectory(prefix="equibench-compare-") as scratch,
        _fighting(arguments, len(cases), Path(scratch) / "logs") as (rules, told),
        compare.checkout(arguments.a, Path(scratch)) as a,
        compare.checkout(arguments.b, Path(scratch)) as b,
    ):
        sides = Side(arguments.a, a), Side(arguments.b, b)
        rows = compare.table(
            fight(cases, sides, registry, rules, (), told), arguments.margin, arguments.level
        )
    print(render(rows, arguments.format))
    if arguments.format == "table":
        counts = Counter(row["verdict"] for row in rows)
        print("\n" + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    return 3 if any(row["verdict"] == "slower" for row in rows) else 0


def _calibrate(arguments: argparse.Namespace) -> int:
    if arguments.pairs < 1:
        raise ValueError(f"--pairs must be at least 1, not {arguments.pairs}")
    registry = load_registry()
    target = _duel_target(arguments)
    total = arguments.pairs + max(20, arguments.pairs // 5)
    with (
        TemporaryDirectory(prefix="equibench-calibrate-") as scratch,
        _fighting(arguments, total, Path(scratch)) as (rules, told),
    ):
        known = digest(machine.machine_facts()), target.device
        seed = str(len(calibrate.every(arguments.out, *known)))
        rules = replace(rules, gates=(), seed=seed)
        calibrate.calibrate(registry, target, arguments.out, arguments.pairs, rules, told)
    result = calibrate.found(arguments.out, *known)
    assert result is not None
    print(render(calibrate.rows(result), arguments.format))
    return 0


def _duel_target(arguments: argparse.Namespace) -> Target:
    for name in ("rounds", "samples", "threads"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"--{name} must be at least 1, not {getattr(arguments, name)}")
    return Target(arguments.device or machine.default_device(), threads=arguments.threads)


@contextmanager
def _fighting(
    arguments: argparse.Namespace, cases: int, logs: Path
) -> Iterator[tuple[Rules, Callable[[str, int], None]]]:
    """Give the rules of duels, and what shows their progress."""
    rules = Rules(logs, arguments.rounds, arguments.samples)
    with progress.shown(cases * rules.rounds, arguments.plain) as (events, _):
        yield rules, lambda case, number: events.case_done(f"{case} round {number + 1}", "ok", "")


def _status(arguments: argparse.Namespace) -> int:
    rows = [row for row in latest(load(arguments.dir)) if row["probe"] == FINISHED]
    counts = Counter(row["status"] for row in rows)
    if arguments.format == "table":
        print(render([{"status": s, "cases": n} for s, n in sorted(counts.items())], "table"))
    shown = [
        {
            "status": row["status"],
            "case": row["case"],
            "round": row["round"],
            "reason": row["reason"],
        }
        for row in rows
        if arguments.format != "table" or row["status"] != "ok"
    ]
    if shown or arguments.format != "table":
        print(("\n" if arguments.format == "table" else "") + render(shown, arguments.format))
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    count = merge(arguments.dirs, arguments.out)
    print(f"{count} rows in {arguments.out / 'rows.jsonl'}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)

    def run() -> int:
        parser = _parser(words)
        arguments, rest = parser.parse_known_args(words)
        question.refuse(rest, arguments)
        return int(arguments.run(arguments))

    return ended(run)


if __name__ == "__main__":
    sys.exit(main())
