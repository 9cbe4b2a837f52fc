"""Family `turned`: features, each sample with a rotation of its own, as edges of a graph have them.

x: [batch, channels, dim(irreps)]  features, standard normal
R: [batch, 3, 3]                   rotations, of determinant 1

The sizes are `irreps` (each copy written out: 0e+0e+1o), `channels` and `batch`. The group is O(3),
or SO(3) for irreps without parity: an element g moves x as irreps move, and R to g R g^-1. R is not
differentiated: off the rotations a map of R is what one says it is, and libraries say different
things. Gradients through the frame of an edge are those of `escn`, which takes the edge itself.

Data "normal" draws R uniformly (Haar). Data "poles" draws what leaves the polar axis y where it is,
turns it round, or nearly so, where Euler angles are not unique.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from impls.family import Family, checked
from impls.groups import Element, Group, orthogonal, rotations
from impls.inputs.clouds import NEAREST
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes
from impls.so3.irreps import Irreps, degrees, natural, standard
from impls.so3.rotations import axis_angle, random_rotations
from impls.so3.space import irreps_space
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

Data = Literal["normal", "poles"]
DATA = ("normal", "poles")


@dataclass(frozen=True)
class TurnedSizes(Sizes):
    """One copy of each item: channels are an axis."""

    irreps: Irreps
    channels: int
    batch: int


def ask(
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    irreps: str | Irreps | None = None,
    channels: int = 1,
    batch: int = 1000,
    data: Data = "normal",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for degrees 0..lmax, or for the irreps that are named.

    Raises:
        ValueError: for neither lmax nor irreps, or both, or an unknown symmetry.
    """
    if (lmax is None) == (irreps is None):
        raise ValueError("family turned needs lmax or irreps, and not both")
    named = Irreps.parse(str(irreps)) if lmax is None else standard(symmetry, range(lmax + 1))
    sizes: dict[str, Size] = {"irreps": str(named), "channels": channels, "batch": batch}
    return Problem("turned", sizes, dtype=dtype, data=data, seed=seed)


def irreps_of(problem: Problem) -> Irreps:
    """Return the irreps of x."""
    return TurnedSizes.of(problem).irreps


def shape_of(problem: Problem) -> tuple[int, int, int]:
    """Return [batch, channels, dim], the shape of x."""
    sizes = TurnedSizes.of(problem)
    return sizes.batch, sizes.channels, sizes.irreps.dim


def feature_space(problem: Problem) -> Space:
    """Return the Space of x."""
    return irreps_space(shape_of(problem), irreps_of(problem))


def _rotation_space(problem: Problem) -> Space:
    def act(g: Element, a: Array) -> Array:
        return np.asarray(g @ a @ g.T)

    return Space((shape_of(problem)[0], 3, 3), act, grad=False, axis="batch")


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem).parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": feature_space(problem), "R": _rotation_space(problem)}


def _draw(problem: Problem, streams: Streams) -> Arrays:
    rng, count = streams("R"), shape_of(problem)[0]
    turns = _polar(rng, count) if problem.data == "poles" else random_rotations(rng, count)
    return {"x": feature_space(problem).sample(streams("x")), "R": turns}


def _polar(rng: np.random.Generator, count: int) -> Array:
    """Return turns about y, before and after one about x by 0, pi, or 10^-1 .. 10^-8 rad off."""
    off = np.concatenate([[0.0], 10.0 ** -np.arange(1, NEAREST + 1)])
    tilts = np.concatenate([off, np.pi - off])
    angles = rng.uniform(0, 2 * np.pi, (count, 2))
    return np.array(
        [
            axis_angle([0, 1, 0], a)
            @ axis_angle([1, 0, 0], tilts[i % len(tilts)])
            @ axis_angle([0, 1, 0], c)
            for i, (a, c) in enumerate(angles)
        ]
    )


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes = TurnedSizes.of(problem)
    symmetry = "o3" if sizes.irreps.parity else "so3"
    facets: dict[str, Scalar] = {"symmetry": symmetry, "lmax": sizes.irreps.lmax}
    if sizes.irreps != standard(symmetry, range(sizes.irreps.lmax + 1)):
        facets["irreps"] = "+".join(str(ir) for _, ir in sizes.irreps)
    if problem.data != "normal":
        facets["data"] = problem.data
    return facets | {"channels": sizes.channels, "batch": sizes.batch}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(channels=1, batch=1)


def _pose(lmax: int, *, symmetry: Literal["so3", "o3"] = "so3") -> Problem:
    return ask(lmax, symmetry, batch=1, dtype="float64")


EXAMPLES = (
    ask(irreps=natural(range(3)), channels=2, batch=6, dtype="float64"),
    ask(irreps=degrees(range(4)), channels=1, batch=6, dtype="float64"),
    ask(irreps="1e+0o+2o+1o+1o", channels=3, batch=6, dtype="float64"),
    ask(2, channels=2, batch=18, data="poles", dtype="float64"),
)

FAMILY = Family(
    name="turned",
    title="features turned by rotations",
    sizes=TurnedSizes,
    ask=ask,
    check=checked(TurnedSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("lmax", "channels", "batch"),
    labels={
        "symmetry": "symmetry",
        "lmax": "degree L",
        "irreps": "irreps",
        "data": "data",
        "channels": "channels",
        "batch": "batch",
        "o3": "O(3), natural parity",
        "so3": "SO(3), degrees only",
        "poles": "rotations that keep the polar axis, nearly",
    },
    examples=EXAMPLES,
    data=DATA,
    batch="batch",
    single=_single,
    pose=_pose,
)
