"""Which graphs a layer on pairs of nodes tells apart, beside a copy of one that it must not.

`graph_pairs.<pair>`: the distance of what a network of three layers says of both graphs (see
`analysis.graph_pairs`). Each layer is the implementation built for graphs of that size, with
weights of its own, in float64 where it can be. At first a pair of nodes has its edge and whether it
is one node twice, in channels of different sizes, and all nodes are alike; after the last layer,
what is compared are means over pairs, over the diagonal and over nodes. Two graphs are told apart
where their distance is no rounding, by a factor of a hundred; the control may be rounding alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.discrimination import Verdict
from analysis.graph_pairs import GraphPair, Network, compare, pairs, refinement
from bench.measuring.blackbox import called, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, of, reason
from bench.record.rows import Reading
from impls.families.graphs import FAMILY
from impls.operation import Operation
from impls.spaces import Array
from impls.streams import Streams

LAYERS = 3
COUNT = 3
"""Graphs that are asked at once: both of a pair, and the copy."""
ROUNDING = 64.0
"""Rounding of a network, in units of the distance from 1 to the next number."""
APART = 1e4
"""From so many of them on, two graphs are told apart."""


def graph_pairs(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each pair, of layers that give such features as they take."""
    if built.case.pass_ != "fwd" or not repeats(built.operation):
        return
    step = float(np.finfo(widest(built)).eps)
    for pair in pairs():
        yield _judged(compare(_network(built, pair), pair, LAYERS), pair, step)


def repeats(operation: Operation) -> bool:
    """Tell whether what a layer says of pairs of nodes can be put into it again."""
    if operation.family != FAMILY.name:
        return False
    asked = FAMILY.examples[0]
    inputs, outputs = FAMILY.inputs(asked), operation.outputs(asked)
    return "x" in outputs and all(
        name in inputs and inputs[name].shape == space.shape for name, space in outputs.items()
    )


def _network(built: BuiltCase, pair: GraphPair) -> Network:
    """Return the implementation, built for the graphs of a pair, several layers deep."""
    sizes = {"nodes": pair.nodes, "degree": pair.degree, "batch": COUNT}
    problem = replace(built.problem.with_sizes(**sizes), dtype=widest(built))
    operation, call = built.operation, called(built, problem)
    spaces, streams = operation.weights(problem).items(), Streams(0, 1)
    weights = [
        {name: space.sample(streams(f"{name}.{layer}")) for name, space in spaces}
        for layer in range(LAYERS)
    ]
    size = FAMILY.inputs(problem)["h"].shape[-1]
    scale = np.linspace(0.5, 1.5, size)

    def network(a: Array) -> Array:
        loops = np.broadcast_to(np.eye(pair.nodes), a.shape)
        features: dict[str, Array] = {
            "a": a,
            "x": a[..., None] * scale + loops[..., None] * scale[::-1],
            "h": np.ones((*a.shape[:2], 1)) * scale,
        }
        for mine in weights:
            features |= call(operation.taken(features), mine)
        x = features["x"]
        diagonal = np.einsum("biic->bc", x) / pair.nodes
        return np.concatenate([x.mean(axis=(1, 2)), diagonal, features["h"].mean(axis=1)], axis=1)

    return network


def _judged(found: Verdict, pair: GraphPair, step: float) -> Reading:
    limit = ROUNDING * step
    sound = found.control <= limit
    detail: dict[str, Any] = {
        "pair": found.pair,
        "because": pair.because,
        "layers": found.order,
        "control": found.control,
        "distinguishes": found.distance > APART * step,
        "refined": refinement(pair.first, pair.second),
    }
    if not sound:
        detail["problem"] = f"{found.pair}: equal graphs differ by {found.control:.1e}"
    return Reading(
        f"graph_pairs.{found.pair}", found.distance, n=1, detail=detail, passed=sound, limit=limit
    )


PROBES = (Probe("graph_pairs", graph_pairs),)


def _graph_pairs(rows: Rows) -> Iterator[Record]:
    """Yield each pair of graphs: its control and distance, and what sums over neighbours know."""
    for row in of(rows, "graph_pairs."):
        detail = row["detail"]
        yield {
            **{name: detail[name] for name in ("pair", "layers", "control")},
            "distance": row["value"],
            "distinguishes": detail["distinguishes"],
            "refined": detail["refined"],
            "passed": row["passed"],
            **reason(row),
        }


ANALYSES = (
    Analysis(
        "graph_pairs",
        "Which graphs a layer on pairs of nodes tells apart: cycles, skip links, regular graphs.",
        ("error", "graph_pairs"),
        _graph_pairs,
        repeats,
        "--operation spen_layer --family graphs --channels 8 --knob hops=sweep",
        (
            "A line for each pair of graphs: whether what a network of three layers says of them "
            "differs, and `refined`, whether the Weisfeiler-Lehman test tells them apart."
        ),
        "python -m bench analyse homs says whether a linear layer has all maps that there are.",
    ),
)
