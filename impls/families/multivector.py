"""Family `multivector`: two multivectors of Cl(3,0) with channels, multiplied channel by channel.

x, y: [batch, channels, 8], standard normal, as irreps 0e+1o+1e+0o of O(3), grade after grade:

| grade | components                        | irrep |
|-------|-----------------------------------|-------|
| 0     | 1                                 | 0e    |
| 1     | e_x, e_y, e_z                     | 1o    |
| 2     | e_y e_z, e_z e_x, e_x e_y         | 1e    |
| 3     | e_x e_y e_z                       | 0o    |

with e_x^2 = e_y^2 = e_z^2 = 1. A bivector is written by the axial vector normal to its plane, so
that degree 1 has the components (x, y, z) in both grades and no change of basis is needed: an
element of O(3) acts on e_x, e_y, e_z and so, through products of them, on every grade. The sizes
are `channels` and `batch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family, sampled
from impls.groups import Group, orthogonal
from impls.problem import Problem, Refusal, Scalar
from impls.spaces import Space

SIZES = ("channels", "batch")
IRREPS = "1x0e+1x1o+1x1e+1x0o"
GRADES = (slice(0, 1), slice(1, 4), slice(4, 7), slice(7, 8))
"""Where each grade lies in the last axis."""


def problem(
    *,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of multivectors with these sizes."""
    return Problem("multivector", {"channels": channels, "batch": batch}, dtype=dtype, seed=seed)


def sizes_of(asked: Problem) -> tuple[int, int]:
    """Return (batch, channels)."""
    return int(asked.sizes["batch"]), int(asked.sizes["channels"])  # type: ignore[arg-type]


def multivectors(asked: Problem) -> Space:
    """Return the Space of multivectors [batch, channels, 8]."""
    return irreps_space((*sizes_of(asked), 8), IRREPS)


def _check(asked: Problem) -> Refusal | None:
    refusal = exact_sizes(asked, SIZES) or positive_sizes(asked, SIZES)
    if refusal is None and asked.data != "normal":
        return Refusal(f"unknown data {asked.data!r}", "family multivector draws 'normal'")
    return refusal


def _group(asked: Problem) -> Group:
    return orthogonal()


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {"x": multivectors(asked), "y": multivectors(asked)}


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    batch, channels = sizes_of(asked)
    return {"algebra": "Cl(3,0)", "channels": channels, "batch": batch}


def _small() -> tuple[Ask, ...]:
    return tuple(Ask(problem(channels=c, batch=8, dtype="float64")) for c in (1, 3))


def _paper() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(channels=channels, batch=batch, dtype=dtype))
        for dtype in ("float32", "float64")
        for batch, channels in ((1000, 1), (10_000, 1), (1000, 32), (1000, 128))
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


FAMILY = Family(
    name="multivector",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    ask=problem,
    examples=tuple(asked.problem for asked in _small()),
    batch="batch",
    profiles={"paper": _paper, "check": _small},
    single=_single,
)
