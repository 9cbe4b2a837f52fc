r"""The maps of a convolution along one edge: what its weights reach, of all that are equivariant.

With the vector v of an edge fixed, a message is a linear map of the feature that is sent. Under a
group G that acts on v it commutes with the stabiliser of v, so that all possible maps are

    Hom_{G_v}(V, W),   G_v = SO(2), the turns about v, in SO(3), and O(2), with the mirrors that
    contain v, in O(3).

Between irreps of natural parity, degrees l and l', that are 2 min(l, l') + 1 maps under SO(2) and
min(l, l') + 1 under O(2). For one channel in and one out, three numbers are compared:

* `full`: dim Hom_{G_v}(V, W), with one copy of each irrep that is asked for in W;
* `rank`: that of the maps of the convolution as its weights vary;
* `followed`: that of what a linear layer, with weights that all edges share, can make of these:
  outputs of equal irreps (paths, say) are added with free factors.

So it is seen whether weights stand in the convolution or behind it: with a factor for an edge alone
(attention) the rank is 1, whatever follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.homs import defect, hom_dimension, representation, spanned
from analysis.rank import Rank
from impls.groups import Group, circle
from impls.so3.irreps import Irreps
from impls.so3.rotations import axis_angle
from impls.so3.space import irreps_space
from impls.spaces import Array

ELEMENTS = 4


@dataclass(frozen=True)
class Edge:
    """The maps of one edge for one channel; `defect` is how far they are from equivariant."""

    stabiliser: str
    rank: Rank
    followed: Rank
    full: Rank
    defect: float


def stabiliser(v: Array, inversion: bool) -> list[Group]:
    """Return groups that generate the stabiliser of a vector [3], as 3x3 matrices.

    In SO(3) the turns about v; with `inversion`, in O(3), a mirror that contains v too.

    >>> [group.name for group in stabiliser(np.array([0.0, 0.0, 1.0]), inversion=True)]
    ['SO(2)', 'Cs']
    """
    turns = circle(tuple(v))
    if not inversion:
        return [turns]
    normal = np.cross(v, np.eye(3)[np.argmin(np.abs(v))])
    mirror = -axis_angle(normal, np.pi)
    flips = Group("Cs", np.eye(3), lambda rng, n: [mirror] * n, np.matmul, np.transpose)
    return [turns, flips]


def along(maps: Array, v: Array, irreps: tuple[Irreps, Irreps, Irreps], *, inversion: bool) -> Edge:
    """Return what maps [draws of weights, dim out, dim in] along an edge with vector v [3] reach.

    `irreps` are those of the feature that is sent, of the output that the maps have, and those that
    were asked for. `inversion` says whether O(3) or SO(3) acts on them.

    >>> v, vector = np.array([0.0, 0.0, 1.0]), Irreps.parse("1o")
    >>> maps = np.random.default_rng(0).standard_normal((5, 1, 1)) * np.outer(v, v)
    >>> edge = along(maps, v, (vector, vector, vector), inversion=True)
    >>> edge.stabiliser, edge.rank.value, edge.full.value
    ('O(2)', 1, 2)
    """
    sent, found, asked = irreps
    groups = stabiliser(v, inversion)
    spaces = [irreps_space((part.dim,), part) for part in (sent, found, asked)]
    rng = np.random.default_rng(0)
    elements = [g for group in groups for g in group.sample(rng, ELEMENTS)]
    first, second = (representation(space, elements) for space in spaces[:2])
    return Edge(
        "O(2)" if inversion else "SO(2)",
        spanned(maps),
        _followed(maps, found, asked),
        hom_dimension([spaces[0]], spaces[2], groups),
        defect(maps, [first], second),
    )


def _followed(maps: Array, found: Irreps, asked: Irreps) -> Rank:
    """Return the dimension of all sums, with free factors, of outputs of equal irreps."""
    parts: list[Rank] = []
    for mul, ir in asked:
        blocks = [
            maps[:, place].reshape(-1, ir.dim, maps.shape[2])
            for (_, other), place in zip(found, found.slices(), strict=True)
            if other == ir
        ]
        if blocks:
            parts += [spanned(np.concatenate(blocks))] * mul
    value, gap = sum(part.value for part in parts), min((p.gap for p in parts), default=np.inf)
    return Rank(value, float(gap), all(part.seeds_agree for part in parts))
