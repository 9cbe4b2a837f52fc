"""Family `edge`: features on edges, and the vectors of the edges.

x: [edges, channels, dim(irreps_in)]  features, standard normal
v: [edges, 3]                         edge vectors, isotropic, length uniform in 1..1.5

The sizes are the irreps (one copy of each; channels are an axis), `m_max`, `channels` and `edges`.
`irreps_out` says which output irreps are asked for. In the frame of an edge only the orders
|m| <= m_max are used; m_max >= every degree leaves nothing out. Edges do not interact, so they are
the batch.

Data "normal" draws v in all directions. Data "poles" puts v where frames and angles may fail: edge
by edge the six directions of the axes x, y, z, and vectors at 10^-1, 10^-2 .. 10^-8 rad from the
polar axis y and from its opposite. A v of length zero has no direction, and no such map a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family, sampled
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irreps, standard
from impls.spaces import Array, Space

SIZES = ("irreps_in", "irreps_out", "m_max", "channels", "edges")
DATA = ("normal", "poles")
NEAREST = 8
"""Data "poles" comes as near to the polar axis as 10^-8 rad."""


def problem(
    lmax: int,
    symmetry: str = "o3",
    *,
    m_max: int | None = None,
    lmax_out: int | None = None,
    data: str = "normal",
    channels: int = 16,
    edges: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return features of degrees 0..lmax on edges, into degrees 0..lmax_out (lmax by default).

    `m_max` is lmax by default. Symmetry "o3" has natural parity in and out, (-1)^l; "so3" has
    degrees only.

    Raises:
        ValueError: for an unknown symmetry or a negative degree.
    """
    out = lmax if lmax_out is None else lmax_out
    if lmax < 0 or out < 0:
        raise ValueError(f"lmax and lmax_out must be integers >= 0, not {lmax} and {out}")
    sizes: dict[str, Size] = {
        "irreps_in": str(standard(symmetry, range(lmax + 1))),
        "irreps_out": str(standard(symmetry, range(out + 1))),
        "m_max": lmax if m_max is None else m_max,
        "channels": channels,
        "edges": edges,
    }
    return Problem("edge", sizes, dtype=dtype, data=data, seed=seed)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps]:
    """Return (in, out) as Irreps."""
    sizes = problem.sizes
    return Irreps.parse(str(sizes["irreps_in"])), Irreps.parse(str(sizes["irreps_out"]))


def m_max_of(problem: Problem) -> int:
    """Return the largest order that is used in the frame of an edge."""
    return int(problem.sizes["m_max"])  # type: ignore[arg-type]


def channels_of(problem: Problem) -> int:
    """Return the number of channels, in and out."""
    return int(problem.sizes["channels"])  # type: ignore[arg-type]


def edge_space(problem: Problem, irreps: Irreps) -> Space:
    """Return the Space of features [edges, channels, dim] with these irreps."""
    edges = int(problem.sizes["edges"])  # type: ignore[arg-type]
    return irreps_space((edges, channels_of(problem), irreps.dim), irreps)


def _vector_space(problem: Problem) -> Space:
    edges = int(problem.sizes["edges"])  # type: ignore[arg-type]
    irreps = "1x1o" if irreps_of(problem)[0].parity else "1x1"

    def draw(rng: np.random.Generator) -> Array:
        v = _poles(rng, edges) if problem.data == "poles" else rng.standard_normal((edges, 3))
        return v / np.linalg.norm(v, axis=-1, keepdims=True) * rng.uniform(1, 1.5, (edges, 1))

    return Space((edges, 3), irreps_space((edges, 3), irreps).act, irreps=irreps, draw=draw)


def _poles(rng: np.random.Generator, edges: int) -> Array:
    """Return [edges, 3]: the axes, then near the poles at random azimuths, again and again."""
    number = np.arange(edges)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    place = number % (6 + 2 * NEAREST) - 6
    angle, azimuth = 10.0 ** -(1 + place // 2), rng.uniform(0, 2 * np.pi, edges)
    side = np.where(place % 2, -1.0, 1.0)
    near = np.stack([np.sin(azimuth), side / np.tan(angle), np.cos(azimuth)], axis=-1)
    return np.where(place[:, None] < 0, axes[place % 6], near)


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES) or positive_sizes(problem, ("channels", "edges"))
    if refusal:
        return refusal
    m_max = problem.sizes["m_max"]
    if isinstance(m_max, bool) or not isinstance(m_max, int) or m_max < 0:
        return Refusal(f"size m_max={m_max!r} is not an integer >= 0")
    try:
        both = irreps_of(problem)
    except ValueError as error:
        return Refusal(str(error))
    for name, irreps in zip(SIZES, both, strict=False):
        if not irreps.items:
            return Refusal(f"{name} is empty", "name at least one irrep")
        if any(mul != 1 for mul, _ in irreps):
            return Refusal(f"{name}={irreps}: multiplicities are not supported", "use channels")
    if len({irreps.parity for irreps in both}) > 1:
        return Refusal("irreps with and without parity are mixed", "write 1o, or 1 everywhere")
    if problem.data not in DATA:
        return Refusal(f"unknown data {problem.data!r}", f"family edge draws {' or '.join(DATA)}")
    return None


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem)[0].parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": edge_space(problem, irreps_of(problem)[0]), "v": _vector_space(problem)}


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes, (inside, out) = asked.sizes, irreps_of(asked)
    symmetry = "o3" if inside.parity else "so3"
    standard = problem(inside.lmax, symmetry, lmax_out=out.lmax).sizes
    custom = any(standard[key] != sizes[key] for key in SIZES[:2])
    facets: dict[str, Scalar] = {"setting": "custom" if custom else "edge", "symmetry": symmetry}
    facets |= {"lmax": inside.lmax, "lout": out.lmax, "m_max": m_max_of(asked)}
    if asked.data != "normal":
        facets["data"] = asked.data
    if custom:
        facets["irreps"] = " | ".join(str(sizes[key]) for key in SIZES[:2])
    return facets | {name: int(str(sizes[name])) for name in ("channels", "edges")}


def _paper() -> tuple[Ask, ...]:
    """Return whole SO(3) convolutions, and those cut at m_max = 2, the habit at degrees 4 and 6."""
    return tuple(
        Ask(problem(lmax, symmetry, m_max=m_max, channels=32, edges=2000))
        for symmetry in ("o3", "so3")
        for lmax, m_max in ((1, 1), (2, 2), (4, 4), (4, 2), (6, 6), (6, 2))
    )


def _small() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(lmax, symmetry, m_max=m_max, channels=2, edges=6, dtype="float64"))
        for symmetry in ("o3", "so3")
        for lmax, m_max in ((1, 1), (2, 2), (2, 1))
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, edges=1)


FAMILY = Family(
    name="edge",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    ask=problem,
    examples=tuple(asked.problem for asked in _small()),
    batch="edges",
    profiles={"paper": _paper, "check": _small},
    single=_single,
)
