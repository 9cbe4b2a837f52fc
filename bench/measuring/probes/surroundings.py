"""Which environments of a node a layer on graphs tells apart, beside a control that it must not.

`surroundings.<pair>.<layers>`: the distance of what the node in the middle knows (see
`analysis.surroundings`), of the implementation built for that many neighbours, in float64 where it
can be, with weights drawn once. A pair is told apart beyond the limit that its control, which is
equal, has to keep: ten times the tolerance of the data type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from analysis.discrimination import Pair, Verdict, pairs
from analysis.surroundings import Layer, compare
from bench.measuring.blackbox import called, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, of, reason
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.families.feature import invariant
from impls.families.points import FAMILY, channels_of, irreps_of
from impls.operation import Operation
from impls.spaces import Array, Arrays
from impls.streams import Streams

LAYERS = (1, 2)
HEARD = {"x", "v", "sh", "src", "dst"}
"""The inputs of the family by which a node hears of its neighbours."""


def surroundings(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each pair and number of layers; several where irreps come out again."""
    if built.problem.family != FAMILY.name or built.case.pass_ != "fwd":
        return
    if not hears(built.operation) or any(s.axis == "edges" for s in built.weight_spaces.values()):
        return
    asked = replace(built.problem, dtype=widest(built))
    node, _, out = irreps_of(asked)
    if "v" not in built.inputs or not all(any(invariant(ir) for _, ir in n) for n in (node, out)):
        return
    for pair in pairs():
        layer, limit = _layer(built, pair), 10 * tolerance(asked, built.case.target)
        for layers in LAYERS if node == out else LAYERS[:1]:
            found = compare(layer, (node, out), channels_of(asked), pair, layers)
            yield _judged(found, limit)


def hears(operation: Operation) -> bool:
    """Tell whether nodes hear of neighbours by features and edges alone, and not linearly."""
    reads = set(operation.reads or ())
    return {"x", "v", "src", "dst"} <= reads <= HEARD and ("x", 1) not in operation.linear_in


def _layer(built: BuiltCase, pair: Pair) -> Layer:
    """Return the implementation, built for the neighbours of a pair, with weights of its own."""
    count, streams = len(pair.first), Streams(0, 1)
    data = f"loose:{count + 1}x{count}"
    problem = replace(built.problem, data=data, dtype=widest(built))
    call, name = called(built, problem), next(iter(built.operation.outputs(problem)))
    spaces = built.operation.weights(problem).items()
    weights = {each: space.sample(streams(each)) for each, space in spaces}

    def layer(inputs: Arrays) -> Array:
        return call(inputs, weights)[name]

    return layer


def _judged(found: Verdict, limit: float) -> Reading:
    sound = found.control <= limit
    detail: dict[str, Any] = {
        "pair": found.pair,
        "layers": found.order,
        "control": found.control,
        "distinguishes": found.distance > limit,
    }
    if not sound:
        detail["problem"] = f"{found.pair}: equal environments differ by {found.control:.1e}"
    name = f"surroundings.{found.pair}.{found.order}"
    return Reading(name, found.distance, n=1, detail=detail, passed=sound, limit=limit)


PROBES = (Probe("surroundings", surroundings),)


def _surroundings(rows: Rows) -> Iterator[Record]:
    """Yield each pair of environments and number of layers: its control and distance."""
    for row in of(rows, "surroundings."):
        detail = row["detail"]
        yield {
            **{name: detail[name] for name in ("pair", "layers", "control")},
            "distance": row["value"],
            "distinguishes": detail["distinguishes"],
            "passed": row["passed"],
            **reason(row),
        }


ANALYSES = (
    Analysis(
        "surroundings",
        "Which environments of a node a layer tells apart: mirror images, equal distances, rotors.",
        ("error", "surroundings"),
        _surroundings,
        hears,
        "--operation painn_layer --setting truncated --lmax 1",
        (
            "A line for each pair of environments and number of layers: whether what a node knows "
            "of its neighbours tells them apart."
        ),
        "python -m bench analyse discrimination asks the same of products of two features.",
        swept=True,
    ),
)
