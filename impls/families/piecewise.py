"""Family `piecewise`: clouds of several parts, each of which moves by a motion of its own.

r: [batch, parts points, 3]         positions, one part after another
h: [batch, parts points, channels]  features of points, standard normal, that no motion changes
w: [batch, parts points, groups]    the partition that is given: the share of a point in each group,
                                    1 in all; not differentiated, for next to a partition are shares
                                    under which motions of parts do not stand apart

The sizes are `parts`, `points` of each part, `channels` and `batch`. The group is E(3) to the power
of the parts, times the permutations of the points within each part. An element is {"parts": [[R,
t], [0, 1]] of each part [parts, 4, 4], "points": permutations [parts, points]}.

Who moves with whom is the true partition, of the group. **What is given is another matter**, and is
that of the data. A partition serves as well as the true one if each of its groups lies within a
part [@atzmon2024]:

true      the true partition: a group is a part
finer     each part in two groups, its first half and its second
coarser   parts in pairs are one group
wrong:s   the share s of all clouds, evenly spread, is partitioned wrongly: the first point of each
          part is given to the next. The others have the true partition
soft:s    each point has the share 1 - s in its own part, and s in all alike

The points of a part, and of both its halves, have variances along their principal axes that differ
by LEAST of the largest: these axes are well defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked
from impls.groups import Element, Group, direct_product, euclidean, orthogonal, power, symmetric
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes, size
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

Data = Literal[
    "true",
    "finer",
    "coarser",
    "wrong:0.03125",
    "wrong:0.0625",
    "wrong:0.125",
    "wrong:0.25",
    "wrong:0.5",
    "wrong:1",
    "soft:0.0001",
    "soft:0.001",
    "soft:0.01",
    "soft:0.1",
]
DATA: tuple[Data, ...] = get_args(Data)
VARIANCES = (0.25, 0.5, 1.0)
LEAST = 0.05
"""Between two variances along principal axes, in units of the largest."""
APART = 2.0
"""The spread of the centres of the parts along each axis."""


@dataclass(frozen=True)
class PiecewiseSizes(Sizes):
    """Two parts at least, and eight points of each: the half of a part still fills space."""

    parts: int = size(least=2)
    points: int = size(least=8)
    channels: int = size()
    batch: int = size()


def ask(
    parts: int = 4,
    points: int = 16,
    *,
    channels: int = 16,
    batch: int = 100,
    data: Data = "true",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for clouds of so many parts, of so many points each."""
    sizes: dict[str, Size] = {
        "parts": parts,
        "points": points,
        "channels": channels,
        "batch": batch,
    }
    return Problem("piecewise", sizes, dtype=dtype, data=data, seed=seed)


def partition_of(problem: Problem) -> tuple[str, float | None]:
    """Return what kind of partition is given, and its share or softness where it has one."""
    kind, _, number = problem.data.partition(":")
    return kind, float(number) if number else None


def groups_of(problem: Problem) -> int:
    """Return how many groups the partition has that is given."""
    parts = PiecewiseSizes.of(problem).parts
    return {"finer": 2 * parts, "coarser": (parts + 1) // 2}.get(partition_of(problem)[0], parts)


def shape_of(problem: Problem) -> tuple[int, int, int]:
    """Return [batch, points of all parts, channels], the shape of h."""
    sizes = PiecewiseSizes.of(problem)
    return sizes.batch, sizes.parts * sizes.points, sizes.channels


def _relabelled(problem: Problem, g: Element, a: Array) -> Array:
    """Return a [batch, parts points, numbers] with the points of each part in another order."""
    sizes = PiecewiseSizes.of(problem)
    places = g["points"] + sizes.points * np.arange(sizes.parts)[:, None]
    moved = np.empty_like(a)
    moved[:, places.ravel()] = a
    return moved


def position_space(problem: Problem) -> Space:
    """Return the Space [batch, parts points, 3] of positions; no gradient is translated."""
    batch, count, _ = shape_of(problem)
    parts = PiecewiseSizes.of(problem).parts

    def moved(g: Element, a: Array, shifts: Array) -> Array:
        by_part = a.reshape(len(a), parts, -1, 3)
        turned = np.einsum("kxy,bkpy->bkpx", g["parts"][:, :3, :3], by_part) + shifts[:, None]
        return _relabelled(problem, g, turned.reshape(a.shape))

    def act(g: Element, a: Array) -> Array:
        return moved(g, a, g["parts"][:, :3, 3])

    def dual(g: Element, a: Array) -> Array:
        return moved(g, a, np.zeros((parts, 3)))

    return Space((batch, count, 3), act, dual=dual, axis="batch")


def feature_space(problem: Problem, numbers: int | None = None) -> Space:
    """Return the Space [batch, parts points, channels, or numbers] of what no motion changes."""
    batch, count, channels = shape_of(problem)

    def act(g: Element, a: Array) -> Array:
        return _relabelled(problem, g, a)

    return Space((batch, count, numbers or channels), act, axis="batch")


def _group(problem: Problem) -> Group:
    sizes = PiecewiseSizes.of(problem)
    return direct_product(
        parts=power(euclidean(orthogonal()), sizes.parts),
        points=power(symmetric(sizes.points), sizes.parts),
    )


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {
        "r": position_space(problem),
        "h": feature_space(problem),
        "w": replace(feature_space(problem, groups_of(problem)), grad=False),
    }


def _draw(problem: Problem, streams: Streams) -> Arrays:
    sizes, rng = PiecewiseSizes.of(problem), streams("r")
    each = [_part(rng, sizes.batch, sizes.points) for _ in range(sizes.parts)]
    return {
        "r": np.concatenate(each, axis=1),
        "h": feature_space(problem).sample(streams("h")),
        "w": partition(problem),
    }


def _part(rng: np.random.Generator, batch: int, points: int) -> Array:
    """Return one part of each cloud [batch, points, 3]; what has no clear axes is drawn again."""
    found = np.empty((batch, points, 3))
    missing, half = np.arange(batch), points // 2
    while len(missing):
        drawn = rng.standard_normal((len(missing), points, 3)) * np.sqrt(VARIANCES)
        axes = np.linalg.qr(rng.standard_normal((len(missing), 3, 3)))[0]
        centres = APART * rng.standard_normal((len(missing), 1, 3))
        found[missing] = drawn @ axes.swapaxes(1, 2) + centres
        gaps = [gap_of(cloud) for cloud in (drawn, drawn[:, :half], drawn[:, half:])]
        missing = missing[np.min(gaps, axis=0) < LEAST]
    return found


def gap_of(r: Array) -> Array:
    """Return the least difference of variances along principal axes, of the largest [batch]."""
    p = r - r.mean(axis=1, keepdims=True)
    values = np.linalg.eigvalsh(p.swapaxes(1, 2) @ p)
    return np.asarray(np.diff(values, axis=1).min(axis=1) / values[:, -1])


def partition(problem: Problem) -> Array:
    """Return w [batch, parts points, groups], the partition that the data give."""
    sizes, (kind, number) = PiecewiseSizes.of(problem), partition_of(problem)
    part, place = np.divmod(np.arange(sizes.parts * sizes.points), sizes.points)
    label = {
        "finer": 2 * part + (place >= sizes.points // 2),
        "coarser": part // 2,
    }.get(kind, part)
    shares = np.eye(groups_of(problem))
    w = np.repeat(shares[label][None], sizes.batch, axis=0)
    if kind == "wrong":
        counts = np.floor(np.arange(sizes.batch + 1) * (number or 0.0))
        w[np.diff(counts) > 0] = shares[np.where(place == 0, (part + 1) % sizes.parts, part)]
    if kind == "soft":
        softness = number or 0.0
        w = (1 - softness) * w + softness / sizes.parts
    return w


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes, (kind, number) = PiecewiseSizes.of(problem), partition_of(problem)
    facets: dict[str, Scalar] = {} if kind == "true" else {"partition": kind}
    if number is not None:
        facets["share" if kind == "wrong" else "softness"] = number
    return facets | {
        "parts": sizes.parts,
        "points": sizes.points,
        "channels": sizes.channels,
        "batch": sizes.batch,
    }


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(2, 8, channels=2, batch=6, dtype="float64"),
    ask(3, 9, channels=2, batch=6, dtype="float64"),
    ask(2, 8, channels=2, batch=6, data="finer", dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return one cloud, many, and sizes that fill no lane."""
    return tuple(
        ask(parts, points, channels=1, batch=batch, data=data, dtype="float64")
        for parts, points, batch, data in (
            (2, 8, 1, DATA[0]),
            (2, 9, 33, DATA[0]),
            (5, 33, 2, DATA[0]),
            (3, 9, 2, DATA[1]),
        )
    )


FAMILY = Family(
    name="piecewise",
    title="maps of clouds whose parts move one by one",
    sizes=PiecewiseSizes,
    ask=ask,
    check=checked(PiecewiseSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("parts", "points", "channels", "batch"),
    labels={
        "partition": "partition given",
        "share": "share of wrong partitions",
        "softness": "softness of the partition",
        "parts": "parts",
        "points": "points of a part",
        "channels": "channels",
        "batch": "batch",
        "finer": "each part in two",
        "coarser": "parts in pairs",
        "wrong": "wrong in a share of the clouds",
        "soft": "uncertain",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
    single=_single,
)
