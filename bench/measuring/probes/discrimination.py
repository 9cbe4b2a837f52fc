"""Which inequivalent environments a bilinear implementation tells apart, beside what it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from analysis.discrimination import (
    Verdict,
    chain_distance,
    chain_expected,
    compare,
    expected,
    pairs,
)
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples, of, reason
from bench.measuring.probes.bilinear import bilinear
from bench.measuring.probes.graph_suites import hears_of_graphs, told
from bench.record.rows import Reading
from impls.inputs import brec
from impls.operation import Operation

ORDERS = (2, 3)
CHAINS = (2, 3, 4)


def discrimination(built: BuiltCase) -> Iterable[Reading]:
    """Yield `discrimination.<pair>.<order>`: the distance of a pair, judged by the selection rules.

    Order counts moments of the density, and for chains the layers of messages: as many as a chain
    of that length needs, and one fewer. The control has to be equal.
    """
    view = bilinear(built)
    if view is None or not view.repeats:
        return
    for pair in pairs():
        for order in ORDERS:
            found = compare(view.evaluate, view.labels, pair, order)
            yield _judged(found, expected(view.coupled, view.labels, pair, order))
    for length in CHAINS:
        for layers in (length // 2, length // 2 + 1):
            found = chain_distance(view.evaluate, view.labels, length, layers)
            yield _judged(found, chain_expected(view.coupled, length, layers))


def _judged(found: Verdict, should: bool | None) -> Reading:
    agree = should is None or found.distinguishes == should
    detail: dict[str, Any] = {
        "pair": found.pair,
        "order": found.order,
        "control": found.control,
        "distinguishes": found.distinguishes,
        "derived": should,
    }
    if not found.sound:
        detail["problem"] = f"{found.pair}: equal environments differ by {found.control:.1e}"
    elif not agree:
        verb = "told apart" if found.distinguishes else "not told apart"
        detail["problem"] = f"{found.pair}, order {found.order}: {verb}, against what is derived"
    return Reading(
        f"discrimination.{found.pair}.{found.order}",
        found.distance,
        n=1,
        detail=detail,
        passed=agree and found.sound,
    )


PROBES = (Probe("discrimination", discrimination),)


def applies(operation: Operation) -> bool:
    """Return whether it couples two features, or hears of a graph and of nothing else."""
    return couples(operation) or hears_of_graphs(operation)


def _discrimination(rows: Rows) -> Iterator[Record]:
    """Yield each pair of environments: its control and distance, and what is derived; graphs."""
    for row in of(rows, "discrimination."):
        detail = row["detail"]
        yield {
            **{name: detail[name] for name in ("pair", "order", "control")},
            "distance": row["value"],
            "distinguishes": detail["distinguishes"],
            "derived": detail["derived"],
            "passed": row["passed"],
            **reason(row),
        }
    yield from told(rows)


ANALYSES = (
    Analysis(
        "discrimination",
        "Which environments it tells apart: mirror images, rotors, chains; and which graphs.",
        ("error", "discrimination", "graph_suites"),
        _discrimination,
        applies,
        "--operation gaunt --lmax 3",
        (
            "A line for each pair of environments and order: whether features that it makes tell "
            "them apart, and whether they should. Of a layer that hears of a graph alone a line "
            "for each suite and category of graphs: how many of its pairs three layers tell apart."
        ),
        "python -m bench analyse universality asks which functions of a feature it reaches; "
        "python -m bench data says which suites of graphs are here.",
        data=(brec.SET,),
    ),
)
