"""Family `vectors`: a scalar and a vector with channels, times another pair.

x, y: [batch, channels, 4], standard normal, irreps 0e+1o of O(3): a scalar s, then a vector
(v_x, v_y, v_z). The sizes are `channels`, `batch` and `cross`, which says whether the cross product
of the two vectors is asked for as well.
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

SIZES = ("channels", "batch", "cross")
IRREPS = "1x0e+1x1o"


def problem(
    *,
    cross: bool = False,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of scalars and vectors with these sizes."""
    sizes = {"channels": channels, "batch": batch, "cross": cross}
    return Problem("vectors", sizes, dtype=dtype, seed=seed)


def shape_of(asked: Problem, dim: int) -> tuple[int, int, int]:
    """Return [batch, channels, dim]."""
    return int(asked.sizes["batch"]), int(asked.sizes["channels"]), dim  # type: ignore[arg-type]


def _check(asked: Problem) -> Refusal | None:
    refusal = exact_sizes(asked, SIZES) or positive_sizes(asked, ("channels", "batch"))
    if refusal:
        return refusal
    if not isinstance(asked.sizes["cross"], bool):
        return Refusal(f"size cross={asked.sizes['cross']!r} is neither true nor false")
    if asked.data != "normal":
        return Refusal(f"unknown data {asked.data!r}", "family vectors draws 'normal'")
    return None


def _group(asked: Problem) -> Group:
    return orthogonal()


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {name: irreps_space(shape_of(asked, 4), IRREPS) for name in ("x", "y")}


def _draw(asked: Problem, rng: np.random.Generator) -> Arrays:
    return {name: space.sample(rng) for name, space in _inputs(asked).items()}


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    batch, channels, _ = shape_of(asked, 4)
    asks = "cross" if asked.sizes["cross"] else "plain"
    return {"products": asks, "channels": channels, "batch": batch}


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
    batch="batch",
    profiles={"paper": _paper, "check": _small},
    single=_single,
)
