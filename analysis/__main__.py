"""The command line of the analysis: what an operation expresses, how symmetric and how exact it is.

Asks the measuring engine to run its probes on the smallest problems, so that torch and JAX stay in
processes of their own and the rows land in a store; what the same code has measured before, in the
same environment, is not run again.
Exit codes: 0 done; 1 a probe failed or disagrees with what is derived; 2 bad arguments.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from analysis import readers
from bench import knobs, posing, probes, progress, question
from bench.case import Case, describe, digest, refusal
from bench.exits import ended
from bench.fingerprint import ANALYSED, FRAMEWORKS, closure, hashes
from bench.listing import FORMATS, render
from bench.near import unknown
from bench.plan import Plan, planned_of
from bench.profiles import UNTIMED, Profile
from bench.rows import FINISHED, latest, load
from bench.run import execute
from impls.family import Family
from impls.implementation import MODES, Framework, Implementation, Target
from impls.operation import Operation
from impls.problem import Problem, Scalar
from impls.registry import Registry
from impls.registry import load as load_registry

EXAMPLES = """examples:
  python -m analysis expressivity --lmax 3
  python -m analysis expressivity --operation gaunt --setting mimo --symmetry so3 --lmax 3
  python -m analysis expressivity --family product --irreps-in1 0e+1o+2e
  python -m analysis expressivity --operation gaunt --lmax 4 --channels 5
  python -m analysis expressivity --operation gaunt --symmetry o3 --lmax 2 --irreps
  python -m analysis homs --operation uvw --lmax 1
  python -m analysis convolution --setting full --symmetry so3 --lmax 2
  python -m analysis interactability --operation matrix --lmax 5 --format csv
  python -m analysis equivariance --operation clebsch_gordan --implementation torch_dense --lmax 2
  python -m analysis equivariance --operation escn --setting full --data poles:64x16 --lmax 2
  python -m analysis discrimination --operation gaunt --lmax 3
  python -m analysis nero --operation grid_nonlinearity --lmax 2 --symmetry o3 --format csv
  python -m analysis universality --operation gaunt --lmax 2
  python -m analysis accuracy --operation gaunt --symmetry o3 --dtype float32 --lmax 6
  python -m analysis knobs --operation grid_nonlinearity --lmax 2

exit codes: 0 done, 1 a probe failed or disagrees with what is derived, 2 bad arguments
"""
PROBES = {
    "expressivity": ("error", "expressivity.channels"),
    "interactability": ("error", "interactability"),
    "homs": ("error", "homs"),
    "convolution": ("error", "convolution"),
    "equivariance": ("error", "symmetry"),
    "accuracy": ("accuracy",),
    "discrimination": ("error", "discrimination"),
    "nero": ("error", "nero"),
    "universality": ("error", "universality"),
    "knobs": ("error", "by_knob"),
}
SWEPT = ("equivariance", "accuracy", "nero", "knobs")
"""The commands that take data types and generators of data."""
DTYPES = ("float32", "float64", "bfloat16", "tf32")
BATCH = 64
"""Samples of a problem of these commands: as many as the gate looks at."""


def _parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser. A question of a family or a profile takes the place of settings."""
    asked = any(word.partition("=")[0] in ("--family", "--profile") for word in argv)
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="What an operation can express, measured on its running implementations.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    registry = load_registry(question.named(argv)[1])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    summaries = {
        "expressivity": "Dimension and linear span of the bilinear maps that it can realise.",
        "interactability": "Reduced coefficient of every (l1, l2, l3), and whether it can couple.",
        "homs": "Dimension of what the weights span, of all linear or bilinear equivariant maps.",
        "convolution": "Rank of the maps along one edge, of all that are equivariant; its weights.",
        "equivariance": "Equivariance error over every subgroup and along every generator.",
        "accuracy": "Digits lost against the float64 oracle, by magnitude of the inputs.",
        "universality": "Fit of random equivariant polynomials of degree 1 to 4.",
        "nero": "Error along orbits, against the oracle and against the consensus.",
        "discrimination": "Which environments it tells apart: mirror images, rotors, chains.",
        "knobs": "Equivariance error at each value of the knob by which a symmetry is claimed.",
    }
    for name, summary in summaries.items():
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(usage=sub.format_help)
        swept = name in SWEPT
        sub.add_argument("--operation", required=swept, default="all")
        sub.add_argument(
            "--implementation",
            help="with or without `operation.`; default: all of a named operation",
        )
        if not swept:
            sub.add_argument(
                "--every",
                action="store_true",
                help="every implementation of all operations, not one for each",
            )
        if name == "expressivity":
            shown = sub.add_mutually_exclusive_group()
            shown.add_argument(
                "--channels", type=int, metavar="N", help="dimension of 1..N parallel channels"
            )
            shown.add_argument(
                "--irreps", action="store_true", help="each parity and irrep of the output alone"
            )
        if not asked:
            posing.add(sub, registry)
        if swept and not asked:
            sub.add_argument(
                "--dtype",
                dest="dtypes",
                action="append",
                choices=DTYPES,
                help="may be repeated; default: float32 and float64. tf32 needs --device cuda",
            )
            sub.add_argument("--data", default=None, help="generator of inputs; default: normal")
        sub.add_argument("--with", dest="files", action="append", default=[], metavar="FILE.py")
        sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
        sub.add_argument("--out", type=Path, metavar="DIR", help="default: reports/out/analysis")
        sub.add_argument("--format", choices=FORMATS, default="table")
        sub.add_argument("--plain", action="store_true", help="lines instead of a progress bar")
        question.add_question(
            sub, argv if argv[:1] == [name] else (), "", () if swept else ("channels",)
        )
    return parser


def _operations(arguments: argparse.Namespace, registry: Registry) -> list[str]:
    """Return the operation that is asked for, or all that the question can be put to."""
    if arguments.operation != "all":
        return [arguments.operation]
    if _is_asked(arguments):
        profile = question.profile_of(arguments, registry)
        blocks = profile.all_blocks(registry)
        found = {o.name: o for block in blocks for o in block.asked(registry)}
        return [name for name, o in sorted(found.items()) if _applies(arguments.command, o)]
    return [
        name
        for name, operation in sorted(registry.operations.items())
        if _applies(arguments.command, operation)
        and (family := registry.family(operation.family)).single is not None
        and _is_for(arguments, family, operation)
    ]


def _is_asked(arguments: argparse.Namespace) -> bool:
    """Return whether a family's question or a profile takes the place of settings."""
    return arguments.family is not None or arguments.profile is not None


def _is_for(arguments: argparse.Namespace, family: Family, operation: Operation) -> bool:
    """Return whether the words that are said fit a family's pose, or else an example."""
    said = posing.said(arguments)
    if family.pose is None:
        return bool(posing.examples(family, operation, said))
    try:
        return bool(posing.posed(family, said))
    except ValueError:  # words, or values of them, that are of other families
        return False


def _applies(command: str, operation: Operation) -> bool:
    if command == "homs":
        return any(degree == 1 for _, degree in operation.linear_in)
    if command == "convolution":
        return "src" in (operation.reads or ())
    return operation.coefficients is not None


def _cases(arguments: argparse.Namespace, registry: Registry) -> Iterator[Case]:
    operation = registry.operation(arguments.operation)
    for problem, target in _asked(arguments, registry):
        asked = _knobs(arguments, operation, registry)
        for turned in _turned(arguments.command, operation, problem, asked):
            cases = [
                Case(problem, i.full_name, "fwd", MODES[i.framework][0], target, {}, turned)
                for i in _implementations(operation, arguments.implementation, registry)
            ]
            if arguments.every:
                yield from cases
            elif cases:
                yield next((case for case in cases if refusal(case, registry) is None), cases[0])


def _turned(
    command: str, operation: Operation, problem: Problem, asked: Mapping[str, Any]
) -> Iterator[Mapping[str, Scalar]]:
    """Yield the knobs that are asked; for convolutions, where none is, the coarser ones too."""
    if command == "convolution" and not asked and operation.supports(problem) is None:
        for knob in operation.knobs:
            coarser = [value for value in knob.values(problem) if value != knob.default(problem)]
            yield from ({knob.name: value} for value in coarser)
    yield from knobs.settings(operation, problem, asked)


def _knobs(
    arguments: argparse.Namespace, operation: Operation, registry: Registry
) -> dict[str, Any]:
    """Return the values of knobs that are asked: on the command line, or by blocks of a profile."""
    if not _is_asked(arguments):
        return dict(question.knobs_of(arguments))
    blocks = question.profile_of(arguments, registry).blocks
    return {n: v for block in blocks if block.asks(operation) for n, v in block.knobs.items()}


def _implementations(
    operation: Operation, name: str | None, registry: Registry
) -> list[Implementation]:
    """Return the implementations in question; no peers, and NumPy, come first."""
    if name is not None:
        full = name if name.startswith(f"{operation.name}.") else f"{operation.name}.{name}"
        return [registry.implementation(full)]
    found = [i for i in registry.implementations_of(operation.name) if i.missing() is None]
    frameworks = list(MODES)
    return sorted(found, key=lambda i: (len(i.requires), frameworks.index(i.framework)))


def _problems(arguments: argparse.Namespace, registry: Registry) -> Iterator[Problem]:
    operation = registry.operation(arguments.operation)
    family = registry.family(operation.family)
    if _is_asked(arguments):
        yield from _asked_of(arguments, operation, registry)
        return
    said = posing.said(arguments)
    found = posing.examples(family, operation, said)
    if arguments.command not in SWEPT and family.single is not None:
        found = [replace(family.single(problem), dtype="float64") for problem in found]
        found = [problem for problem in found if operation.supports(problem) is None]
    if family.pose is not None and (not found or posing.answered(operation, family, said)):
        yield from posing.posed(family, said)
        return
    if not found:
        words = ", ".join(f"--{name} {text}" for name, text in said.items())
        raise ValueError(
            f"{operation.name} answers no example of family {family.name} with {words}; say less, "
            f"or ask it with --family {family.name}"
        )
    yield from dict.fromkeys(found)


def _asked_of(
    arguments: argparse.Namespace, operation: Operation, registry: Registry
) -> list[Problem]:
    """Return what is asked of an operation: as it is, or on as few entries as possible."""
    profile = question.profile_of(arguments, registry)
    found = [problem for problem, block in profile.asked(registry) if block.asks(operation)]
    if not found:
        raise ValueError(f"{operation.name} is not among those that are asked")
    single = registry.family(operation.family).single
    if arguments.command not in SWEPT and single is not None:
        found = [replace(single(problem), dtype="float64") for problem in found]
    return list(dict.fromkeys(found))


def _asked(arguments: argparse.Namespace, registry: Registry) -> Iterator[tuple[Problem, Target]]:
    target = Target(device=arguments.device)
    if arguments.command not in SWEPT or _is_asked(arguments):
        for problem in _problems(arguments, registry):
            yield problem, target
        return
    dtypes = arguments.dtypes or ("float32", "float64")
    if "tf32" in dtypes and arguments.device != "cuda":
        raise ValueError("--dtype tf32 is a mode of NVIDIA's tensor cores: use --device cuda")
    batch = registry.family(registry.operation(arguments.operation).family).batch
    for problem in _problems(arguments, registry):
        sized = problem.with_sizes(**{batch: BATCH}) if batch else problem
        if arguments.data is not None:
            sized = replace(sized, data=arguments.data)
        for dtype in dict.fromkeys(dtypes):
            if dtype == "tf32":
                yield replace(sized, dtype="float32"), replace(target, precision="tf32")
            else:
                yield replace(sized, dtype=dtype), target


def _plan(arguments: argparse.Namespace, registry: Registry) -> Plan:
    if getattr(arguments, "channels", None) is not None and arguments.channels < 1:
        raise ValueError(f"--channels must be at least 1, not {arguments.channels}")
    every = arguments.operation != "all" or arguments.every
    names = _operations(arguments, registry)
    known = sorted({knob.name for name in names for knob in registry.operation(name).knobs})
    for name in question.knobs_of(arguments):
        if name not in known:
            raise ValueError(f"--knob: {unknown('knob', name, known)} of what is asked")
    cases = [
        case
        for name in names
        for case in _cases(
            argparse.Namespace(**vars(arguments) | {"operation": name, "every": every}), registry
        )
    ]
    settings = Profile(("fwd",), 1, UNTIMED, 600.0, PROBES[arguments.command], shared=True)
    asked = []
    for one in planned_of(cases, registry):
        framework = registry.implementation(one.case.implementation).framework
        sources = _sources(arguments.command, framework)
        asked.append(replace(one, key=digest({"case": one.key, "sources": sources})))
    return Plan(f"analysis {arguments.command}", settings, asked)


@cache
def _sources(command: str, framework: Framework) -> dict[str, str]:
    """Return a hash of each module that analyses: what is changed is measured again."""
    known = probes.probes()
    measuring = {known[name].measure.__module__ for name in PROBES[command]}
    files = [Path(str(sys.modules[name].__file__)) for name in measuring]
    return hashes(closure([*files, FRAMEWORKS / f"{framework}.py"], ANALYSED))


def _results(
    arguments: argparse.Namespace, plan: Plan, registry: Registry, out: Path
) -> Iterator[dict[str, Any]]:
    rows = latest(load(out))
    for planned in plan.planned:
        columns = describe(planned.case, registry)
        family = registry.family(planned.case.problem.family)
        base = {"operation": columns["operation"], "implementation": columns["implementation"]}
        base |= {
            name.removeprefix("facet."): value
            for name, value in columns.items()
            if name.startswith("facet.") and name.removeprefix("facet.") not in family.axes[1:]
        }
        base |= {name: value for name, value in columns.items() if name.startswith("knob.")}
        if _is_asked(arguments) or family.pose is None:
            base["problem"] = columns["problem"]
        if arguments.command in SWEPT:
            base["dtype"] = "tf32" if columns["precision"] == "tf32" else columns["dtype"]
        mine = [row for row in rows if row["key"] == planned.key]
        found = list(_read(arguments, mine))
        yield from ({**base, **item} for item in found)
        ended = next((row for row in mine if row["probe"] == FINISHED), None)
        if not found and ended is not None:
            yield {
                **base,
                "status": ended["status"],
                "reason": ended["reason"] or "the question does not apply to it",
            }


_READERS = {
    "interactability": readers.interactability,
    "homs": readers.homs,
    "convolution": readers.convolution,
    "equivariance": readers.equivariance,
    "accuracy": readers.accuracy,
    "discrimination": readers.discrimination,
    "nero": readers.nero,
    "universality": readers.universality,
    "knobs": readers.knobs,
}


def _read(arguments: argparse.Namespace, rows: list[Any]) -> Iterator[dict[str, Any]]:
    if arguments.command in _READERS:
        return _READERS[arguments.command](rows)
    if arguments.channels is not None:
        return readers.channels(rows, arguments.channels)
    return readers.outputs(rows) if arguments.irreps else readers.expressivity(rows)


def _run(arguments: argparse.Namespace) -> int:
    registry = load_registry(arguments.files)
    plan = _plan(arguments, registry)
    out = (arguments.out or Path("reports/out/analysis")) / arguments.command
    with progress.shown(len(plan.planned), arguments.plain) as (events, _):
        execute(
            plan,
            registry,
            out,
            files=arguments.files,
            command=shlex.join(["python", "-m", "analysis", *sys.argv[1:]]),
            events=events,
        )
    results = list(_results(arguments, plan, registry, out))
    print(render(results, arguments.format))
    failed = [r for r in results if r.get("status", "skip") != "skip" or _disagrees(r)]
    return 1 if failed else 0


def _disagrees(result: dict[str, Any]) -> bool:
    pairs = (("dim", "expected_dim"), ("span", "expected_span"), ("interactable", "expected"))
    failed = result.get("passed") is False
    return failed or any(b in result and result.get(a) != result[b] for a, b in pairs)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)

    def run() -> int:
        arguments, rest = _parser(words).parse_known_args(words)
        question.refuse(rest, arguments)
        return _run(arguments)

    return ended(run)


if __name__ == "__main__":
    sys.exit(main())
