"""Family `disk`: fields on a disc, as an image has them, that turns about its centre move.

x: [batch, channels, components, points]

A field of spin m has one component for m = 0, a scalar, and two for m > 0, of vectors for m = 1. A
turn by t takes it to

    (g x)(p) = rho_m(t) x(g^-1 p),    rho_m(t) the rotation of both components by m t.

The disc has radius 1. Its points lie on `rings` circles of radii j / rings, j = 1 .. rings, with
`angles` on each, ring by ring: a polar grid. With `side` > 0 they are those of side x side pixels
whose centres are in the disc, row by row; the turns that keep these are four, so that `angles` is
4, and `rings` counts what kernels have along the radius.

Outputs are functions on the sphere of degrees 0 .. lmax, looked at along the polar axis y: an image
lies in the plane of z and x with angles from z towards x, and elements are rotations about y. On
the polar grid a turn by any angle shifts the Fourier series of each ring, which is exact for fields
that have no wave of order angles / 2. The subgroups are `rotation` (SO(2)), `grid_turn` (the turns
that keep the grid) and, where these have it, `quarter_turn`. Pixels are turned by cubic
interpolation [@keys1981], exact for `quarter_turn` alone. Under other angles it loses something
itself, so that this is no group and nothing claims it: `interpolated_rotation`.

Data "normal" draws each number by itself, without waves of order angles / 2; "blobs" sums of
Gaussians of width 0.15 about places up to 0.5 from the centre, smooth enough to be interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import Element, Group, circle, cyclic
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import Sizes, size
from impls.so3.irreps import degrees
from impls.so3.space import irreps_space
from impls.spaces import Array, Space

Data = Literal["normal", "blobs"]
DATA: tuple[Data, ...] = get_args(Data)
BLOBS, REACH, WIDTH = 6, 0.5, 0.15


@dataclass(frozen=True)
class DiskSizes(Sizes):
    """Degrees of the output, the spin of the input, the points of the disc, and counts."""

    lmax: int = size(least=0)
    spin: int = size(least=0)
    rings: int = size()
    angles: int = size()
    side: int = size(least=0)
    channels: int = size()
    channels_out: int = size()
    batch: int = size()

    @property
    def components(self) -> int:
        """Return the numbers of a field at a point."""
        return 2 if self.spin else 1

    @property
    def points(self) -> int:
        """Return the number of points."""
        return len(grid(self.rings, self.angles, self.side)[1])


def ask(
    lmax: int = 2,
    *,
    spin: int = 0,
    rings: int = 8,
    angles: int | None = None,
    side: int = 0,
    channels: int = 16,
    channels_out: int | None = None,
    batch: int = 16,
    data: Data | None = None,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for degrees 0 .. lmax; pixels with a `side`, else a polar grid.

    Without `angles` they are the fewest that hold all waves and quarter turns keep. Without `data`
    pixels show blobs.
    """
    if angles is None:
        angles = 4 if side else 4 * ((lmax + spin) // 2 + 1)
    sizes: dict[str, Size] = {
        "lmax": lmax,
        "spin": spin,
        "rings": rings,
        "angles": angles,
        "side": side,
        "channels": channels,
        "channels_out": channels if channels_out is None else channels_out,
        "batch": batch,
    }
    drawn = data or ("blobs" if side else "normal")
    return Problem("disk", sizes, dtype=dtype, data=drawn, seed=seed)


@lru_cache(maxsize=64)
def grid(rings: int, angles: int, side: int) -> tuple[Array, Array]:
    """Return the places [points, 2], as (z, x), and the areas [points] of the points of a disc.

    >>> places, areas = grid(4, 8, 0)
    >>> len(places), grid(4, 4, 4)[0][0].tolist()
    (32, [-0.75, -0.25])
    """
    if side:
        middle = (2 * np.arange(side) + 1) / side - 1
        every = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)
        places = every[np.hypot(*every.T) <= 1]
        return places, np.full(len(places), (2 / side) ** 2)
    radius = np.repeat(np.arange(1, rings + 1) / rings, angles)
    angle = np.tile(2 * np.pi * np.arange(angles) / angles, rings)
    places = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return places, radius * (2 * np.pi / (rings * angles))


def points_of(problem: Problem) -> tuple[Array, Array]:
    """Return the places [points, 2] and the areas [points] of a problem's points."""
    sizes = DiskSizes.of(problem)
    return grid(sizes.rings, sizes.angles, sizes.side)


def _cubic(t: Array) -> Array:
    """Return the kernel of cubic convolution of third order: 1 at 0, and 0 at other integers."""
    t = np.abs(t)
    near, far = (1.5 * t - 2.5) * t * t + 1, ((2.5 - 0.5 * t) * t - 4) * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def _interpolation(angle: float, side: int) -> Array:
    """Return the matrix [points, points] that turns pixels; what lies beyond the disc is zero."""
    places, _ = grid(1, 4, side)
    cosine, sine = np.cos(angle), np.sin(angle)
    source = (places @ np.array([[cosine, -sine], [sine, cosine]]) + 1) * side / 2 - 0.5
    rows, columns = (_cubic(source[:, axis, None] - np.arange(side)) for axis in (0, 1))
    row, column = np.rint((places.T + 1) * side / 2 - 0.5).astype(int)
    return rows[:, row] * columns[:, column]


def _along_rings(angle: float, a: Array, angles: int) -> Array:
    waves = np.fft.rfft(a.reshape(*a.shape[:-1], -1, angles))
    waves = waves * np.exp(-1j * angle * np.arange(waves.shape[-1]))
    return np.fft.irfft(waves, angles).reshape(a.shape)


def _act(sizes: DiskSizes) -> Callable[[Element, Array], Array]:
    """Return the action on fields."""

    def act(g: Element, a: Array) -> Array:
        angle = float(np.arctan2(g[0, 2], g[2, 2]))
        if sizes.side:
            a = a @ _interpolation(angle, sizes.side).T
        else:
            a = _along_rings(angle, a, sizes.angles)
        if sizes.spin:
            cosine, sine = np.cos(sizes.spin * angle), np.sin(sizes.spin * angle)
            a = np.array([[cosine, -sine], [sine, cosine]]) @ a
        return a

    return act


def _drawn(problem: Problem) -> Callable[[np.random.Generator], Array]:
    sizes, places = DiskSizes.of(problem), points_of(problem)[0]
    shape = sizes.batch, sizes.channels, sizes.components

    def blobs(rng: np.random.Generator) -> Array:
        centres = rng.uniform(-1, 1, (*shape[:2], BLOBS, 2))
        centres *= REACH / np.maximum(1, np.linalg.norm(centres, axis=-1, keepdims=True))
        squares = ((places - centres[..., None, :]) ** 2).sum(axis=-1)
        return rng.standard_normal((*shape, BLOBS)) @ np.exp(-squares / (2 * WIDTH**2))

    def normal(rng: np.random.Generator) -> Array:
        a = rng.standard_normal((*shape, len(places)))
        if sizes.side or sizes.angles % 2:
            return a
        rings = a.reshape(*shape, sizes.rings, sizes.angles)
        alternating = (-1.0) ** np.arange(sizes.angles)
        mean = (rings * alternating).mean(axis=-1, keepdims=True)
        return (rings - mean * alternating).reshape(a.shape)

    return blobs if problem.data == "blobs" else normal


def field_space(problem: Problem) -> Space:
    """Return the Space [batch, channels, components, points] of fields."""
    sizes = DiskSizes.of(problem)
    shape = sizes.batch, sizes.channels, sizes.components, sizes.points
    return Space(shape, _act(sizes), draw=_drawn(problem), axis="batch")


def sphere_space(problem: Problem) -> Space:
    """Return the Space [batch, channels_out, (lmax+1)^2] of functions on the sphere."""
    sizes = DiskSizes.of(problem)
    shape = sizes.batch, sizes.channels_out, (sizes.lmax + 1) ** 2
    return irreps_space(shape, degrees(range(sizes.lmax + 1)))


def _group(problem: Problem) -> Group:
    sizes, turning = DiskSizes.of(problem), circle()
    quarters = {"quarter_turn": cyclic(4)} if sizes.angles % 4 == 0 else {}
    if sizes.side:
        return replace(turning, subgroups={"interpolated_rotation": turning, **quarters})
    kept = {"rotation": turning, "grid_turn": cyclic(sizes.angles)}
    return replace(turning, subgroups=kept | quarters)


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": field_space(problem)}


def _fits(problem: Problem) -> Refusal | None:
    sizes = DiskSizes.of(problem)
    if sizes.side and (sizes.side == 1 or sizes.angles != 4):
        return Refusal(
            f"side={sizes.side}, angles={sizes.angles}: pixels are two a side at least, and kept "
            "by four turns",
            "use side=2 or more, and angles=4",
        )
    if not sizes.side and sizes.angles <= 2 * (sizes.lmax + sizes.spin):
        return Refusal(
            f"angles={sizes.angles} cannot tell waves of order {sizes.lmax + sizes.spin} from "
            "their reverse",
            f"use angles > {2 * (sizes.lmax + sizes.spin)}",
        )
    return None


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes = DiskSizes.of(problem)
    points = {"side": sizes.side} if sizes.side else {"angles": sizes.angles}
    return {
        "lmax": sizes.lmax,
        "grid": "pixels" if sizes.side else "polar",
        "spin": sizes.spin,
        "rings": sizes.rings,
        **points,
        "channels": sizes.channels,
        "channels_out": sizes.channels_out,
        "batch": sizes.batch,
        "data": problem.data,
    }


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(channels=1, channels_out=1, batch=1)


def _pose(lmax: int) -> Problem:
    return ask(lmax, rings=2, channels=1, batch=1, dtype="float64")


EXAMPLES = (
    ask(1, rings=2, angles=5, channels=2, channels_out=3, batch=3, dtype="float64"),
    ask(2, spin=1, rings=3, channels=1, channels_out=2, batch=2, dtype="float64"),
    ask(2, rings=2, channels=2, channels_out=1, batch=2, dtype="float64"),
    ask(1, rings=2, side=6, channels=2, channels_out=3, batch=2, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return one point, spins above the degrees, fewest pixels, and counts that fill no lane."""
    return (
        ask(0, rings=1, angles=1, channels=1, batch=1, dtype="float64"),
        ask(1, spin=3, rings=3, channels=3, channels_out=2, batch=5, dtype="float64"),
        ask(1, rings=1, side=2, channels=3, channels_out=5, batch=33, dtype="float64"),
        ask(3, spin=2, rings=5, side=9, channels=1, channels_out=1, batch=2, dtype="float64"),
    )


FAMILY = Family(
    name="disk",
    title="layers from images to the sphere",
    sizes=DiskSizes,
    ask=ask,
    check=checked(DiskSizes, DATA, _fits),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("lmax", "channels", "channels_out", "rings", "angles", "side", "batch"),
    labels={
        "lmax": "degree L",
        "grid": "points of the disc",
        "spin": "spin of the field",
        "rings": "rings",
        "angles": "angles",
        "side": "pixels along a side",
        "channels": "channels",
        "channels_out": "channels out",
        "batch": "batch",
        "data": "data",
        "polar": "rings and angles",
        "pixels": "pixels",
        "normal": "independent at each point",
        "blobs": "smooth",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
    single=_single,
    pose=_pose,
)
