"""Family `feature`: one feature with channels, as layers that are not products take it.

x: [batch, channels, dim(irreps)], standard normal. The sizes are `irreps` (each copy written out:
0e+0e+1o), `channels`, `batch`, `activation` (silu or tanh) and `resolution`, the number of rings of
the grid, for layers that evaluate functions on the sphere; the others ignore it. The group is O(3),
or SO(3) for irreps without parity.

Data "normal" leaves x as drawn. Data "frames" moves the first two vectors (degree 1) of each
channel apart, for layers that build a frame from them: of lengths between 6 and 8, at an angle
between 75 and 105 degrees, in a random direction. A frame then varies slowly on the scale of x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irrep, Irreps, degrees, natural
from impls.so3.rotations import random_rotations
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

SIZES = ("irreps", "channels", "batch", "activation", "resolution")
ACTIVATIONS = ("silu", "tanh")
DATA = ("normal", "frames")


def problem(
    irreps: str | Irreps,
    *,
    activation: str = "silu",
    resolution: int | None = None,
    data: str = "normal",
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the problem of a layer on these irreps; 4 lmax + 2 rings unless said otherwise."""
    parsed = Irreps.parse(irreps)
    sizes: dict[str, Size] = {
        "irreps": str(parsed),
        "channels": channels,
        "batch": batch,
        "activation": activation,
        "resolution": 4 * parsed.lmax + 2 if resolution is None else resolution,
    }
    return Problem("feature", sizes, dtype=dtype, data=data, seed=seed)


def irreps_of(asked: Problem) -> Irreps:
    """Return the irreps of x."""
    return Irreps.parse(str(asked.sizes["irreps"]))


def shape_of(asked: Problem) -> tuple[int, int, int]:
    """Return [batch, channels, dim], the shape of x."""
    sizes = asked.sizes
    return int(sizes["batch"]), int(sizes["channels"]), irreps_of(asked).dim  # type: ignore[arg-type]


def feature_space(asked: Problem) -> Space:
    """Return the Space of x, which is that of the output of most layers."""
    return irreps_space(shape_of(asked), irreps_of(asked))


def vectors_of(irreps: Irreps) -> list[slice]:
    """Return where the vectors (degree 1) lie."""
    return [p for p, (_, ir) in zip(irreps.slices(), irreps, strict=True) if ir.l == 1]


def invariant(ir: Irrep) -> bool:
    """Tell whether nothing moves this irrep: 0e, or 0 without parity."""
    return ir.l == 0 and ir.p >= 0


def _check(asked: Problem) -> Refusal | None:
    counts = ("channels", "batch", "resolution")
    refusal = exact_sizes(asked, SIZES) or positive_sizes(asked, counts)
    if refusal:
        return refusal
    try:
        irreps = irreps_of(asked)
    except ValueError as error:
        return Refusal(str(error))
    if not irreps.items:
        return Refusal("irreps is empty", "name at least one irrep")
    if any(mul != 1 for mul, _ in irreps):
        return Refusal(f"irreps={irreps}: multiplicities are not supported", "write 0e+0e")
    if asked.sizes["activation"] not in ACTIVATIONS:
        return Refusal(
            f"unknown activation {asked.sizes['activation']!r}", f"use {' or '.join(ACTIVATIONS)}"
        )
    if asked.data not in DATA:
        return Refusal(f"unknown data {asked.data!r}", f"family feature draws {' or '.join(DATA)}")
    if asked.data == "frames" and len(vectors_of(irreps)) < 2:
        return Refusal(
            f"data 'frames': irreps={irreps} has {len(vectors_of(irreps))} of the two vectors that "
            "define a frame",
            "add 1o, or 1",
        )
    return None


def _group(asked: Problem) -> Group:
    return orthogonal() if irreps_of(asked).parity else rotations()


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {"x": feature_space(asked)}


def _draw(asked: Problem, streams: Streams) -> Arrays:
    x = feature_space(asked).sample(streams("x"))
    if asked.data == "frames":
        first, second = vectors_of(irreps_of(asked))[:2]
        _spread(x, first, second, streams("frames"))
    return {"x": x}


def _spread(x: Array, first: slice, second: slice, rng: np.random.Generator) -> None:
    """Replace two vectors of x by the first two columns of a random rotation, turned and scaled."""
    count = x.shape[0] * x.shape[1]
    turns = random_rotations(rng, count).reshape(*x.shape[:2], 3, 3)
    angle = np.pi / 2 + rng.uniform(-np.pi / 12, np.pi / 12, (*x.shape[:2], 1))
    lengths = rng.uniform(6.0, 8.0, (2, *x.shape[:2], 1))
    x[..., first] = lengths[0] * turns[..., 0]
    x[..., second] = lengths[1] * (np.cos(angle) * turns[..., 0] + np.sin(angle) * turns[..., 1])


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    irreps, (batch, channels, _) = irreps_of(asked), shape_of(asked)
    return {
        "data": asked.data,
        "irreps": "+".join(str(ir) for _, ir in irreps),
        "lmax": irreps.lmax,
        "activation": str(asked.sizes["activation"]),
        "resolution": int(asked.sizes["resolution"]),  # type: ignore[arg-type]
        "channels": channels,
        "batch": batch,
    }


def gated(lmax: int) -> Irreps:
    """Return scalars, one more than the two vectors and the degrees 2..lmax that follow them."""
    blocks = [Irrep(1, -1), *(ir for _, ir in natural(range(1, lmax + 1)))]
    return Irreps(tuple((1, ir) for ir in [Irrep(0, 1)] * (len(blocks) + 1) + blocks))


def _small() -> tuple[Ask, ...]:
    asked = (
        problem(natural(range(3)), activation="silu", resolution=6),
        problem(degrees(range(3)), activation="tanh", resolution=5),
        problem(gated(2), data="frames"),
    )
    return tuple(Ask(replace(p.with_sizes(channels=2, batch=8), dtype="float64")) for p in asked)


def _paper() -> tuple[Ask, ...]:
    asks = []
    for lmax in (1, 2, 4, 6):
        one_each = natural(range(lmax + 1))
        asks.append(Ask(problem(one_each, channels=32)))
        if lmax <= 4:  # beyond, central differences of a frame are not as exact as float64 asks
            asks.append(Ask(problem(gated(lmax), data="frames", channels=32)))
        for rings in (lmax + 1, 2 * lmax + 1):
            coarse = problem(one_each, resolution=rings, channels=32)
            asks.append(Ask(coarse, ("grid_nonlinearity", "grid_mlp")))
    return tuple(
        replace(ask, problem=replace(ask.problem, dtype=dtype))
        for dtype in ("float32", "float64")
        for ask in asks
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


FAMILY = Family(
    name="feature",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    ask=problem,
    examples=tuple(asked.problem for asked in _small()),
    batch="batch",
    profiles={"paper": _paper, "check": _small},
    single=_single,
)
