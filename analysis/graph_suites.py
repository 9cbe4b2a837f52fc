r"""Which graphs a network tells apart: pairs that are not equal, each beside a copy of its first.

A network is asked of a graph and says arrays; all that is compared is the multiset of numbers in
each, so that it does not matter which node is which,

    distance = |s - s'| / max(|s|, |s'|),    s the numbers of a graph, sorted,

for both of a pair, and for the first and a copy with its nodes in another order: the control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from analysis.discrimination import Verdict, distance
from impls.spaces import Array

Network = Callable[[Array], Iterable[Array]]
"""Arrays of any shapes, of the adjacency [n, n] of a graph."""


def compare(
    network: Network, first: Array, second: Array, name: str, layers: int, seed: int = 0
) -> Verdict:
    """Measure how far apart a network of `layers` layers puts two graphs, and two equal ones.

    >>> path, star = np.zeros((2, 4, 4), bool)
    >>> path[[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]] = True
    >>> star[[0, 0, 0, 1, 2, 3], [1, 2, 3, 0, 0, 0]] = True
    >>> degrees, count = (lambda a: [a.sum(axis=0)]), (lambda a: [a.sum()])
    >>> [compare(f, path, star, "", 1).distinguishes for f in (degrees, count)]
    [True, False]

    Raises:
        ValueError: for graphs with unequal numbers of nodes: these are told apart by counting.
    """
    if first.shape != second.shape:
        raise ValueError(f"graphs of {len(first)} and {len(second)} nodes are no pair")
    order = np.random.default_rng([seed, len(first)]).permutation(len(first))
    said, other, copy = (
        _numbers(network(graph)) for graph in (first, second, first[np.ix_(order, order)])
    )
    return Verdict(name, layers, distance(said, other), distance(said, copy))


def _numbers(said: Iterable[Array]) -> Array:
    """Return all numbers of each array, sorted, one array after another."""
    return np.concatenate([np.sort(a, axis=None) for a in said])
