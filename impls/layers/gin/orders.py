r"""Orders of the nodes of a graph: by an invariant of each, with all orders of those it ties.

For the adjacency A of a graph (edges i <- j counted), S = A + A^T, degrees D of S and the walk
P = D^(-1/2) S D^(-1/2), the score of a node is

    s_i = D_ii / sum_j D_jj + sum_k WEIGHTS_k (P^k)_ii,    k = 2 .. 8.

These are sums over the eigenspaces of P of the squares of its eigenvectors at the node, with a
factor for each eigenvalue: what the frame of [@puny2022] sorts by in the order of eigenvalues, of
the Laplacian there. A sum has no eigenvalue in a denominator, and no rounding to decimals.

The scores of a graph that is renumbered are renumbered, and so are the orders by ascending scores.
Nodes that a symmetry of the graph exchanges have equal scores: all their orders are in the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations, product
from math import factorial, prod

import numpy as np

from impls.inputs.named import graph_of
from impls.problem import Problem, Refusal
from impls.spaces import Array

WEIGHTS = (1.0, 1.618, 2.618, 4.236, 6.854, 11.09, 17.944)
"""Of walks of 2 to 8 steps: longer ones return less often, and tell more nodes apart."""
EQUAL = 1e-9
"""Scores that differ by no more are equal."""
CLEAR = 1e-5
"""Scores that are not equal differ by as much at least, so that single precision orders them."""
MOST = 120
"""Orders that are averaged over."""
NODES = 64
"""Nodes of which a gate takes all, so that it sees the graph whole."""


def scores(nodes: int, src: Array, dst: Array) -> Array:
    """Return s [nodes] in float64."""
    counted = np.zeros((nodes, nodes))
    np.add.at(counted, (dst, src), 1.0)
    both = counted + counted.T
    degrees = both.sum(axis=1)
    walk = both / np.sqrt(np.outer(degrees, degrees))
    found, power = degrees / degrees.sum(), walk
    for weight in WEIGHTS:
        power = power @ walk
        found = found + weight * np.diagonal(power)
    return np.asarray(found)


def blocks(s: Array) -> list[int]:
    """Return how many nodes have each score, by ascending score."""
    ends = np.flatnonzero(np.diff(np.sort(s)) > EQUAL) + 1
    return [int(n) for n in np.diff([0, *ends, len(s)])]


def orders(sizes: Sequence[int]) -> Array:
    """Return all places [K, nodes] of the nodes by score: any order within each block.

    >>> orders([1, 2]).tolist()
    [[0, 1, 2], [0, 2, 1]]

    Raises:
        ValueError: for more than MOST.
    """
    if prod(factorial(n) for n in sizes) > MOST:
        raise ValueError(f"blocks of {sizes} nodes: more than {MOST} orders")
    starts = np.cumsum([0, *sizes[:-1]])
    each = [permutations(range(a, a + n)) for a, n in zip(starts.tolist(), sizes, strict=True)]
    return np.array([[place for part in parts for place in part] for parts in product(*each)])


@lru_cache(maxsize=64)
def frame_of(problem: Problem) -> Array:
    """Return the places [K, nodes] of the graph of a problem that has a frame."""
    graph = graph_of(problem)
    return orders(blocks(scores(graph.nodes, graph.src, graph.dst)))


@lru_cache(maxsize=64)
def no_frame(problem: Problem) -> Refusal | None:
    """Refuse a graph with too many orders, or scores that rounding could exchange."""
    graph, what = graph_of(problem), f"data {problem.data!r}"
    if graph.nodes > NODES:
        return Refusal(f"{what}: {graph.nodes} nodes", f"use {NODES} at most")
    if len(np.unique(graph.dst)) < graph.nodes:
        return Refusal(f"{what}: a node without edges into it", "use a graph without such nodes")
    s = scores(graph.nodes, graph.src, graph.dst)
    count = prod(factorial(n) for n in blocks(s))
    if count > MOST:
        return Refusal(
            f"{what}: {count:.3g} orders of nodes that the graph exchanges",
            f"use a graph with fewer symmetries, {MOST} orders at most",
        )
    apart = np.diff(np.sort(s))
    near = apart[(apart > EQUAL) & (apart < CLEAR)]
    if len(near):
        return Refusal(
            f"{what}: scores of nodes differ by {near.min():.1e}, and rounding may exchange them",
            "use another seed, or fewer nodes",
        )
    return None
