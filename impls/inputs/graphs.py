"""Neighbour graphs of structures: who is within the cutoff of whom, periodic images included.

One convention: an edge carries a message from `src` to `dst`, and its vector points from `dst` to
`src`, r_src + image shift - r_dst.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impls.inputs.structures import Structure, structure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHELL = 1e-9
"""Relative slack of the cutoff: a shell of neighbours exactly at the cutoff counts whole, however
its distances round."""

CLASH = 1e-6
"""Two atoms closer than this [Å] have no direction between them."""

_FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Graph:
    """Hold directed edges with their vectors.

    src      [e]     node that sends, int64
    dst      [e]     node that receives, int64
    vectors  [e, 3]  from dst to src, r_src + image shift - r_dst [Å]
    nodes            how many nodes there are, isolated ones included
    positions [n, 3] of the nodes, where vectors = r_src - r_dst; None where edges lead to images
                     or vectors are no differences at all

    The arrays are copied and made read-only. Raise ValueError on a wrong shape, an index outside
    the nodes or a vector that is not finite.
    """

    src: Ints
    dst: Ints
    vectors: Floats
    nodes: int
    positions: Floats | None = None

    def __post_init__(self) -> None:
        """Check shapes and indices and freeze the arrays."""
        if self.nodes < 0:
            raise ValueError(f"nodes must not be negative, not {self.nodes}")
        vectors = np.array(self.vectors, dtype=np.float64)
        if vectors.ndim != 2 or vectors.shape[1] != 3 or not np.isfinite(vectors).all():
            raise ValueError(f"vectors must be finite of shape [e, 3], not {list(vectors.shape)}")
        for what in ("src", "dst"):
            ends = np.array(getattr(self, what))
            if ends.shape != (len(vectors),) or ends.dtype.kind not in "iu":
                raise ValueError(
                    f"{what} must be integers of shape [{len(vectors)}] like vectors, "
                    f"not {ends.dtype} {list(ends.shape)}"
                )
            if ends.size and (ends.min() < 0 or ends.max() >= self.nodes):
                raise ValueError(
                    f"{what} must be within 0 and {self.nodes - 1}, the last node, "
                    f"not between {ends.min()} and {ends.max()}"
                )
            ends = ends.astype(np.int64)
            ends.flags.writeable = False
            object.__setattr__(self, what, ends)
        vectors.flags.writeable = False
        object.__setattr__(self, "vectors", vectors)
        if self.positions is not None:
            positions = np.array(self.positions, dtype=np.float64)
            if positions.shape != (self.nodes, 3):
                raise ValueError(
                    f"positions must have shape [{self.nodes}, 3], not {list(positions.shape)}"
                )
            positions.flags.writeable = False
            object.__setattr__(self, "positions", positions)


def neighbours(structure: Structure, cutoff: float) -> Graph:
    """Connect every pair of atoms at a distance of at most cutoff [Å], in both directions.

    A crystal repeats in all three directions: an edge leads to each image within the cutoff, also
    to images of the atom itself, but never to the atom itself. Edges are sorted by (dst, src,
    vector), and the vector of a reversed edge is the exact negative. Raise ValueError for a cutoff
    that is not positive and finite, a cell without volume and two atoms at the same place.
    """
    from scipy.spatial import cKDTree  # a quarter of a second: not at import

    if not 0 < cutoff < np.inf:
        raise ValueError(f"cutoff must be a positive, finite length in Å, not {cutoff}")
    positions = structure.positions
    if structure.cell is None:
        owner, shifts, wraps = _alone(len(positions))
        images, centres, cell = positions, positions, np.zeros((3, 3))
    else:
        cell = structure.cell
        owner, shifts, wraps, images, centres = _images(structure.name, positions, cell, cutoff)
    if not len(positions):
        return union(())
    pairs = cKDTree(images).sparse_distance_matrix(
        cKDTree(centres), cutoff * (1 + 1e-6), output_type="ndarray"
    )
    dst = pairs["j"].astype(np.int64)
    src = owner[pairs["i"]]
    shift = shifts[pairs["i"]] + wraps[dst] - wraps[src]
    # Integer shifts times the cell, column by column, so that reversal negates without rounding.
    moved = shift[:, :1] * cell[0] + shift[:, 1:2] * cell[1] + shift[:, 2:] * cell[2]
    vectors = (positions[src] - positions[dst]) + moved
    lengths = np.sqrt((vectors**2).sum(axis=1))
    itself = (src == dst) & (shift == 0).all(axis=1)
    keep = ~itself & (lengths <= cutoff * (1 + SHELL))
    clash = np.flatnonzero(keep & (lengths < CLASH))
    if clash.size:
        first, second = sorted((int(src[clash[0]]), int(dst[clash[0]])))
        raise ValueError(
            f"atoms {first} and {second} of {structure.name!r} are "
            f"{lengths[clash[0]]:g} Å apart; move or remove one"
        )
    src, dst, vectors = src[keep], dst[keep], vectors[keep]
    order = np.lexsort((vectors[:, 2], vectors[:, 1], vectors[:, 0], src, dst))
    placed = positions if structure.cell is None else None
    return Graph(src[order], dst[order], vectors[order], len(positions), placed)


def union(graphs: Sequence[Graph]) -> Graph:
    """Batch graphs as their disjoint union, nodes and edges in the order given.

    The union of none is the empty graph.
    """
    starts = np.cumsum([0, *(g.nodes for g in graphs)])
    src = [g.src + start for g, start in zip(graphs, starts[:-1], strict=True)]
    dst = [g.dst + start for g, start in zip(graphs, starts[:-1], strict=True)]
    none = np.zeros(0, np.int64)
    placed = [g.positions for g in graphs if g.positions is not None]
    everywhere = bool(graphs) and len(placed) == len(graphs)
    return Graph(
        np.concatenate([none, *src]),
        np.concatenate([none, *dst]),
        np.concatenate([np.zeros((0, 3)), *(g.vectors for g in graphs)]),
        int(starts[-1]),
        np.concatenate(placed) if everywhere else None,
    )


def graph(name: str, cutoff: float) -> Graph:
    """Connect the structure of that name, or the disjoint union of several joined by "+".

    For example "CH4+H2O+diamond:2x2x2"; cutoff in Å. Raise ValueError as `structure` and
    `neighbours` do.
    """
    return union([neighbours(structure(part), cutoff) for part in name.split("+")])


def _alone(n: int) -> tuple[Ints, Ints, Ints]:
    """Give every atom of a molecule itself as its only image."""
    return np.arange(n), np.zeros((n, 3), np.int64), np.zeros((n, 3), np.int64)


def _images(
    name: str, positions: Floats, cell: Floats, cutoff: float
) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """List the images that can be within the cutoff [Å] of the cell at the origin.

    Return owner [m], shift in cells from the wrapped owner [m, 3], cells taken off each atom to
    wrap it [n, 3], positions of the images [m, 3] and of the wrapped atoms [n, 3].
    """
    normals = np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]])
    volume = abs(float(cell[0] @ normals[0]))
    if not volume > _FLAT * float(np.sqrt((cell**2).sum(axis=1)).prod()):
        raise ValueError(
            f"cell of {name!r} has volume {volume:g} Å³; give three independent lattice vectors, "
            "or None for a molecule"
        )
    fractions = np.linalg.solve(cell.T, positions.T).T
    wraps = np.floor(fractions).astype(np.int64)
    fractions = fractions - wraps
    reach = cutoff * np.sqrt((normals**2).sum(axis=1)) / volume + 1e-6
    counts = np.floor(reach).astype(np.int64) + 1
    shifts = np.indices(tuple(2 * counts + 1)).reshape(3, -1).T - counts
    far = fractions[None, :, :] + shifts[:, None, :]
    near = ((far >= -reach) & (far <= 1 + reach)).all(axis=2)
    which, owner = np.nonzero(near)
    return owner, shifts[which], wraps, far[near] @ cell, fractions @ cell
