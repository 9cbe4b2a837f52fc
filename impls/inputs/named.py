"""Graphs by name, as the data of a question say: which there are, and how large.

edges:diamond:2x2x2@2.6   a structure, or several joined by +, and who is within a cutoff [Å]
lattice:64x16             64 sites of a jittered cubic lattice, each with its 16 nearest: open
isotropic:64x16           each node receives from 16 random others, along random directions
poles:64x16               the same, along directions where frames and angles may fail
axis:64x16                nodes on the polar axis, each with its nearest: all edges along +y or -y
loose:64x1024             1024 edges in no order, each from any of 64 nodes to any, itself included
placed:64x1024            1024 edges in no order between near sites of 64 of the lattice: open
graph6:DQc                a line of the format graph6: no places, and random directions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from impls.inputs import clouds, graph6
from impls.inputs.graphs import Graph, graph
from impls.problem import Problem, Refusal

CLOUDS: Mapping[str, Callable[[int, int, int], Graph]] = {
    "lattice": clouds.lattice,
    "isotropic": clouds.isotropic,
    "poles": clouds.poles,
    "axis": clouds.axis,
    "loose": clouds.loose,
    "placed": clouds.placed,
}
"""Generators of graphs of so many nodes and neighbours, or edges, with a seed."""
GRAPH6 = "graph6"
KINDS = ("edges", *CLOUDS, GRAPH6)
BY_EDGES = ("loose", "placed")
"""Those that count edges, and may have none."""
OPEN = ("lattice", "axis", "placed")
"""Those with positions."""

CRYSTAL = "edges:diamond:2x2x2@2.6"
"""64 nodes with 16 neighbours each."""
LATTICE = "lattice:64x16"
REACH = 3.0
"""The cutoff of graphs that no cutoff made, in spacings of the lattice."""
PAIR = "lattice:2x1"
"""Two nodes and an edge each way, in no special direction: open."""


def graph_of(problem: Problem) -> Graph:
    """Return the graph that the data names.

    Raises:
        ValueError: for data that name none.
    """
    kind, _, rest = problem.data.partition(":")
    return _graph(kind, rest, problem.seed if kind in CLOUDS else 0)


@lru_cache(maxsize=16)
def _graph(kind: str, rest: str, seed: int) -> Graph:
    if kind in CLOUDS:
        return CLOUDS[kind](*numbers(kind, rest), seed)
    if kind == GRAPH6:
        return graph6.graph(rest)
    structures, _, cutoff = rest.rpartition("@")
    return graph(structures, float(cutoff))


def numbers(kind: str, text: str) -> tuple[int, int]:
    """Read "64x16"; where edges are counted there may be none.

    Raises:
        ValueError: for anything else.
    """
    second = r"\d+" if kind in BY_EDGES else r"[1-9]\d*"
    match = re.fullmatch(rf"([1-9]\d*)x({second})", text, re.ASCII)
    if match is None:
        what = "edges" if kind in BY_EDGES else "neighbours"
        raise ValueError(f"{text!r} are no numbers of nodes and {what}, as in '64x16'")
    return int(match[1]), int(match[2])


def counts_of(problem: Problem) -> tuple[int, int]:
    """Return the numbers of nodes and of edges."""
    kind, _, rest = problem.data.partition(":")
    if kind in CLOUDS:
        nodes, near = numbers(kind, rest)
        return nodes, near if kind in BY_EDGES else nodes * near
    found = graph_of(problem)
    return found.nodes, len(found.src)


def cutoff_of(problem: Problem) -> float:
    """Return the length from which on an edge counts nothing, where lengths count.

    It is that within which edges are [Å], or a size of that name; for others, `REACH`, which the
    longest of their edges may exceed.
    """
    if "cutoff" in problem.sizes:
        return float(str(problem.sizes["cutoff"]))
    kind, _, rest = problem.data.partition(":")
    return REACH if kind != "edges" else float(rest.rpartition("@")[2])


def check_graph(problem: Problem) -> Refusal | None:
    """Refuse data that name no graph, or one without the edges that they ask for."""
    kind, _, rest = problem.data.partition(":")
    if kind not in KINDS or not rest:
        return Refusal(
            f"unknown data {problem.data!r}",
            f"family points draws '{CRYSTAL}' (structures and a cutoff in Å), or "
            f"{', '.join(repr(f'{name}:64x16') for name in CLOUDS)} (nodes x neighbours, or "
            "edges), or 'graph6:DQc' (a line of graph6)",
        )
    try:
        if kind in CLOUDS:
            nodes, near = numbers(kind, rest)
            needed = {"loose": 0, "placed": min(near, 1)}.get(kind, near)
            if needed >= nodes:
                raise ValueError(f"a node has only {nodes - 1} others; use more nodes")
            return None
        if kind == GRAPH6:
            if not len(graph6.decode(rest)):
                raise ValueError("a graph without nodes; use one that has some")
            return None
        cutoff = rest.rpartition("@")
        if not cutoff[1]:
            raise ValueError(f"no cutoff; write one in Å, as in '{CRYSTAL}'")
        edges = counts_of(problem)[1]
    except ValueError as error:
        return Refusal(f"data {problem.data!r}: {error}")
    if not edges:
        return Refusal(
            f"data {problem.data!r}: no two atoms are within the cutoff of {cutoff[2]} Å",
            "use a larger cutoff",
        )
    return None
