r"""Contraction of O(2) along edges: products of what is at both ends, in the frame of the edge.

With a and b the numbers of x[src] and of x[dst] in the frame (see `impls.points.circle`), for each
channel,

    z'[o, m] = sum over paths, w a[i1, m1] b[i2, m2]          m = m1 + m2
                             + w a[i1, m1] conj(b[i2, m2])    m = m1 - m2, and both conjugate for -m

of which m = 0 keeps the part that its irrep has, the real one of 0e, the imaginary one of 0o; and
z[n] is the sum of D^T z' over the edges with dst = n. This is the asymmetric contraction of two
factors of [@xu2026], which are different features and so are not symmetrised; it raises the body
order on the edge, without coupling three degrees: a product costs O(1), not a sum over m.

**What it is.** Every map that is bilinear in both ends, depends on the direction of the edge and
is equivariant to rotations and inversion: a path for each (i1, m1), (i2, m2) and (o, m) whose
irreps of O(2) couple, 0e x 0e = 0o x 0o = 0e, 0e x 0o = 0o, 0 x m = m, m x m' = (m + m') +
|m - m'|, m x m = 2m + 0e + 0o. As it has more harmonics of the edge than a linear map, it answers
questions that ask for all of those (setting full).

Weights: w [path, channel]. Cost: O(L^3) for each edge and channel in the rotations, O(L^4) in the
products and O(L^5) in the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from impls.families.points import channels_of, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Operation, exact
from impls.points.circle import Component, components_of, numbers_at, summed
from impls.points.escn.operation import READS, ends_of, harmonics_needed
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class Pair:
    """A product of a number of each end, with a sign -1 where it is conjugate."""

    first: Component
    second: Component
    conjugate: tuple[int, int]

    @property
    def m(self) -> int:
        """Return the order of the product."""
        return self.first.m * self.conjugate[0] + self.second.m * self.conjugate[1]


@dataclass(frozen=True)
class Path:
    """One weight per channel: from a product to an irrep of O(2) of the output."""

    out: Component
    pair: Pair


@lru_cache(maxsize=256)
def pairs_of(inside: Irreps) -> tuple[Pair, ...]:
    """Return all products of irreps of O(2) at both ends, one for each order that they have."""
    found = []
    for first in components_of(inside):
        for second in components_of(inside):
            found.append(Pair(first, second, (1, 1)))
            if first.m and second.m:
                found.append(Pair(first, second, (1, -1) if first.m >= second.m else (-1, 1)))
    return tuple(found)


def couples(pair: Pair, out: Component) -> bool:
    """Tell whether a product has a part in an irrep of O(2)."""
    if pair.m or out.m:
        return pair.m == out.m
    if pair.first.m:
        return True  # m x m has 0e and 0o
    return (pair.first.natural == pair.second.natural) == out.natural


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths in canonical order: by item and m of the output."""
    inside, out = ends_of(problem)
    return _paths(inside, out)


@lru_cache(maxsize=256)
def _paths(inside: Irreps, out: Irreps) -> tuple[Path, ...]:
    by_order: dict[int, list[Pair]] = {}
    for pair in pairs_of(inside):
        by_order.setdefault(pair.m, []).append(pair)
    return tuple(
        Path(part, pair)
        for part in components_of(out)
        for pair in by_order.get(part.m, ())
        if couples(pair, part)
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, ends_of(problem)[1])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"w": Space((len(paths_of(problem)), channels_of(problem)))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    inside, out = ends_of(problem)
    a, b = (numbers_at(end, inside, inputs) for end in ("src", "dst"))
    numbers: dict[tuple[int, int], np.ndarray] = {}
    for path, w in zip(paths_of(problem), weights["w"], strict=True):
        (first, second), place = (path.pair.first, path.pair.second), (path.out.item, path.out.m)
        factors = a[first.item, first.m], b[second.item, second.m]
        one, two = (
            number if sign > 0 else number.conj()
            for number, sign in zip(factors, path.pair.conjugate, strict=True)
        )
        numbers[place] = numbers.get(place, 0) + w * one * two
    return {"z": summed(out, numbers, inputs)}


def _supports(problem: Problem) -> Refusal | None:
    inside, out = ends_of(problem)
    if not inside.parity:
        return Refusal("irreps without parity: O(2) has reflections", "ask for irreps with parity")
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: a frame needs their vectors", "ask with given=vectors"
        )
    if not paths_of(problem):
        return Refusal(
            f"identically zero: inversion forbids every product of {inside} into {out}",
            "use natural parity",
        )
    edge = irreps_of(problem)[1]
    missing = set(harmonics_needed(problem, True)) - {ir.l for _, ir in edge}
    if missing:
        return Refusal(
            f"irreps_edge={edge}: the map contains harmonics of degree "
            f"{', '.join(map(str, sorted(missing)))} too",
            "ask for all that can matter: setting full",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count rotations of both ends and back, complex products, weights and the sum."""
    inside, out = ends_of(problem)
    (nodes, edges), channels = counts_of(problem), channels_of(problem)
    turned_by = sum(times * ir.dim**2 for times, part in ((2, inside), (1, out)) for _, ir in part)
    paths = paths_of(problem)
    weighted = sum(2 if path.out.m else 1 for path in paths)
    numbers = nodes * channels * (inside.dim + out.dim) + 3 * edges + len(paths) * channels
    flops = 2 * (turned_by + weighted) + 6 * len(pairs_of(inside)) + out.dim
    return {
        "flops": float(edges * channels * flops),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="edge_contraction",
    title="O(2) contraction along edges",
    family="points",
    summary="all products of both ends of each edge that its frame allows, summed over neighbours",
    papers=("xu2026",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=READS,
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("x", 2), ("w", 1)),
    users=("xu2026",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
