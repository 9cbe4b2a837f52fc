"""Family `plane`: scalars and vectors of nodes in the plane, sent along the edges of a graph.

x:   [nodes, channels, 3]  a scalar and then a vector of the plane (x, y), standard normal
v:   [edges, 2]            vectors of the edges, from `dst` to `src`, of lengths 0.3 .. 1.1
src: [edges]               node that sends, int64
dst: [edges]               node that receives, int64

Outputs have the shape of x. The sizes are `nodes`, `neighbours` (each node receives from as many
others, at random) and `channels`. The cutoff is `CUTOFF` = 1, so that some edges are beyond.

The group is O(2) times the permutations of the nodes: an element is {"space": R, "nodes":
permutation}, R a turn about z or its product with the mirror y -> -y, as [3, 3]. Of turns those by
right angles are a subgroup of their own, `quarter_turn`, since grids of orientations keep these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from impls.families.points import edges_into_some
from impls.family import Family, checked, sampled
from impls.groups import Element, Group, direct_product, plane, symmetric
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import Sizes, size
from impls.spaces import Array, Space

CUTOFF = 1.0
"""The length from which on an edge counts nothing."""
SHORTEST, LONGEST = 0.3, 1.1


@dataclass(frozen=True)
class PlaneSizes(Sizes):
    """Nodes, of which each receives from `neighbours` others."""

    nodes: int = size(least=2)
    neighbours: int = size()
    channels: int = size()


def ask(
    nodes: int = 64,
    neighbours: int = 16,
    *,
    channels: int = 16,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for so many nodes, each with so many neighbours."""
    sizes: dict[str, Size] = {"nodes": nodes, "neighbours": neighbours, "channels": channels}
    return Problem("plane", sizes, dtype=dtype, seed=seed)


def shape_of(problem: Problem) -> tuple[int, int, int]:
    """Return the numbers of nodes, of edges and of channels."""
    sizes = PlaneSizes.of(problem)
    return sizes.nodes, sizes.nodes * sizes.neighbours, sizes.channels


def node_space(problem: Problem) -> Space:
    """Return the Space [nodes, channels, 3] of scalars and vectors."""
    nodes, _, channels = shape_of(problem)

    def act(g: Element, a: Array) -> Array:
        moved = np.empty(a.shape)
        moved[g["nodes"], :, :1] = a[..., :1]
        moved[g["nodes"], :, 1:] = a[..., 1:] @ g["space"][:2, :2].T
        return moved

    return Space((nodes, channels, 3), act, axis="nodes")


def _vector_space(problem: Problem) -> Space:
    edges = shape_of(problem)[1]

    def act(g: Element, a: Array) -> Array:
        return np.asarray(a @ g["space"][:2, :2].T)

    def draw(rng: np.random.Generator) -> Array:
        angle, length = rng.uniform(0, 2 * np.pi, edges), rng.uniform(SHORTEST, LONGEST, edges)
        return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)

    return Space((edges, 2), act, draw=draw, axis="edges")


def _index_space(problem: Problem, end: Literal["src", "dst"]) -> Space:
    sizes = PlaneSizes.of(problem)
    receivers = np.repeat(np.arange(sizes.nodes), sizes.neighbours)

    def act(g: Element, a: Array) -> Array:
        return np.asarray(g["nodes"])[a]

    def draw(rng: np.random.Generator) -> Array:
        if end == "dst":
            return receivers.copy()
        ranks = np.argsort(rng.random((sizes.nodes, sizes.nodes - 1)), axis=1)
        return (receivers + 1 + ranks[:, : sizes.neighbours].ravel()) % sizes.nodes

    shape = receivers.shape
    return Space(shape, act, kind="index", grad=False, draw=draw, axis="edges", refers="nodes")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {
        "x": node_space(problem),
        "v": _vector_space(problem),
        "src": _index_space(problem, "src"),
        "dst": _index_space(problem, "dst"),
    }


def _group(problem: Problem) -> Group:
    return direct_product(space=plane(), nodes=symmetric(shape_of(problem)[0]))


def _fits(problem: Problem) -> Refusal | None:
    sizes = PlaneSizes.of(problem)
    if sizes.neighbours >= sizes.nodes:
        return Refusal(
            f"neighbours={sizes.neighbours}: a node has only {sizes.nodes - 1} others",
            "use more nodes",
        )
    return None


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    nodes, edges, channels = shape_of(problem)
    near = PlaneSizes.of(problem).neighbours
    return {"channels": channels, "nodes": nodes, "edges": edges, "neighbours": near}


EXAMPLES = (
    ask(7, 3, channels=4, dtype="float64"),
    ask(16, 6, channels=5, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return the fewest nodes, and numbers that fill no lane."""
    return tuple(
        ask(nodes, near, channels=channels, dtype="float64")
        for nodes, near, channels in ((2, 1, 4), (3, 2, 5), (33, 31, 7), (65, 33, 4))
    )


FAMILY = Family(
    name="plane",
    title="convolutions over points of the plane",
    sizes=PlaneSizes,
    ask=ask,
    check=checked(PlaneSizes, also=_fits),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("channels", "edges", "neighbours"),
    labels={
        "channels": "channels",
        "nodes": "nodes",
        "edges": "edges",
        "neighbours": "neighbours",
    },
    examples=EXAMPLES,
    hard=_hard(),
    part=edges_into_some,
)
