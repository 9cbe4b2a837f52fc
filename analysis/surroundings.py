r"""Which environments layers on graphs tell apart: what a node can know of its neighbours.

The pairs are those of `analysis.discrimination`. A node in the middle has an edge from each of its
neighbours, and there is no other edge. All nodes have the same invariants, of different sizes by
channel, and nothing else: what the node learns of where its neighbours are, it learns from the
edges. After some layers its invariants are compared for both environments of a pair,

    distance = |s - s'| / max(|s|, |s'|),

and for the first and a copy of it, turned and with its neighbours in another order: the control.
Neighbours hear of nobody, so that a further layer only makes more of what the node knows, and meets
the edges with it again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.discrimination import Pair, Verdict, distance
from impls.families.feature import invariant
from impls.so3.irreps import Irreps
from impls.so3.rotations import random_rotations
from impls.spaces import Array, Arrays

Layer = Callable[[Arrays], Array]
"""Features [nodes, channels, dim] from x [nodes, channels, dim], v [edges, 3], src and dst."""


def compare(
    layer: Layer, irreps: tuple[Irreps, Irreps], channels: int, pair: Pair, layers: int = 1
) -> Verdict:
    """Measure how far apart a layer, put `layers` times, puts a pair; `irreps` are in and out.

    >>> from analysis.discrimination import pairs
    >>> def angles(a):  # the length of the sum of all directions
    ...     total = (a["v"] / np.linalg.norm(a["v"], axis=1)[:, None]).sum(0)
    ...     return a["x"] + total @ total
    >>> one = Irreps.parse("0e")
    >>> found = {p.name: compare(angles, (one, one), 1, p).distinguishes for p in pairs()}
    >>> found["chiral_tetris"], found["homometric"]
    (False, False)

    Raises:
        ValueError: for features without invariants, fewer layers than one, or several of a layer
            that gives other irreps than it takes.
    """
    inside, out = irreps
    if layers < 1 or (layers > 1 and inside != out):
        raise ValueError(f"{layers} layers of {inside} to {out}: ask for one, or for irreps alike")
    if not _invariants(inside) or not _invariants(out):
        raise ValueError(f"{inside} to {out}: ask for invariants in and out")
    rng = np.random.default_rng(len(pair.first))
    copy = rng.permutation(pair.first) @ random_rotations(rng, 1)[0].T
    first, second, control = (
        _known(layer, irreps, channels, environment, layers)
        for environment in (pair.first, pair.second, copy)
    )
    return Verdict(pair.name, layers, distance(first, second), distance(first, control))


def _known(
    layer: Layer, irreps: tuple[Irreps, Irreps], channels: int, environment: Array, layers: int
) -> Array:
    """Return the invariants of the node in the middle, which is node 0."""
    inside, out = irreps
    count, kinds = len(environment), _invariants(inside)
    x = np.zeros((count + 1, channels, inside.dim))
    x[..., kinds] = np.linspace(0.5, 1.5, channels * len(kinds)).reshape(channels, -1)
    ends = {"src": np.arange(1, count + 1), "dst": np.zeros(count, np.int64)}
    for _ in range(layers):
        x = layer({"x": x, "v": environment, **ends})
    return np.ravel(x[0][:, _invariants(out)])


def _invariants(irreps: Irreps) -> list[int]:
    """Return the components that are invariants."""
    parts = zip(irreps, irreps.slices(), strict=True)
    return [n for (_, ir), part in parts if invariant(ir) for n in range(part.start, part.stop)]
