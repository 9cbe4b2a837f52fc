"""The maps that a convolution has along one edge, read off the running implementation.

`convolution.rank`: the implementation is built for two nodes with an edge each way, in float64
where it can be, and its map from the feature that is sent to what is received is read off on basis
vectors, for random weights. Weights are also inputs that come with edges and are no geometry
(attention). Detail: `full` and `followed` (see `analysis.convolution`), `weights`, how many numbers
there are for one channel in and one out, their `kind` ("shared" by all edges, "per edge"), and
whether the convolution `mixes` channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from analysis.convolution import along
from bench.measuring.blackbox import called, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import LARGEST, Analysis, Probe, Record, Rows, by_probe
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.families.points import FAMILY, irreps_of, pair
from impls.operation import Operation
from impls.problem import Problem
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

GEOMETRY = ("v", "r")
"""What fixes the direction of an edge."""
SMALLEST = 1e-9
"""Channels that answer less than this, relative to the largest, are not mixed."""


def convolution(built: BuiltCase) -> Iterable[Reading]:
    """Yield `convolution.rank` of an operation of the family points that is linear in features."""
    if built.problem.family != FAMILY.name or built.case.pass_ != "fwd":
        return
    if not linear(built.operation):
        return
    asked = replace(built.problem, dtype=widest(built))
    one = _Pair(built, pair(asked))
    draws = sum(one.weights.values()) + 3
    (sent, _, out), found = irreps_of(asked), Irreps.parse(str(one.output.irreps))
    inversion = sent.parity and "inversion" in built.operation.exact
    maps = np.array([one.map(seed) for seed in range(draws)])
    edge = along(maps, one.vector, (sent, found, out), inversion=inversion)
    limit = 100 * tolerance(asked, built.case.target)
    fits = max(edge.rank.value, edge.followed.value) <= edge.full.value
    certain = all(r.verdict == "certain" for r in (edge.rank, edge.followed, edge.full))
    detail = {
        "full": edge.full.value,
        "followed": edge.followed.value,
        "stabiliser": edge.stabiliser,
        "weights": sum(one.weights.values()),
        "kind": " and ".join(dict.fromkeys(one.kinds.values())) or "none",
        "mixes": _Pair(built, pair(asked, channels=2)).mixes(),
        "draws": draws,
        "gap": min(edge.rank.gap, edge.followed.gap, edge.full.gap, LARGEST),
        "verdict": "certain" if certain else "ambiguous",
        "defect": edge.defect,
    }
    passed = edge.defect <= limit and fits
    if not passed:
        detail["problem"] = (
            f"{edge.rank.value} maps of {edge.full.value}, {edge.followed.value} with a linear "
            f"layer, of which up to {edge.defect:.1e} does not commute with {edge.stabiliser}"
        )
    yield Reading("convolution.rank", float(edge.rank.value), n=1, detail=detail, passed=passed)


def linear(operation: Operation) -> bool:
    """Tell whether an operation is linear in the features that nodes send."""
    return "src" in (operation.reads or ()) and ("x", 1) in operation.linear_in


class _Pair:
    """The implementation on two nodes; edge 0 is looked at."""

    def __init__(self, built: BuiltCase, problem: Problem) -> None:
        family, operation = built.family, built.operation
        self.call = called(built, problem)
        self.inputs = operation.taken(family.inputs(problem))
        self.drawn = dict(operation.taken(family.draw(problem, Streams(0))))
        self.output: Space = next(iter(operation.outputs(problem).values()))
        self.src, self.dst = int(self.drawn["src"][0]), int(self.drawn["dst"][0])
        free = {
            name: space
            for name, space in self.inputs.items()
            if space.kind == "real" and name not in ("x", *GEOMETRY)
        }
        self.spaces: Mapping[str, Space] = {**free, **operation.weights(problem)}
        per_edge = {name: space.axis == "edges" for name, space in self.spaces.items()}
        self.kinds = {name: "per edge" if own else "shared" for name, own in per_edge.items()}
        self.weights = {
            name: int(np.prod(space.shape[1:] if per_edge[name] else space.shape))
            for name, space in self.spaces.items()
        }

    @property
    def vector(self) -> Array:
        """Return the vector of edge 0, from `dst` to `src`."""
        if "v" in self.drawn:
            return self.drawn["v"][0]
        return np.asarray(self.drawn["r"][self.src] - self.drawn["r"][self.dst])

    def map(self, seed: int) -> Array:
        """Return [dim out, dim in] of the first channel, for weights drawn by a seed."""
        weights, basis = self._weights(seed), np.eye(self.drawn["x"].shape[-1])
        columns = [self._received(np.asarray(e), weights)[0] for e in basis]
        return np.stack(columns, axis=-1)

    def mixes(self) -> bool:
        """Return whether the second channel hears the first."""
        e = np.random.default_rng(0).standard_normal(self.drawn["x"].shape[-1:])
        first, second = self._received(e, self._weights(0))
        return bool(np.linalg.norm(second) > SMALLEST * np.linalg.norm(first))

    def _weights(self, seed: int) -> Arrays:
        streams = Streams(seed, 1)
        return {name: space.sample(streams(name)) for name, space in self.spaces.items()}

    def _received(self, e: Array, weights: Arrays) -> Array:
        """Return what the receiver gets [channels, dim] when the first channel sends e [dim]."""
        x = np.zeros_like(self.drawn["x"])
        x[self.src, 0] = e
        inputs = {**self.drawn, "x": x}
        inputs |= {name: a for name, a in weights.items() if name in self.inputs}
        rest = {name: a for name, a in weights.items() if name not in self.inputs}
        z = next(iter(self.call(inputs, rest).values()))
        return np.asarray(z[self.dst])


PROBES = (Probe("convolution", convolution),)


def _convolution(rows: Rows) -> Iterator[Record]:
    """Yield what the maps along one edge reach, of how many, and what kind of weights does it."""
    found = by_probe(rows)
    if "convolution.rank" in found and found["convolution.rank"]["value"] is not None:
        row = found["convolution.rank"]
        names = ("followed", "full", "stabiliser", "weights", "kind", "mixes", "defect", "gap",
                 "verdict")  # fmt: skip
        yield {
            "rank": int(row["value"]),
            **{name: row["detail"][name] for name in names},
            "passed": row["passed"],
        }


ANALYSES = (
    Analysis(
        "convolution",
        "Rank of the maps along one edge, of all that are equivariant; its weights.",
        ("error", "convolution"),
        _convolution,
        linear,
        "--setting full --symmetry so3 --lmax 2",
        (
            "A line for each operation on edges and value of its knob: the rank of its maps along "
            "an edge, that of all equivariant ones, and how many weights it has."
        ),
        "python -m bench run --family points measures the same operations.",
        by_knob=True,
    ),
)
