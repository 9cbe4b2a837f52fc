"""Graphs of any size that no structure gives.

They depend on their numbers and a seed alone, and follow the convention of `impls.inputs.graphs`:
an edge carries a message from `src` to `dst`, and its vector points from `dst` to `src`. Each node
receives from equally many others, and edges are sorted by `dst`; not so in `loose` and `placed`
ones.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from impls.inputs.graphs import Floats, Graph, Ints

JITTER = 0.25
"""Largest move of a site of the lattice along an axis: no two nodes come closer than 0.5."""
NEAR = 16
"""Of so many nearest nodes a placed one receives."""
NEAREST = 8
"""Directions come as near to the polar axis as 10^-8 rad."""


def lattice(nodes: int, neighbours: int, seed: int) -> Graph:
    """Return sites of a cubic lattice around the origin, each with its nearest neighbours.

    Spacing 1; each site is moved at random by up to 0.25 along each axis. Edges of a node are
    sorted by distance. ValueError where a node has fewer others than neighbours.
    """
    return _nearest(_sites(nodes, seed), neighbours)


def axis(nodes: int, neighbours: int, seed: int) -> Graph:
    """Return nodes on the polar axis y, each with its nearest: all edges are along +y or -y.

    Spacing 1; each node is moved at random along the axis by up to 0.25.
    """
    r = np.zeros((nodes, 3))
    r[:, 1] = np.arange(nodes) + np.random.default_rng([seed, nodes]).uniform(
        -JITTER, JITTER, nodes
    )
    return _nearest(r, neighbours)


def loose(nodes: int, edges: int, seed: int) -> Graph:
    """Return edges in no order, each from any node to any, along random directions.

    Some nodes receive nothing, some from themselves (as from an image), some twice from another;
    there may be no edge at all. Lengths are 1..1.5.
    """
    rng = np.random.default_rng([seed, nodes, edges])
    src, dst = rng.integers(nodes, size=(2, edges))
    return Graph(src, dst, stretched(rng, rng.standard_normal((edges, 3))), nodes)


def isotropic(nodes: int, neighbours: int, seed: int) -> Graph:
    """Return random others for each node, and vectors in all directions, of lengths 1..1.5."""
    rng = np.random.default_rng([seed, nodes, neighbours])
    dst = _receivers(nodes, neighbours)
    src = _others(rng, nodes, neighbours)
    return Graph(src, dst, stretched(rng, rng.standard_normal((len(dst), 3))), nodes)


def poles(nodes: int, neighbours: int, seed: int) -> Graph:
    """Return random others for each node, and vectors where frames and angles may fail.

    They are `polar`, edge by edge.
    """
    rng = np.random.default_rng([seed, nodes, neighbours])
    dst = _receivers(nodes, neighbours)
    src = _others(rng, nodes, neighbours)
    return Graph(src, dst, polar(rng, len(dst)), nodes)


def placed(nodes: int, edges: int, seed: int) -> Graph:
    """Return edges in no order between sites of the lattice, each from one of the nearest NEAR."""
    rng = np.random.default_rng([seed, nodes, edges])
    r = _sites(nodes, seed)
    dst = rng.integers(nodes, size=edges)
    if nodes == 1 and edges:
        raise ValueError("a node has 0 others; use more nodes, or no edges")
    if not edges:
        return Graph(dst, dst, np.zeros((0, 3)), nodes, r)
    near = min(NEAR, nodes - 1)
    table = _nearest(r, near).src.reshape(nodes, near)
    src = table[dst, rng.integers(near, size=edges)]
    return Graph(src, dst, r[src] - r[dst], nodes, r)


def _sites(nodes: int, seed: int) -> Floats:
    """Return jittered sites of a cubic lattice around the origin [nodes, 3]."""
    side = int(np.ceil(round(nodes ** (1 / 3), 6)))
    sites = np.array(list(product(range(side), repeat=3)))[:nodes] - (side - 1) / 2
    jitter = np.random.default_rng([seed, nodes]).uniform(-JITTER, JITTER, sites.shape)
    return np.asarray(sites + jitter)


def _nearest(r: Floats, neighbours: int) -> Graph:
    """Return the graph in which each place receives from its nearest ones, sorted by distance."""
    from scipy.spatial import cKDTree  # a quarter of a second: not at import

    dst = _receivers(len(r), neighbours)
    src = np.asarray(cKDTree(r).query(r, neighbours + 1)[1])[:, 1:].ravel()
    return Graph(src, dst, r[src] - r[dst], len(r), r)


def _receivers(nodes: int, neighbours: int) -> Ints:
    if not 0 < neighbours < nodes:
        raise ValueError(
            f"{neighbours} neighbours: a node has {nodes - 1} others; use more nodes, or from 1 to "
            f"{nodes - 1} neighbours"
        )
    return np.repeat(np.arange(nodes), neighbours)


def _others(rng: np.random.Generator, nodes: int, neighbours: int) -> Ints:
    """Return `neighbours` different others of each node, one node after another."""
    found = np.empty((nodes, neighbours), np.int64)
    for node, row in enumerate(found):
        row[:] = rng.choice(nodes - 1, neighbours, replace=False)
        row[row >= node] += 1
    return found.ravel()


def polar(rng: np.random.Generator, count: int) -> Floats:
    """Return `count` vectors [count, 3] along the axes and near the polar one, of lengths 1..1.5.

    First the six directions of the axes x, y, z, then vectors at 10^-1, 10^-2 .. 10^-8 rad from the
    polar axis y and from its opposite, at random azimuths, again and again.
    """
    number = np.arange(count)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    place = number % (6 + 2 * NEAREST) - 6
    angle, azimuth = 10.0 ** -(1 + place // 2), rng.uniform(0, 2 * np.pi, count)
    side = np.where(place % 2, -1.0, 1.0)
    near = np.stack([np.sin(azimuth), side / np.tan(angle), np.cos(azimuth)], axis=-1)
    return stretched(rng, np.where(place[:, None] < 0, axes[place % 6], near))


def stretched(rng: np.random.Generator, vectors: Floats) -> Floats:
    """Return the vectors [count, 3] with lengths drawn from 1..1.5: zero has no direction."""
    lengths = rng.uniform(1, 1.5, (len(vectors), 1))
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) * lengths
