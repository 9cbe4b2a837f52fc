"""Family `cloud`: clouds of points in space or the plane, whole: no graph says which points meet.

r: [batch, points, d]         positions
h: [batch, points, channels]  features of points, standard normal, that no motion changes
n: [batch, DRAWS, d]          random directions, for what draws: no motion changes them, and they
                              are not differentiated

The sizes are `dimension` (d, 3 or 2), `points`, `channels`, `batch`, and `backbone`: the map
without symmetry that is to get one. An "mlp" takes the numbers of a cloud in their order, so that
its points are numbered; of "deepsets" they are a set. The group is E(d), for a set times the
permutations of the points. An element is {"space": [[R, t], [0, 1]]} or {"space": ..,
"points": permutation}; of E(2) the mirror y -> -y and turns by right angles are named too.

Data "separated" draws clouds whose principal axes are well defined: variances 1/4, 1/2 and 1 along
random axes, third moments along these of at least LEAST, and directions n off the planes between
them. Data "gap:g" draws variances 1/4, 1 - g and 1: two axes are the less defined the smaller the
gap g of the spectrum. Data "even" draws, of variances as in "separated", clouds that a half turn
of the plane or inversion of space maps to themselves but for their features: third moments are
zero. In the plane the least variance, 1/4, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked
from impls.groups import (
    Element,
    Group,
    direct_product,
    euclidean,
    orthogonal,
    plane,
    symmetric,
)
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import BadSize, Sizes, size
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

Backbone = Literal["mlp", "deepsets"]
Dimension = Literal[3, 2]
Data = Literal["separated", "even", "gap:1e-3", "gap:1e-6", "gap:1e-9", "gap:1e-12", "gap:0"]
DATA: tuple[Data, ...] = get_args(Data)
DRAWS = 16
"""Random directions for each cloud."""
LEAST = 0.1
"""Of third moments, in units of the variance to the power 3/2; and of directions along an axis."""
FLAT = {2: "line", 3: "plane"}
"""What a cloud lies in that has too few points for its dimension."""


@dataclass(frozen=True)
class CloudSizes(Sizes):
    """One point more than the dimension at least: fewer lie in a plane, or in a line."""

    points: int = size(least=3)
    channels: int = size()
    batch: int = size()
    backbone: Backbone = size()
    dimension: Dimension = size()

    def __post_init__(self) -> None:
        """Refuse clouds in which an axis has no variance."""
        if self.points <= self.dimension:
            raise BadSize(
                f"points={self.points}: so few lie in a {FLAT[self.dimension]}",
                f"use {self.dimension + 1} or more",
            )


def ask(
    points: int = 16,
    backbone: Backbone = "deepsets",
    *,
    dimension: Dimension = 3,
    channels: int = 16,
    batch: int = 100,
    data: Data = "separated",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for clouds of so many points, in space or in the plane."""
    sizes: dict[str, Size] = {
        "points": points,
        "channels": channels,
        "batch": batch,
        "backbone": backbone,
        "dimension": dimension,
    }
    return Problem("cloud", sizes, dtype=dtype, data=data, seed=seed)


def is_set(problem: Problem) -> bool:
    """Tell whether points have no order."""
    return CloudSizes.of(problem).backbone == "deepsets"


def dimension_of(problem: Problem) -> Dimension:
    """Return d, 3 in space and 2 in the plane."""
    return CloudSizes.of(problem).dimension


def shape_of(problem: Problem) -> tuple[int, int, int]:
    """Return [batch, points, channels], the shape of h."""
    sizes = CloudSizes.of(problem)
    return sizes.batch, sizes.points, sizes.channels


def position_space(problem: Problem) -> Space:
    """Return the Space [batch, points, d] of positions, whose gradients are not translated."""
    d = dimension_of(problem)

    def turned(g: Element, a: Array) -> Array:
        return _relabelled(g, a @ g["space"][:d, :d].T)

    def act(g: Element, a: Array) -> Array:
        return turned(g, a) + np.asarray(g["space"][:d, d])

    return Space((*shape_of(problem)[:2], d), act, dual=turned, axis="batch")


def feature_space(problem: Problem) -> Space:
    """Return the Space [batch, points, channels] of what no motion changes."""
    return Space(shape_of(problem), _relabelled, axis="batch")


def _relabelled(g: Element, a: Array) -> Array:
    if "points" not in g:
        return a
    moved = np.empty_like(a)
    moved[:, g["points"]] = a
    return moved


def _group(problem: Problem) -> Group:
    space = euclidean(plane() if dimension_of(problem) == 2 else orthogonal())
    if is_set(problem):
        return direct_product(space=space, points=symmetric(shape_of(problem)[1]))
    return direct_product(space=space)


def _inputs(problem: Problem) -> Mapping[str, Space]:
    directions = shape_of(problem)[0], DRAWS, dimension_of(problem)
    return {
        "r": position_space(problem),
        "h": feature_space(problem),
        "n": Space(directions, grad=False, axis="batch"),
    }


def gap_of(problem: Problem) -> float | None:
    """Return the gap between the two largest variances, None where the data name none."""
    kind, _, gap = problem.data.partition(":")
    return float(gap) if kind == "gap" else None


def _draw(problem: Problem, streams: Streams) -> Arrays:
    (batch, points, _), gap, d = shape_of(problem), gap_of(problem), dimension_of(problem)
    rng = streams("r")
    unit = _units(rng, (batch, points, d), even=problem.data == "even")
    variances = np.array([0.25, 0.5 if gap is None else 1.0 - gap, 1.0])[-d:]
    axes = np.linalg.qr(rng.standard_normal((batch, d, d)))[0]
    scaled = np.sqrt(points * variances) * unit
    r = scaled @ axes.swapaxes(1, 2) + rng.standard_normal((batch, 1, d))
    rng = streams("n")
    along = rng.standard_normal((batch, DRAWS, d))
    n = np.copysign(LEAST + np.abs(along), along) @ axes.swapaxes(1, 2)
    return {"r": r, "h": feature_space(problem).sample(streams("h")), "n": n}


def _units(rng: np.random.Generator, shape: tuple[int, int, int], *, even: bool) -> Array:
    """Return centred clouds [batch, points, d] of orthonormal columns.

    Those with a small third moment are drawn again; `even` ones have none.
    """
    batch, points, d = shape
    if even:
        half = rng.standard_normal((batch, points // 2, d))
        middle = np.zeros((batch, points % 2, d))
        return np.asarray(np.linalg.qr(np.concatenate([half, -half, middle], axis=1))[0])
    found = np.empty(shape)
    missing = np.arange(batch)
    while len(missing):
        drawn = rng.standard_normal((len(missing), points, d))
        drawn -= drawn.mean(axis=1, keepdims=True)
        found[missing] = np.linalg.qr(drawn)[0]
        moments = np.sqrt(points) * np.abs((found[missing] ** 3).sum(axis=1))
        missing = missing[(moments < LEAST).any(axis=1)]
    return found


def _fits(problem: Problem) -> Refusal | None:
    points, d = shape_of(problem)[1], dimension_of(problem)
    if problem.data == "even" and points < 2 * d:
        return Refusal(
            f"points={points}: pairs of opposite points lie in a {FLAT[d]}", f"use {2 * d} or more"
        )
    return None


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes, gap = CloudSizes.of(problem), gap_of(problem)
    facets: dict[str, Scalar] = {"backbone": sizes.backbone}
    if gap is not None:
        facets["gap"] = gap
    elif problem.data != "separated":
        facets["data"] = problem.data
    facets |= {"points": sizes.points, "channels": sizes.channels, "batch": sizes.batch}
    return facets if sizes.dimension == 3 else facets | {"dimension": sizes.dimension}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(5, "mlp", channels=2, batch=6, dtype="float64"),
    ask(5, "deepsets", channels=2, batch=6, dtype="float64"),
    ask(8, "deepsets", channels=3, batch=6, dtype="float64"),
    ask(5, "deepsets", channels=5, batch=6, dtype="float64"),
    ask(6, "deepsets", dimension=2, channels=3, batch=12, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return the fewest points, one cloud, and sizes that fill no lane."""
    backbones: tuple[Backbone, ...] = get_args(Backbone)
    counts: tuple[tuple[Dimension, int, int], ...]
    counts = ((3, 4, 1), (3, 4, 33), (3, 33, 2), (2, 3, 1), (2, 3, 33))
    return tuple(
        ask(points, backbone, dimension=d, channels=1, batch=batch, dtype="float64")
        for backbone in backbones
        for d, points, batch in counts
    )


FAMILY = Family(
    name="cloud",
    title="maps of clouds of points",
    sizes=CloudSizes,
    ask=ask,
    check=checked(CloudSizes, DATA, _fits),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("points", "channels", "batch"),
    labels={
        "backbone": "backbone",
        "gap": "gap of the spectrum",
        "data": "data",
        "points": "points",
        "channels": "channels",
        "batch": "batch",
        "dimension": "dimension of space",
        "mlp": "MLP, points numbered",
        "deepsets": "DeepSets, points a set",
        "even": "clouds that inversion keeps",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
    single=_single,
)
