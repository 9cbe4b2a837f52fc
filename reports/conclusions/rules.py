"""The rules: each a function that makes sentences of what was measured, or says what it lacks.

Adding a rule is adding a function under `@rule`. It is given the `Question` of the page and yields
Sentences in the order in which they are read: decided, where the rows carry it at the level of all
tables (`analysis.verdict`), else withheld with the reason. A rule that has nothing to speak of
yields nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from analysis.verdict import ROUNDS, Verdict, in_turn, verdicts
from analysis.verdict import verdict as kind_of
from reports.conclusions.question import Question, Sentence, beside, carried, rounds_of
from reports.data.blocks import Block, Compared, compared, pairs_of
from reports.data.losses import derivable, lost
from reports.data.results import Result, timed
from reports.data.series import Series, operations, partial, quickest, whole
from reports.data.symmetry import asked, broken, keeping, words
from reports.data.text import listing, scientific

Rule = Callable[[Question], Iterator[Sentence]]
RULES: dict[str, Rule] = {}
MOST = 6
"""Decided sentences that a page opens with."""
FEW = 3
"""Names of a list in a sentence, before how many more there are."""
RIVALS = (("gaunt", "clebsch_gordan"),)
"""Pairs of operations of which papers say that the first is faster."""


def rule(function: Rule) -> Rule:
    """Register a rule under the name of its function."""
    RULES[function.__name__.replace("_", "-")] = function
    return function


def conclude(question: Question) -> tuple[list[Sentence], list[Sentence]]:
    """Return what is decided, at most MOST sentences, and what is not."""
    said = [sentence for make in RULES.values() for sentence in make(question)]
    return [s for s in said if s.decided][:MOST], [s for s in said if not s.decided]


@rule
def everything(q: Question) -> Iterator[Sentence]:
    """Who is fastest of those that keep every symmetry and every path, and by how much."""
    _, block = q.main.headline
    kept = words(asked(block.results))
    lead = f"To keep every path, and {kept}" if kept else "To keep every path"
    found = whole(block, q.can, q.registry)
    best = quickest(found)
    if best is None:
        would = _complete(q, block)
        more = f"; {_some(would)} would, and was not timed" if would else ""
        yield q.missing("everything", lead, f"nothing timed here has all, at {q.at}{more}", block)
        return
    name = f"{q.words.both(best)}, {timed(best)} at {q.at}"
    others = [r for r in found if r is not best]
    against = _against(q, block, best)
    if against is None:
        yield _among(q, "everything", lead, name, best, others, block)
        return
    if not against:
        yield q.withheld(
            "everything", lead, f"{name} beside the baseline {beside(block, best)}",
            rounds_of(best, *_baseline(block)), block,
        )  # fmt: skip
        return
    nearest, near = _told(best, others)
    more = _other_passes(q, best)
    if nearest and nearest.b is not block.baseline:
        more += f"; {_the_next(q, nearest)}"
    text = f"{name}; {against}{more}{_ties(q, near)}{_derived(q, best)}."
    yield Sentence("everything", lead, text, (block.anchor,))


@rule
def cheaper(q: Question) -> Iterator[Sentence]:
    """Who is fastest of those that give up something, what that is, and how much it saves."""
    _, block = q.main.headline
    less, everything = partial(block, q.can, q.registry), whole(block, q.can, q.registry)
    best, reference = quickest(less), quickest(everything)
    if best is None or reference is None:
        return
    name = str(best.columns.get("operation"))
    loses = "; it ".join(lost(q.registry, name)) or "expresses less"
    lead = "If you can give something up"
    (each,) = compared([(best, reference)], len(less) * len(everything))
    dim, full = q.can.dim(best), q.can.full(best)
    dims = "" if dim is None or full is None else f"It has {dim:g} of {full:g} dimensions; "
    said = f"{q.words.both(best)}, {timed(best)} at {q.at}"
    other = f"against {q.words.both(reference)}, which keeps all"
    if not carried(each.verdict):
        why = f"{said}, {other}: {each.verdict or 'no round in common'}"
        yield q.withheld("cheaper", lead, why, rounds_of(best, reference), block)
        return
    text = f"{said}; {other}: {each.verdict}. {dims}{'it' if dims else 'It'} {loses}."
    yield Sentence("cheaper", lead, text, (block.anchor,))


@rule
def crossover(q: Question) -> Iterator[Sentence]:
    """From which size one operation beats another, forward and with gradients."""
    for a, b in RIVALS:
        lead = f"Is the {q.words.operation(a)} faster than the {q.words.operation(b)}?"
        yield from _by_size(q, "crossover", lead, a, b, lambda v, r, s: v)


@rule
def per_dimension(q: Question) -> Iterator[Sentence]:
    """Whether the one that is faster is so for each dimension of what it can express, too."""

    def shared(v: Verdict, r: Result, s: Result) -> Verdict | None:
        first, second = q.can.dim(r), q.can.dim(s)
        return _scaled(v, first / second) if first and second else None

    for a, b in RIVALS:
        lead = f"And for each dimension that it can express ({q.words.operation(a)})?"
        yield from _by_size(q, "per-dimension", lead, a, b, shared)


@rule
def symmetry(q: Question) -> Iterator[Sentence]:
    """Which operations break a symmetry that the problem asks for: a warning for each symmetry."""
    _, block = q.main.headline
    wanted = asked(block.results)
    sound = keeping(block.results)
    fastest = quickest(sound)
    found: dict[tuple[str, ...], list[Result]] = {}
    for results in operations(block).values():
        gone = [group for group in wanted if all(group in broken(r, wanted) for r in results)]
        seen = tuple(g for g in gone if any(f"equiv.{g}" in r.measures for r in results))
        found.setdefault(seen, []).extend(results)
    for seen, results in found.items():
        if not seen:
            continue
        names = list(dict.fromkeys(q.words.operation(r.columns.get("operation")) for r in results))
        errors = [
            m.value
            for r in results
            for g in seen
            if (m := r.measures.get(f"equiv.{g}")) and m.value is not None
        ]
        worst = scientific(max(errors, default=0.0))
        worst = worst if len(names) == 1 else f"up to {worst}"
        best = quickest(results)
        tempting = ""
        if best and fastest:
            (each,) = compared([(best, fastest)], len(results) * len(sound))
            if each.verdict and each.verdict.kind == "faster":
                one = "it" if len(names) == 1 else q.words.both(best)
                tempting = f", though {one} takes less time than {q.words.both(fastest)}: "
                tempting += str(each.verdict)
        yield Sentence(
            "symmetry",
            "Warning",
            f"{_some(names)} {'breaks' if len(names) == 1 else 'break'} {words(seen)}, which the "
            f"problem asks for (relative error {worst} at {q.at}): never named as fastest"
            f"{tempting}.",
            (block.anchor,),
        )


@rule
def falling_cost(q: Question) -> Iterator[Sentence]:
    """What takes less time at a larger size than at a smaller one, beyond both intervals.

    Intervals hold together for all sizes of all questions as one table.
    """
    every = [q.main, *q.others]
    sure = _speeds([r for s in every for name in s.passes for _, _, r in _along(s.blocks[name])])
    for series in every:
        found: dict[str, list[str]] = {}
        anchors: list[str] = []
        for name in series.passes:
            for (label, small, low), (other, large, high) in pairwise(_along(series.blocks[name])):
                slow, fast = sure.get(id(low)), sure.get(id(high))
                if label != other or not (slow and fast and fast.lo > slow.hi):
                    continue
                sizes = [q.words.size(series.axis, size) for size in (small, large)]
                said = f"{timed(high)} at {sizes[1]}, but {timed(low)} at {sizes[0]}"
                said += "" if fast.replicated and slow.replicated else ", not replicated"
                found.setdefault(q.words.both(low), []).append(f"{q.words.pass_(name)} {said}")
                anchors.append(series.blocks[name][large].anchor)
        for label, cases in found.items():
            text = f"{label} takes {'; '.join(cases)}: the smaller size may run on slower code, "
            text += "and gain by padding to the larger."
            yield Sentence("falling-cost", "Cost that goes down with size", text, tuple(anchors))


@rule
def elsewhere(q: Question) -> Iterator[Sentence]:
    """Who is fastest in another question with a baseline: the best replicated, then the largest."""

    def rank(item: tuple[Series, Block]) -> tuple[int, int]:
        rounds = [len(r.rounds) for r in item[1].results if r.published]
        return -min(min(rounds), ROUNDS), -len(item[1].results)

    found = [(s, s.headline[1]) for s in q.others]
    judged = [(s, b) for s, b in found if b.baseline and keeping(b.results)]
    for series, block in sorted(judged, key=rank)[:1]:
        best = quickest(keeping(block.results))
        against = best and _against(q, block, best)
        if not best or against is None:
            continue
        kind, _, asked_for = q.words.problem(series.first).partition(": ")
        lead = f"Also asked, {kind}"
        name = f"{q.words.both(best)}, {timed(best)} ({asked_for})"
        if against:
            yield Sentence("elsewhere", lead, f"{name}; {against}.", (block.anchor,))
        else:
            why = f"{name} beside the baseline {beside(block, best)}"
            rounds = rounds_of(best, *_baseline(block))
            yield q.withheld("elsewhere", lead, why, rounds, block)


def _complete(q: Question, block: Block) -> list[str]:
    """Return the operations of the family that couple every path, and have no time here."""
    family = block.results[0].columns.get("family")
    return [
        q.words.operation(name)
        for name, known in q.registry.operations.items()
        if known.family == family
        and name not in operations(block)
        and derivable(q.registry, name)
        and not lost(q.registry, name)
    ]


def _baseline(block: Block) -> list[Result]:
    return [block.baseline] if block.baseline else []


def _against(q: Question, block: Block, best: Result) -> str | None:
    """Return how a result compares with the baseline; empty where that is not carried.

    None where there is no other baseline.
    """
    baseline = block.baseline
    if baseline is None or baseline is best:
        return None
    verdict = beside(block, best)
    if not carried(verdict) or verdict is None:
        return ""
    return f"against {q.words.both(baseline)}, the baseline: {verdict}"


def _other_passes(q: Question, best: Result) -> str:
    """Return how the same implementation compares with the baseline in the other passes."""
    said = []
    for name, block in q.blocks()[1:]:
        same = next((r for r in keeping(block.results) if r.label == best.label), None)
        verdict = beside(block, same) if same else None
        if carried(verdict):
            said.append(f"; {name} {verdict}")
    return "".join(said)


def _among(
    q: Question, rule: str, lead: str, name: str, best: Result, others: list[Result], block: Block
) -> Sentence:
    """Return the sentence on the fastest of some where no other baseline was timed."""
    if not others:
        return q.missing(rule, lead, f"{name} is the only one that was timed", block)
    nearest, near = _told(best, others)
    if nearest is None:
        why = f"{name} can't be told from {_some([q.words.implementation(r) for r in others])}"
        return q.withheld(rule, lead, why, rounds_of(best, *others), block)
    text = f"{name}; {_the_next(q, nearest)}{_ties(q, near)}{_derived(q, best)}."
    return Sentence(rule, lead, text, (block.anchor,))


def _told(best: Result, others: list[Result]) -> tuple[Compared | None, list[Result]]:
    """Return the fastest of others that surely takes longer, and who is not told from the best."""
    told = compared([(best, other) for other in others], pairs_of(len(others) + 1, len(others) + 1))
    slower = [each for each in told if each.verdict and each.verdict.kind == "faster"]
    nearest = min(slower, key=lambda each: each.b.time or 0.0, default=None)
    sure = {id(each.b) for each in slower}
    return nearest, [each.b for each in told if id(each.b) not in sure]


def _the_next(q: Question, nearest: Compared) -> str:
    return f"against {q.words.both(nearest.b)}, the next: {nearest.verdict}"


def _derived(q: Question, r: Result) -> str:
    """Return that it was not measured that a result keeps every path, for the end of a sentence."""
    known = q.can.dim(r) is not None
    return "" if known else "; that it keeps every path is derived, and was not measured here"


def _ties(q: Question, near: list[Result]) -> str:
    """Return who cannot be told from the best, for the end of a sentence."""
    return f"; not told apart from {_some([q.words.both(r) for r in near])}" if near else ""


def _some(names: Sequence[str]) -> str:
    """Return some names, the first three where there are more than four."""
    if len(names) <= FEW + 1:
        return listing(names)
    return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"


def _scaled(v: Verdict, factor: float) -> Verdict:
    """Return a verdict on speeds that are all times a known factor."""
    lo, hi = v.lo * factor, v.hi * factor
    return replace(v, kind=kind_of(lo, hi, v.margin), speed=v.speed * factor, lo=lo, hi=hi)


def _by_size(
    q: Question,
    rule: str,
    lead: str,
    a: str,
    b: str,
    judge: Callable[[Verdict, Result, Result], Verdict | None],
) -> Iterator[Sentence]:
    """Yield at which sizes the best of operation a beats the best of b, pass by pass.

    Verdicts are for all sizes and passes as one table.
    """
    places = [
        (name, size, block, mine, other)
        for name in q.main.passes
        for size, block in q.main.blocks[name].items()
        if (mine := _best_of(block, a)) and (other := _best_of(block, b))
    ]
    if not places:
        return
    among = sum(
        len(operations(block).get(a, ())) * len(operations(block).get(b, ()))
        for _, _, block, _, _ in places
    )
    told = compared([(mine, other) for *_, mine, other in places], among)
    found: dict[str, dict[float, Verdict | None]] = {}
    for (name, size, _, mine, other), each in zip(places, told, strict=True):
        verdict = judge(each.verdict, mine, other) if each.verdict else None
        found.setdefault(name, {})[size] = verdict
    blocks = [block for _, _, block, _, _ in places]
    if not any(carried(v) for sizes in found.values() for v in sizes.values()):
        rounds = min(rounds_of(mine, other) for *_, mine, other in places)
        seen = listing(str(v) for sizes in found.values() for v in sizes.values() if v)
        why = f"the intervals hold both answers ({seen})"
        yield q.withheld(rule, lead, why, rounds, *blocks)
        return

    def named(size: float) -> str:
        return q.words.size(q.main.axis, size)

    said = [
        f"{q.words.pass_(name).capitalize()}: {where(sizes, named)}"
        for name, sizes in found.items()
    ]
    largest = {name: block.anchor for name, _, block, _, _ in places}
    yield Sentence(rule, lead, f"{'. '.join(said)}.", tuple(largest.values()))


def _best_of(block: Block, operation: str) -> Result | None:
    return quickest([r for r in keeping(block.results) if r.columns.get("operation") == operation])


def where(found: Mapping[float, Verdict | None], name: Callable[[float], str]) -> str:
    """Return at which sizes something is faster, in words, with the verdict that decides there."""
    sizes = sorted(found)
    faster = [s for s in sizes if (v := found[s]) and v.kind == "faster"]
    unsure = [s for s in sizes if not carried(found[s])]
    rest = [s for s in sizes if s not in faster and s not in unsure]
    parts = []
    if faster:
        last = f"{found[faster[-1]]}"
        if faster == sizes and len(sizes) > 1:
            place = f"yes, at every size from {name(sizes[0])} to {name(sizes[-1])}"
        elif faster == sizes[-len(faster) :] and len(faster) > 1:
            place = f"yes, from {name(faster[0])} on"
        else:
            place = f"yes at {listing(name(s) for s in faster)}"
        parts.append(f"{place} ({last}{f' at {name(faster[-1])}' if len(faster) > 1 else ''})")
    if rest:
        no = "no" if not faster else "not"
        parts.append(f"{no} at {listing(name(s) for s in rest)} ({found[rest[-1]]})")
    if unsure:
        parts.append(f"not decided at {listing(name(s) for s in unsure)}")
    return "; ".join(parts)


def _along(blocks: Mapping[float, Block]) -> list[tuple[str, float, Result]]:
    """Return (label, size, result) of all that is published, by implementation and size."""
    found = [(r.label, size, r) for size, b in blocks.items() for r in b.results if r.published]
    return sorted(found, key=lambda item: item[:2])


def _speeds(results: Sequence[Result]) -> dict[int, Verdict]:
    """Return the speed of each result beside a second, by its id; intervals are for the table."""
    seconds = ({n: [1.0] * len(part) for n, part in r.rounds.items()} for r in results)
    turns = {id(r): in_turn(r.rounds, ones) for r, ones in zip(results, seconds, strict=True)}
    known = {name: turn for name, turn in turns.items() if turn}
    return dict(zip(known, verdicts(list(known.values())), strict=True))
