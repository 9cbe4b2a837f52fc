"""Which graphs a layer tells apart, suite by suite, beside a control that it must not.

`graph_suites.<suite>.<category>`: how many pairs of graphs LAYERS layers of the implementation tell
apart (see `analysis.graph_suites`), in float64 where it can be, with random weights, the same for
both graphs of a pair. No node is told from another at first, and a layer hears of the graph alone:
the family says what it makes of an adjacency (`on_graph`). An output of the shape of an input takes
its place in the next layer; without one, one layer is asked. A pair is told apart beyond the limit
that its control has to keep: ten times the tolerance of the data type.

A category is given SECONDS: in the detail is how many of its pairs were asked, and how many were
refused, with the first reason. Where a suite is not here it is a skip with the command that brings
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.discrimination import Verdict
from analysis.graph_suites import compare
from bench.measuring.blackbox import called, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Probe, Record, Rows, of, reason
from bench.measuring.tolerances import tolerance
from bench.record.case import refusal
from bench.record.rows import Reading
from impls.families import graphs, points
from impls.family import Family
from impls.inputs import brec, sets
from impls.inputs.graph6 import Adjacency
from impls.operation import Operation
from impls.problem import Problem
from impls.spaces import Array, Arrays
from impls.streams import Streams

LAYERS = 3
CHANNELS = 4
"""Of features, where a question has channels: one number of a node may hide what several show."""
SECONDS = 60.0
FAMILIES: Mapping[str, Family] = {family.name: family for family in (points.FAMILY, graphs.FAMILY)}
"""Families that make a question of a graph."""
PATH = np.eye(3, k=1, dtype=bool) | np.eye(3, k=-1, dtype=bool)


@dataclass(frozen=True)
class Suite:
    """Pairs of graphs by category, of a set of data."""

    data: sets.DataSet
    categories: tuple[str, ...]
    pairs: Callable[[str], tuple[tuple[Adjacency, Adjacency], ...]]


def suites() -> dict[str, Suite]:
    """Return the suites by name."""
    return {brec.SET: Suite(sets.named(brec.SET), tuple(brec.FILES), brec.pairs)}


def hears_of_graphs(operation: Operation) -> bool:
    """Tell whether all that an operation reads follows from a graph."""
    family = FAMILIES.get(operation.family)
    if family is None or family.on_graph is None:
        return False
    problem, inputs = family.on_graph(family.examples[0], PATH)
    return set(operation.taken(family.inputs(problem))) <= set(inputs)


def graph_suites(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each category of each suite; forward pass only."""
    if built.case.pass_ != "fwd" or not hears_of_graphs(built.operation):
        return
    for name, suite in suites().items():
        missing = suite.data.missing()
        if missing is not None:
            yield Reading(f"graph_suites.{name}", None, detail={"unavailable": str(missing)})
            continue
        for category in suite.categories:
            yield _told(built, f"{name}.{category}", suite.pairs(category))


def _told(built: BuiltCase, name: str, pairs: tuple[tuple[Adjacency, Adjacency], ...]) -> Reading:
    """Return how many pairs are told apart."""
    limit = 10 * tolerance(_asked(built), built.case.target)
    verdicts: list[Verdict] = []
    refused: list[str] = []
    began = time.monotonic()
    for number, (first, second) in enumerate(pairs):
        if time.monotonic() - began > SECONDS:
            break
        each = f"{name}.{number}"
        why = _refusal(built, first, each) or _refusal(built, second, each)
        if why:
            refused.append(why)
            continue
        verdicts.append(compare(_Network(built), first, second, each, LAYERS, number))
    controls = [verdict.control for verdict in verdicts]
    unsound = [v for v in verdicts if not v.control <= limit]
    apart = [v.distance for v in verdicts if v.distance > limit]
    alike = [v.distance for v in verdicts if not v.distance > limit]
    suite, _, category = name.partition(".")
    detail: dict[str, Any] = {
        "suite": suite,
        "category": category,
        "pairs": len(pairs),
        "asked": len(verdicts),
        "refused": len(refused),
        **({"why": refused[0]} if refused else {}),
        "control": _largest(controls),
        "least_apart": min(apart, default=None),
        "most_alike": _largest(alike),
        "told": [v.pair.rpartition(".")[2] for v in verdicts if v.distance > limit],
    }
    if len(verdicts) + len(refused) < len(pairs):
        detail["note"] = f"{category}: no more pairs were asked after {SECONDS:g} s"
    if not verdicts:
        first_why = refused[0] if refused else "no pair was asked"
        return Reading(f"graph_suites.{name}", None, detail=detail | {"unavailable": first_why})
    if unsound:
        worst = unsound[0]
        detail["problem"] = f"{worst.pair}: equal graphs differ by {worst.control:.1e}"
    return Reading(
        f"graph_suites.{name}",
        float(len(apart)),
        n=len(verdicts),
        detail=detail,
        passed=not unsound,
    )


def _asked(built: BuiltCase) -> Problem:
    """Return what is asked on each graph: of some channels, in the widest data type."""
    widened = replace(built.problem, dtype=widest(built))
    return widened.with_sizes(channels=CHANNELS) if "channels" in widened.sizes else widened


def _largest(distances: Iterable[float]) -> float | None:
    """Return the largest; None where there is none, or it is no number."""
    found = float(np.max(list(distances), initial=-np.inf))
    return found if np.isfinite(found) else None


def _refusal(built: BuiltCase, graph: Adjacency, name: str) -> str:
    """Return why a graph is not asked, which is called by a name; "" where it is."""
    assert built.family.on_graph is not None
    asked = built.family.on_graph(_asked(built), graph)[0].question
    why = refusal(replace(built.case, problem=asked), built.registry)
    return str(why or "").replace(repr(asked.data), name)


class _Network:
    """Layers of the implementation one after another, as a map of graphs."""

    def __init__(self, built: BuiltCase) -> None:
        self.built = built
        self.asked = _asked(built)

    def __call__(self, graph: Array) -> list[Array]:
        """Return the outputs of the last layer."""
        family, operation = self.built.family, self.built.operation
        assert family.on_graph is not None
        problem, given = family.on_graph(self.asked, graph)
        inputs = {name: given[name] for name in operation.taken(family.inputs(problem))}
        call, spaces = called(self.built, problem), operation.weights(problem)
        outputs: Arrays = {}
        for layer in range(LAYERS):
            streams = Streams(0, 1, layer)
            weights = {name: space.sample(streams(name)) for name, space in spaces.items()}
            outputs = call(inputs, weights)
            followed = following(inputs, outputs)
            if not followed:
                break
            inputs |= followed
        return list(outputs.values())


def following(inputs: Arrays, outputs: Arrays) -> dict[str, Array]:
    """Return the outputs that take the place of inputs: of reals of the same shape, the first."""
    found: dict[str, Array] = {}
    for said in outputs.values():
        for name, a in inputs.items():
            if name not in found and a.dtype.kind == "f" and a.shape == said.shape:
                found[name] = said
                break
    return found


PROBES = (Probe("graph_suites", graph_suites),)


def told(rows: Rows) -> Iterator[Record]:
    """Yield each category of each suite: how many of its pairs are told apart, of how many."""
    for row in of(rows, "graph_suites."):
        detail = row["detail"]
        if row["value"] is None:
            suite = row["probe"].partition(".")[2]
            yield {"suite": suite, "status": "skip", "reason": detail["unavailable"]}
            continue
        yield {
            **{name: detail[name] for name in ("suite", "category", "pairs", "asked", "refused")},
            "told_apart": int(row["value"]),
            **{name: detail[name] for name in ("control", "least_apart", "most_alike")},
            "passed": row["passed"],
            **reason(row),
        }
