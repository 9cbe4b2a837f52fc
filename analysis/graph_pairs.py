r"""Which graphs layers tell apart: pairs in which the nodes look alike, and copies that are equal.

The two graphs of a pair have as many nodes and edges, and the Weisfeiler-Lehman test of nodes
(`refinement`), which is what sums over neighbours can know, takes them for the same. What a network
says of both is compared,

    distance = |f(A) - f(A')| / max(|f(A)|, |f(A')|),

and of the first and of a copy of it with its nodes in another order: the control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from analysis.discrimination import Verdict, distance
from impls.spaces import Array

Network = Callable[[Array], Array]
"""What is said of graphs [graphs, numbers], of their adjacency [graphs, n, n]."""


@dataclass(frozen=True)
class GraphPair:
    """Two graphs that no order of the nodes makes equal, as adjacency [n, n].

    `because` says what is the same in both, so that they are hard to tell apart.
    """

    name: str
    first: Array
    second: Array
    because: str

    @property
    def nodes(self) -> int:
        """Return the number of nodes of each."""
        return len(self.first)

    @property
    def degree(self) -> int:
        """Return the most neighbours that a node has."""
        return int(max(a.sum(axis=1).max() for a in (self.first, self.second)))


def _graph(nodes: int, edges: Iterable[tuple[int, int]]) -> Array:
    a = np.zeros((nodes, nodes))
    for i, j in edges:
        a[i, j] = a[j, i] = 1.0
    return a


def _cycles(*lengths: int) -> list[tuple[int, int]]:
    """Return the edges of cycles beside each other, nodes counted through."""
    edges, start = [], 0
    for n in lengths:
        edges += [(start + i, start + (i + 1) % n) for i in range(n)]
        start += n
    return edges


def _circulant(nodes: int, *steps: int) -> Array:
    return _graph(nodes, ((i, (i + step) % nodes) for i in range(nodes) for step in steps))


def _on_torus(steps: Iterable[tuple[int, int]]) -> Array:
    """Return the graph of the 16 places of a torus of 4 x 4, joined by steps."""
    places = list(product(range(4), repeat=2))
    return _graph(
        16,
        (
            (4 * i + j, 4 * ((i + di) % 4) + (j + dj) % 4)
            for i, j in places
            for di, dj in steps
        ),
    )  # fmt: skip


@cache
def pairs() -> tuple[GraphPair, ...]:
    """Return the pairs of graphs.

    * c6_2c3, c8_2c4: one cycle, and two of half its length.
    * decalin: two hexagons that share an edge, and two pentagons joined by one (bicyclopentyl).
    * k33_prism: the complete bipartite graph of 3 + 3 nodes, and the prism of a triangle.
    * csl_11, csl_41: cycles with skip links, of steps 2 and 3 of 11 nodes, of 2 and 9 of 41
      [@murphy2019].
    * rook_shrikhande: rook's graph of 4 x 4 fields, and Shrikhande's: strongly regular, with the
      same parameters (16, 6, 2, 2), so that pairs of nodes look alike too.

    >>> [pair.name for pair in pairs()][:3]
    ['c6_2c3', 'c8_2c4', 'decalin']
    """
    regular = "{} neighbours of each node"
    bonds = [*_cycles(10), (0, 5)]
    rook = [(0, step) for step in (1, 2, 3)] + [(step, 0) for step in (1, 2, 3)]
    prism = [*_cycles(3, 3), *((i, i + 3) for i in range(3))]
    bipartite = ((i, j) for i in range(3) for j in range(3, 6))
    return (
        GraphPair("c6_2c3", _graph(6, _cycles(6)), _graph(6, _cycles(3, 3)), regular.format(2)),
        GraphPair("c8_2c4", _graph(8, _cycles(8)), _graph(8, _cycles(4, 4)), regular.format(2)),
        GraphPair(
            "decalin",
            _graph(10, bonds),
            _graph(10, [*_cycles(5, 5), (0, 5)]),
            "neighbours of neighbours, to any distance",
        ),
        GraphPair("k33_prism", _graph(6, bipartite), _graph(6, prism), regular.format(3)),
        GraphPair("csl_11", _circulant(11, 1, 2), _circulant(11, 1, 3), regular.format(4)),
        GraphPair("csl_41", _circulant(41, 1, 2), _circulant(41, 1, 9), regular.format(4)),
        GraphPair(
            "rook_shrikhande",
            _on_torus(rook),
            _on_torus([(0, 1), (1, 0), (1, 1)]),
            "neighbours of each node, and of each two nodes",
        ),
    )


def refinement(first: Array, second: Array) -> bool:
    """Tell whether the Weisfeiler-Lehman test of nodes tells two graphs apart.

    All nodes have one colour at first; then, until there are no more colours, that of a node is its
    own and the multiset of those of its neighbours.

    >>> path, star = _graph(4, [(0, 1), (1, 2), (2, 3)]), _graph(4, [(0, 1), (0, 2), (0, 3)])
    >>> refinement(path, star), refinement(path, path[::-1, ::-1])
    (True, False)
    """
    if len(first) != len(second):
        return True
    both = [np.asarray(a) > 0 for a in (first, second)]
    colours = np.zeros((2, len(first)), int)
    while True:
        seen = [
            [(int(own), tuple(sorted(mine[row]))) for own, row in zip(mine, a, strict=True)]
            for mine, a in zip(colours, both, strict=True)
        ]
        names = {colour: n for n, colour in enumerate(sorted({*seen[0], *seen[1]}))}
        finer = np.array([[names[colour] for colour in mine] for mine in seen])
        if sorted(finer[0]) != sorted(finer[1]):
            return True
        if len(np.unique(finer)) == len(np.unique(colours)):
            return False
        colours = finer


def compare(network: Network, pair: GraphPair, layers: int) -> Verdict:
    """Measure how far apart a network of `layers` layers puts two graphs, and equal ones.

    >>> triangles = lambda a: np.trace(a @ a @ a, axis1=1, axis2=2)[:, None]
    >>> found = {p.name: compare(triangles, p, layers=1).distance > 0 for p in pairs()}
    >>> found["c6_2c3"], found["c8_2c4"], found["rook_shrikhande"]
    (True, False, False)
    """
    order = np.random.default_rng(pair.nodes).permutation(pair.nodes)
    f = network(np.stack([pair.first, pair.second, pair.first[np.ix_(order, order)]]))
    return Verdict(pair.name, layers, distance(f[0], f[1]), distance(f[0], f[2]))
