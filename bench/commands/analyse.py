"""`bench analyse`: what an operation expresses, how symmetric and how exact it is.

Asks the measuring engine to run its probes on the smallest problems, so that torch and JAX stay in
processes of their own and the rows land in a store; what the same code has measured before, in the
same environment, is not run again. The analyses are those that the modules of `measuring/probes`
declare. `python -m analysis` is another door to the same commands.
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
from types import ModuleType
from typing import Any

from bench.ask import knobs
from bench.ask.plan import Plan, planned_of
from bench.ask.profile import UNTIMED, Profile
from bench.commands import posing, progress, question
from bench.commands.command import Command, Help, add_files, add_format
from bench.commands.rendering import render
from bench.drive.run import execute
from bench.measuring import probes
from bench.measuring.probes import Analysis
from bench.record.case import Case, describe, digest, refusal
from bench.record.fingerprint import ANALYSED, FRAMEWORKS, closure, hashes
from bench.record.rows import FINISHED, TIMED, latest, load
from impls.family import Family
from impls.implementation import MODES, Framework, Implementation, Target
from impls.inputs import sets
from impls.near import unknown
from impls.operation import Operation
from impls.problem import Problem, Scalar
from impls.registry import Registry
from impls.registry import load as load_registry

DTYPES = ("float32", "float64", "bfloat16", "tf32")
BATCH = 64
"""Samples of a problem of these commands: as many as the gate looks at."""
HELP = Help(
    examples=("python -m bench analyse expressivity --lmax 3",),
    gives=(
        "A line for each operation and question: what is measured, what is derived of the "
        "operation, and whether the two agree; `skip` where the question does not apply."
    ),
    then=(
        "python -m bench analyse ANALYSIS --help has the options of each; docs/expressivity.md and "
        "docs/symmetry.md say what the numbers mean."
    ),
)
CODES = "exit codes: 0 done, 1 a probe failed or disagrees with what is derived, 2 bad arguments"
SAID = "options that were said"
"""Where a parsed line has them, under a name that no option has."""


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Add a command for each analysis; a family or a profile takes the place of poses."""
    words = argv[1:]
    registry = load_registry(question.named(words)[1]) if argv else None
    known = probes.analyses(registry.plugins if registry else ()).values()
    lines = [f"python -m bench analyse {one.name} {one.example}" for one in known]
    replace(HELP, examples=tuple(lines)).give(parser, CODES)
    asked = any(word.partition("=")[0] in ("--family", "--profile") for word in words)
    named = parser.add_subparsers(dest="analysis", required=True, metavar="ANALYSIS")
    for one, example in zip(known, lines, strict=True):
        sub = named.add_parser(one.name, help=one.summary, description=one.summary)
        sub.register("action", None, Once)
        Help((example,), one.gives, one.then).give(sub, CODES)
        sub.set_defaults(usage=sub.format_help, one=one)
        sub.add_argument("--operation", required=one.swept, default="all")
        sub.add_argument(
            "--implementation",
            help="with or without `operation.`; default: all of a named operation",
        )
        if one.swept:
            sub.set_defaults(every=False)
        else:
            sub.add_argument(
                "--every",
                action="store_true",
                help="every implementation of all operations, not one for each",
            )
        if not asked and registry is not None:
            posing.add(sub, registry)
        if one.swept and not asked:
            sub.add_argument(
                "--dtype",
                dest="dtypes",
                action="append",
                choices=DTYPES,
                help="may be repeated; default: float32 and float64. tf32 needs --device cuda",
            )
            sub.add_argument(
                "--data",
                action="append",
                help="generator of inputs, may be repeated; default: that of what is asked",
            )
        _add_views(sub, one, asked)
        add_files(sub)
        sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
        sub.add_argument("--out", type=Path, metavar="DIR", help="default: reports/out/analysis")
        add_format(sub)
        sub.add_argument("--plain", action="store_true", help="lines instead of a progress bar")
        question.add_question(sub, words if list(words[:1]) == [one.name] else (), "")


class Once(argparse.Action):
    """What an option does that has one value: said twice it is refused, not the last kept."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Keep the value.

        Raises:
            ArgumentError: when there is one already.
        """
        said: set[str] = namespace.__dict__.setdefault(SAID, set())
        if self.dest in said:
            first = getattr(namespace, self.dest)
            raise argparse.ArgumentError(self, f"said twice, {first} and {values}: say it once")
        said.add(self.dest)
        setattr(namespace, self.dest, values)


def _add_views(parser: argparse.ArgumentParser, one: Analysis, asked: bool) -> None:
    """Add a flag for each other reading; former spellings where no family has the word."""
    if not one.views:
        return
    views = parser.add_mutually_exclusive_group()
    for view in one.views:
        flags = [f"--{view.flag}", *([f"--{view.former}"] if view.former and not asked else [])]
        if view.counts:
            views.add_argument(*flags, dest=view.flag, type=int, metavar="N", help=view.help)
        else:
            views.add_argument(*flags, dest=view.flag, action="store_true", help=view.help)


def _operations(arguments: argparse.Namespace, registry: Registry) -> list[str]:
    """Return the operation that is asked for, or all that the question can be put to."""
    if arguments.operation != "all":
        return [arguments.operation]
    if _is_asked(arguments):
        profile = question.profile_of(arguments, registry)
        blocks = profile.all_blocks(registry)
        found = {o.name: o for block in blocks for o in block.asked(registry)}
        return [name for name, o in sorted(found.items()) if _analysis(arguments).applies(o)]
    return [
        name
        for name, operation in sorted(registry.operations.items())
        if _analysis(arguments).applies(operation)
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
    except posing.Unfit:
        return False


def _analysis(arguments: argparse.Namespace) -> Analysis:
    one: Analysis = arguments.one
    return one


def _cases(arguments: argparse.Namespace, registry: Registry) -> Iterator[Case]:
    operation = registry.operation(arguments.operation)
    for problem, target in _asked(arguments, registry):
        asked = _knobs(arguments, operation, registry)
        for turned in _turned(_analysis(arguments), operation, problem, asked):
            cases = [
                Case(problem, i.full_name, "fwd", MODES[i.framework][0], target, {}, turned)
                for i in _implementations(operation, arguments.implementation, registry)
            ]
            if arguments.every:
                yield from cases
            elif cases:
                yield next((case for case in cases if refusal(case, registry) is None), cases[0])


def _turned(
    one: Analysis, operation: Operation, problem: Problem, asked: Mapping[str, Any]
) -> Iterator[Mapping[str, Scalar]]:
    """Yield the knobs that are asked; where none is, and it goes by knob, coarser ones too."""
    if one.by_knob and not asked and operation.supports(problem) is None:
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
    if not _analysis(arguments).swept and family.single is not None:
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
    if arguments.alone:
        posing.refuse_unmet(family, operation, found, said)
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
    if not _analysis(arguments).swept and single is not None:
        found = [replace(single(problem), dtype="float64") for problem in found]
    return list(dict.fromkeys(found))


def _asked(arguments: argparse.Namespace, registry: Registry) -> Iterator[tuple[Problem, Target]]:
    target = Target(device=arguments.device)
    if not _analysis(arguments).swept or _is_asked(arguments):
        for problem in _problems(arguments, registry):
            yield problem, target
        return
    dtypes = arguments.dtypes or ("float32", "float64")
    if "tf32" in dtypes and arguments.device != "cuda":
        raise ValueError("--dtype tf32 is a mode of NVIDIA's tensor cores: use --device cuda")
    family = registry.family(registry.operation(arguments.operation).family)
    batch = family.batch
    problems = list(_problems(arguments, registry))
    sized_all = [p.with_sizes(**{batch: BATCH}) if batch else p for p in problems]
    drawn = [p for data in arguments.data or (None,) for p in _drawn(sized_all, data, family)]
    for sized in dict.fromkeys(drawn):
        for dtype in dict.fromkeys(dtypes):
            if dtype == "tf32":
                yield replace(sized, dtype="float32"), replace(target, precision="tf32")
            else:
                yield replace(sized, dtype=dtype), target


def _drawn(problems: list[Problem], data: str | None, family: Family) -> list[Problem]:
    """Return problems with another generator of data.

    Raises:
        ValueError: when the family draws none of them so.
    """
    if data is None:
        return problems
    found = [replace(problem, data=data) for problem in problems]
    refused = [why for problem in found if (why := family.check(problem)) is not None]
    if len(refused) == len(found):
        raise ValueError(f"--data {data}: {refused[0]}")
    return found


def _plan(arguments: argparse.Namespace, registry: Registry) -> Plan:
    one = _analysis(arguments)
    for view in one.views:
        number = getattr(arguments, view.flag)
        if view.counts and number is not None and number < 1:
            raise ValueError(f"--{view.flag} must be at least 1, not {number}")
    alone = arguments.operation != "all"
    asked_so = {"alone": alone, "every": alone or arguments.every}
    names = _operations(arguments, registry)
    known = sorted({knob.name for name in names for knob in registry.operation(name).knobs})
    for name in question.knobs_of(arguments):
        if name not in known:
            raise ValueError(f"--knob: {unknown('knob', name, known)} of what is asked")
    cases = [
        case
        for name in names
        for case in _cases(
            argparse.Namespace(**vars(arguments) | asked_so | {"operation": name}), registry
        )
    ]
    settings = Profile(("fwd",), 1, UNTIMED, 600.0, one.probes, shared=True)
    asked = []
    for planned in planned_of(cases, registry):
        framework = registry.implementation(planned.case.implementation).framework
        sources = _sources(one.name, framework, *registry.plugins)
        content = {"case": planned.key, "sources": sources, **_here(one)}
        asked.append(replace(planned, key=digest(content)))
    return Plan(f"analysis {one.name}", settings, asked)


def _here(one: Analysis) -> dict[str, list[str]]:
    """Return the sets of data of an analysis that are here, where it asks any."""
    here = [name for name in one.data if sets.named(name).missing() is None]
    return {"data": here} if here else {}


@cache
def _sources(analysis: str, framework: Framework, *plugins: ModuleType) -> dict[str, str]:
    """Return a hash of each module that analyses: what is changed is measured again."""
    known, named = probes.probes(plugins), probes.analyses(plugins)[analysis].probes
    measuring = {known[name].measure.__module__ for name in named}
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
        if _analysis(arguments).swept:
            base["dtype"] = "tf32" if columns["precision"] == "tf32" else columns["dtype"]
        mine = [row for row in rows if row["key"] == planned.key]
        found = list(_read(arguments, mine))
        yield from ({**base, **item} for item in found)
        ended = next((row for row in mine if row["probe"] == FINISHED), None)
        if not found and ended is not None:
            yield base | _unanswered(ended, mine)


def _unanswered(ended: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how a case ended of which nothing was answered: right is no answer, but a skip."""
    if ended["status"] not in TIMED:
        return {"status": ended["status"], "reason": ended["reason"]}
    why = next((row["reason"] for row in rows if row["status"] == "skip"), "")
    return {"status": "skip", "reason": why or "the question does not apply to it"}


def _read(arguments: argparse.Namespace, rows: list[Any]) -> Iterator[dict[str, Any]]:
    one = _analysis(arguments)
    for view in one.views:
        said = getattr(arguments, view.flag)
        if said:
            return view.read(rows, int(said))
    return one.read(rows)


def _run(arguments: argparse.Namespace) -> int:
    registry = load_registry(arguments.files)
    posing.refuse_large(arguments)
    plan = _plan(arguments, registry)
    operations = len({planned.case.implementation.partition(".")[0] for planned in plan.planned})
    if arguments.format == "table":
        print(f"{len(plan.planned)} question(s) to {operations} operation(s)", file=sys.stderr)
    out = (arguments.out or Path("reports/out/analysis")) / arguments.analysis
    with progress.shown(len(plan.planned), arguments.plain) as (events, _):
        execute(
            plan,
            registry,
            out,
            files=arguments.files,
            command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
            events=events,
        )
    results = list(_results(arguments, plan, registry, out))
    print(render(results, arguments.format))
    failed = [r for r in results if r.get("status", "skip") != "skip" or _disagrees(r)]
    return 1 if failed else 0


def _disagrees(result: dict[str, Any]) -> bool:
    """Return whether a line failed, or something measured is not what was expected of it."""
    expected = {name: name.removeprefix("expected_") for name in result if "expected_" in name}
    wrong = any(result[name] != result.get(found) for name, found in expected.items())
    return wrong or result.get("passed") is False


COMMAND = Command(
    "analyse",
    "What operations can express, how symmetric and how exact they are.",
    HELP,
    _add,
    _run,
)
