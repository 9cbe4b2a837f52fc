"""Advice: which product for given irreps, from what was measured nearest to them; never further.

The grid has a `Spot` for every problem and pass of a run that has times, with the best
implementation of each operation. What is asked is held against all spots of its family and
machine; the nearest answers, and the distance is said. No time is scaled to another shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import log2
from typing import Any

from impls.problem import Problem
from impls.registry import Registry
from impls.so3.irreps import Irreps
from reports.data.blocks import Block, compared, judged
from reports.data.expressivity import Expressivity
from reports.data.losses import NO_CROSS, NOTHING, derivable, lost
from reports.data.results import Result, timed
from reports.data.run import Run
from reports.data.series import operations
from reports.data.symmetry import asked as symmetries
from reports.data.symmetry import broken, words
from reports.data.text import listing, number
from reports.data.words import Words

FAMILIES: Mapping[str, tuple[tuple[str, str, str], str]] = {
    "product": (("irreps_in1", "irreps_in2", "irreps_out"), "batch"),
    "points": (("irreps_node", "irreps_edge", "irreps_out"), "edges"),
}
"""Families that are advised on: their irreps, and the facet that counts what is multiplied."""
NEAR = 2.0
"""Doublings up to which the nearest spot is called near, if it has the same pass."""
NEEDS = {
    "parity": "must keep inversion",
    "cross-product": "must be able to form a cross product",
    "every-path": "must have every path, each with a weight of its own",
}


@dataclass(frozen=True)
class Choice:
    """The best implementation of an operation at a spot, and what the operation gives up.

    `speeds` are the verdicts on it beside each that gives up nothing, by its operation.
    """

    operation: str
    title: str
    implementation: str
    label: str
    seconds: float
    time: str
    loses: tuple[str, ...]
    breaks: tuple[str, ...]
    broken: str
    dim: float | None
    full: float | None
    derivable: bool
    baseline: str
    speeds: Mapping[str, str] = field(default_factory=dict)

    def fails(self, needs: Iterable[str]) -> str:
        """Return why it does not serve some needs, or an empty string.

        What breaks a symmetry that the irreps ask for serves none.
        """
        if self.breaks:
            return self.broken
        for need in needs:
            if need == "cross-product" and NO_CROSS in self.loses:
                return NO_CROSS
            if need == "every-path" and not self.complete:
                return "; ".join(self.loses) or "expresses less, or it is not known what"
        return ""

    @property
    def complete(self) -> bool:
        """Return whether it gives up nothing, as measured or, failing that, as derived."""
        if self.breaks or self.loses:
            return False
        return self.dim == self.full if self.dim is not None and self.full else self.derivable


@dataclass(frozen=True)
class Spot:
    """One problem and pass of a run, with what it takes to find it again."""

    family: str
    irreps: tuple[str, str, str]
    channels: int
    count: int
    parity: bool
    pass_: str
    dtype: str
    device: str
    machine: str
    run: str
    sha256: str
    anchor: str
    problem: str
    rounds: int
    clock: str
    choices: tuple[Choice, ...]

    @property
    def record(self) -> dict[str, Any]:
        """Return plain data, for the form of a page."""
        choices = [asdict(c) | {"complete": c.complete} for c in self.choices]
        return asdict(self) | {"choices": choices}


@dataclass(frozen=True)
class Question:
    """What is asked: irreps of both features and of the output, one copy each, and how many."""

    family: str
    irreps: tuple[Irreps, Irreps, Irreps]
    channels: int
    count: int | None
    pass_: str = "fwd"
    needs: tuple[str, ...] = ()
    dtype: str = "float32"

    @property
    def parity(self) -> bool:
        """Return whether the irreps have parity."""
        return bool(self.irreps[0].parity)


@dataclass(frozen=True)
class Advice:
    """The answer on one machine: the spot that answers, how far away it is, and the choices.

    `answer` gives up nothing that is needed, `cheaper` are not dominated and give something up,
    `excluded` are choices with the need that they do not serve.
    """

    question: Question
    spot: Spot
    distance: float
    differs: tuple[str, ...]
    answer: Choice | None
    cheaper: tuple[Choice, ...]
    excluded: tuple[tuple[Choice, str], ...]

    @property
    def sure(self) -> str:
        """Return how sure it is, in words."""
        if not self.differs:
            return "measured at this shape"
        far = f"{self.distance:.1f} doublings away"
        same = self.question.pass_ == self.spot.pass_
        near = "near" if same and self.distance <= NEAR else "far"
        return f"{near}, not at this shape ({far}): {'; '.join(self.differs)}"


def channels_of(text: str, name: str) -> tuple[int, Irreps]:
    """Return (channels, one copy of each irrep) of e3nn's notation.

    >>> channels, irreps = channels_of("128x0e+128x1o", "--irreps-node")
    >>> channels, str(irreps)
    (128, '1x0e+1x1o')

    Raises:
        ValueError: for multiplicities that differ, with the remedy.
    """
    irreps = Irreps.parse(text)
    copies = sorted({n for n, _ in irreps})
    if len(copies) > 1:
        raise ValueError(
            f"{name} {text}: {listing(map(str, copies))} copies, and what is measured has as many "
            f"channels of each: ask with {copies[0]} and with {copies[-1]}, which bound it"
        )
    return (copies[0] if copies else 1), Irreps(tuple((1, ir) for _, ir in irreps))


def question_of(problem: Problem, count: int | None, pass_: str, needs: Sequence[str]) -> Question:
    """Return a problem of a family that is advised on as a question.

    Raises:
        ValueError: for a need that is unknown, or of inversion where irreps have no parity.
    """
    names, _ = FAMILIES[problem.family]
    for need in needs:
        if need not in NEEDS:
            raise ValueError(f"unknown need {need!r}: choose from {', '.join(NEEDS)}")
    first, second, out = (Irreps.parse(str(problem.sizes[name])) for name in names)
    channels = int(str(problem.sizes["channels"]))
    if "parity" in needs and not first.parity:
        raise ValueError(f"{first} has no parity to keep: write it as 0e+1o, or leave parity out")
    return Question(problem.family, (first, second, out), channels, count, pass_, tuple(needs))


def grid(
    run: Run,
    blocks: Sequence[Block],
    can: Expressivity,
    registry: Registry,
    name: str = "",
    most: int | None = None,
) -> list[Spot]:
    """Return the spots of a run: of a problem whose rows do not say its irreps there is none.

    At `most` so many: those at which most operations have a time.
    """
    found = [
        (block, irreps)
        for block in blocks
        if any(r.published for r in block.results) and (irreps := _irreps(block))
    ]
    largest = sorted(found, key=lambda item: -len(operations(item[0])))[:most]
    kept = {id(block) for block, _ in largest}
    return [
        _spot(run, block, irreps, can, registry, name or run.directory.name)
        for block, irreps in found
        if id(block) in kept
    ]


def _irreps(block: Block) -> tuple[Irreps, Irreps, Irreps] | None:
    """Return the irreps that the rows of a block say; rows may be old, or come from others."""
    names, _ = FAMILIES.get(_family(block), ((), ""))
    columns = block.results[0].columns
    try:
        found = [Irreps.parse(str(columns[f"size.{name}"])) for name in names]
    except (KeyError, ValueError):
        return None
    return (found[0], found[1], found[2]) if found and all(found) else None


def _family(block: Block) -> str:
    return str(block.results[0].columns.get("family"))


def _spot(
    run: Run,
    block: Block,
    irreps: tuple[Irreps, Irreps, Irreps],
    can: Expressivity,
    registry: Registry,
    name: str,
) -> Spot:
    first = block.results[0]
    _, counted = FAMILIES[_family(block)]
    read = Words(registry)
    best = {operation: found[0] for operation, found in operations(block).items()}
    return Spot(
        family=_family(block),
        irreps=(str(irreps[0]), str(irreps[1]), str(irreps[2])),
        channels=_whole(first.columns.get("size.channels"), 1),
        count=_whole(first.get(counted), 0),
        parity=bool(irreps[0].parity),
        pass_=str(first.columns.get("pass")),
        dtype=str(first.columns.get("dtype")),
        device=str(first.columns.get("device")),
        machine=run.machine,
        run=name,
        sha256=run.sha256,
        anchor=block.anchor,
        problem=read.problem(first),
        rounds=min(len(r.rounds) for r in best.values()),
        clock=block.clock.name,
        choices=_choices(block, best, can, registry, read),
    )


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _choices(
    block: Block, best: Mapping[str, Result], can: Expressivity, registry: Registry, read: Words
) -> tuple[Choice, ...]:
    """Return the best of each operation, with its speed beside each that gives up nothing.

    A speed counts all results that both were chosen from.
    """
    wanted, against = symmetries(block.results), judged(block)
    found = []
    for operation, r in best.items():
        gone = broken(r, wanted)
        verdict = against.get(r.label)
        found.append(
            Choice(
                operation=operation,
                title=read.operation(operation),
                implementation=read.implementation(r),
                label=r.label,
                seconds=r.time or 0.0,
                time=timed(r),
                loses=tuple(lost(registry, operation, [words([group]) for group in gone])),
                breaks=tuple(gone),
                broken=f"breaks {words(gone)}" if gone else "",
                dim=can.dim(r),
                full=None if gone else can.full(r),
                derivable=derivable(registry, operation),
                baseline="the baseline" if r is block.baseline else str(verdict or ""),
            )
        )
    sizes = {operation: len(those) for operation, those in operations(block).items()}
    whole = [c.operation for c in found if c.complete]
    pairs = [(c.operation, b) for c in found for b in whole if c.operation != b]
    told = compared(
        [(best[a], best[b]) for a, b in pairs], sum(sizes[a] * sizes[b] for a, b in pairs)
    )
    speeds: dict[str, dict[str, str]] = {name: {} for name in best}
    for (a, b), each in zip(pairs, told, strict=True):
        speeds[a][b] = str(each.verdict or "no round in common")
    made = [replace(c, speeds=speeds[c.operation]) for c in found]
    return tuple(sorted(made, key=lambda c: (c.seconds, c.label)))


def away(question: Question, spot: Spot) -> tuple[float, tuple[str, ...]]:
    """Return how many doublings a spot is away, and in what it differs, in words.

    Doublings of the dimension of each irreps, of the channels, and of samples or edges where these
    were asked. Other irreps of the same dimension are half a doubling away.
    """
    distance, differs = 0.0, []
    names, counted = FAMILIES[question.family]
    for name, mine, text in zip(names, question.irreps, spot.irreps, strict=True):
        theirs = Irreps.parse(text)
        if set(mine) != set(theirs):
            distance += max(0.5, abs(log2(mine.dim / theirs.dim)))
            differs.append(f"{name} {_short(theirs)} measured, {_short(mine)} asked")
    sizes = (("channels", question.channels, spot.channels), (counted, question.count, spot.count))
    for name, asked, measured in sizes:
        if asked and measured and asked != measured:
            distance += abs(log2(asked / measured))
            differs.append(f"{name} {number(measured)} measured, {number(asked)} asked")
    if question.pass_ != spot.pass_:
        differs.append(f"pass {spot.pass_} measured, {question.pass_} asked")
    return distance, tuple(differs)


def _short(irreps: Irreps) -> str:
    return "+".join(str(ir) for _, ir in irreps)


def advise(question: Question, spots: Iterable[Spot]) -> Advice | None:
    """Return the advice of the nearest spot; None where nothing of this kind was measured.

    A spot of the same pass comes before all others, and irreps with parity never answer for those
    without.
    """
    fitting = [
        (spot.pass_ != question.pass_, *away(question, spot), spot)
        for spot in spots
        if spot.family == question.family
        and spot.parity == question.parity
        and spot.dtype == question.dtype
    ]
    if not fitting:
        return None
    _, distance, differs, spot = min(fitting, key=lambda item: (item[0], item[1], -item[3].rounds))
    failed = [(c, why) for c in spot.choices if (why := c.fails(question.needs))]
    kept = [c for c in spot.choices if not c.fails(question.needs)]
    answer = next((c for c in kept if c.complete), None)
    cheaper = [
        c
        for c in kept
        if c is not answer
        and not any(_dominates(other, c) for other in kept)
        and (answer is None or c.seconds < answer.seconds)
    ]
    return Advice(question, spot, distance, differs, answer, tuple(cheaper), tuple(failed))


def _dominates(a: Choice, b: Choice) -> bool:
    """Return whether a takes no longer and gives up no more than b, and is better in one."""
    if a is b or a.seconds > b.seconds or not set(a.loses) <= set(b.loses):
        return False
    if a.dim is not None and b.dim is not None and a.dim < b.dim:
        return False
    same = a.seconds == b.seconds and set(a.loses) == set(b.loses) and a.dim == b.dim
    return not same


def gives_up(choice: Choice) -> str:
    """Return what a choice gives up, in words, with its dimension where it was measured."""
    said = [*choice.loses] or ([NOTHING] if choice.complete else ["not known"])
    if choice.dim is not None:
        of = f" of {choice.full:g}" if choice.full else ""
        said.append(f"{choice.dim:g}{of} dimensions")
    return "; ".join(said)


def untimed(question: Question, spot: Spot, registry: Registry, read: Words) -> list[str]:
    """Return operations of the family that have no time at a spot."""
    there = {c.operation for c in spot.choices}
    known = registry.operations.items()
    return [read.operation(n) for n, o in known if o.family == question.family and n not in there]
