"""Family `vectors`: a scalar and a vector with channels, times another pair.

x, y: [batch, channels, 4], standard normal, irreps 0e+1o of O(3): a scalar s, then a vector
(v_x, v_y, v_z). The sizes are `channels`, `batch` and `cross`, which says whether the cross product
of the two vectors is asked for as well.

Data "normal" leaves them as drawn. Data "parallel" turns the vector of y into that of x but for
10^-1, 10^-2 .. 10^-8 of another, sample by sample, so that their cross product all but cancels.
Data "zeros" makes the vectors of every second sample zero, as of atoms that coincide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family
from impls.groups import Group, orthogonal
from impls.problem import Problem, Refusal, Scalar
from impls.spaces import Arrays, Space
from impls.streams import Streams

SIZES = ("channels", "batch", "cross")
IRREPS = "1x0e+1x1o"
DATA = ("normal", "parallel", "zeros")
NEAREST = 8
"""Data "parallel" comes as near as 10^-8."""


def problem(
    *,
    cross: bool = False,
    data: str = "normal",
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of scalars and vectors with these sizes."""
    sizes = {"channels": channels, "batch": batch, "cross": cross}
    return Problem("vectors", sizes, dtype=dtype, data=data, seed=seed)


def shape_of(asked: Problem, dim: int) -> tuple[int, int, int]:
    """Return [batch, channels, dim]."""
    return int(asked.sizes["batch"]), int(asked.sizes["channels"]), dim  # type: ignore[arg-type]


def _check(asked: Problem) -> Refusal | None:
    refusal = exact_sizes(asked, SIZES) or positive_sizes(asked, ("channels", "batch"))
    if refusal:
        return refusal
    if not isinstance(asked.sizes["cross"], bool):
        return Refusal(f"size cross={asked.sizes['cross']!r} is neither true nor false")
    if asked.data not in DATA:
        return Refusal(f"unknown data {asked.data!r}", f"family vectors draws {' or '.join(DATA)}")
    return None


def _group(asked: Problem) -> Group:
    return orthogonal()


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {name: irreps_space(shape_of(asked, 4), IRREPS) for name in ("x", "y")}


def _draw(asked: Problem, streams: Streams) -> Arrays:
    drawn = {name: space.sample(streams(name)) for name, space in _inputs(asked).items()}
    vectors = [drawn[name][..., 1:] for name in ("x", "y")]
    if asked.data == "parallel":
        number = np.arange(vectors[0].shape[0])
        vectors[1] *= 10.0 ** -(1 + number % NEAREST)[:, None, None]
        vectors[1] += vectors[0]
    elif asked.data == "zeros":
        for vector in vectors:
            vector[::2] = 0.0
    return drawn


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    batch, channels, _ = shape_of(asked, 4)
    asks = "cross" if asked.sizes["cross"] else "plain"
    facets: dict[str, Scalar] = {"products": asks, "channels": channels, "batch": batch}
    return facets | ({"data": asked.data} if asked.data != "normal" else {})


def _small() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(cross=cross, channels=3, batch=8, dtype="float64")) for cross in (False, True)
    )


def _paper() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(cross=cross, channels=channels, batch=batch, dtype=dtype))
        for dtype in ("float32", "float64")
        for cross in (False, True)
        for batch, channels in ((1000, 1), (10_000, 1), (1000, 128))
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


FAMILY = Family(
    name="vectors",
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
