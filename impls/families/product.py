"""Family `product`: two features with channels, multiplied channel by channel.

x: [batch, channels, dim(irreps_in1)] and y: [batch, channels, dim(irreps_in2)], standard normal.
The sizes are the irreps (one copy of each; channels are an axis), `channels` and `batch`.
`irreps_out` says which output irreps are asked for. The group is O(3), or SO(3) for irreps without
parity.

Data "normal" leaves the features as drawn. Data "parallel" turns the first vector (degree 1) of y
into that of x but for 10^-1, 10^-2 .. 10^-8 of another, sample by sample, so that their cross
product all but cancels. Data "zeros" makes both vectors of every second sample zero, as of atoms
that coincide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import Sizes
from impls.so3.irreps import Irreps, standard
from impls.so3.space import irreps_space
from impls.spaces import Arrays, Space
from impls.streams import Streams

Setting = Literal["siso", "simo", "mimo", "truncated"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)
Symmetry = Literal["so3", "o3"]
DATA = ("normal", "parallel", "zeros")
NEAREST = 8
"""Data "parallel" comes as near as 10^-8."""


@dataclass(frozen=True)
class ProductSizes(Sizes):
    """One copy of each irrep: channels are an axis."""

    irreps_in1: Irreps
    irreps_in2: Irreps
    irreps_out: Irreps
    channels: int
    batch: int


SIZES = ProductSizes.names()


def degrees_of(setting: str, lmax: int) -> tuple[range, range]:
    """Return the degrees (of each input, of the output) of a setting at lmax.

    SISO: l x l -> l. SIMO: l x l -> 0..2l. MIMO: 0..L x 0..L -> 0..2L [@xie2025]. Truncated, as in
    most layers: 0..L x 0..L -> 0..L.

    Raises:
        ValueError: for an unknown setting or a negative lmax.
    """
    if lmax < 0:
        raise ValueError(f"lmax must be an integer >= 0, not {lmax}")
    match setting:
        case "siso":
            return range(lmax, lmax + 1), range(lmax, lmax + 1)
        case "simo":
            return range(lmax, lmax + 1), range(2 * lmax + 1)
        case "mimo":
            return range(lmax + 1), range(2 * lmax + 1)
        case "truncated":
            return range(lmax + 1), range(lmax + 1)
    raise ValueError(f"unknown setting {setting!r}: choose {', '.join(SETTINGS)}")


def problem(
    setting: str,
    lmax: int,
    symmetry: str = "o3",
    *,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product problem of a setting at lmax.

    Symmetry "o3" has natural parity in and out, (-1)^l; "so3" has degrees only, so that every
    path within the triangle rule is allowed.

    Raises:
        ValueError: for an unknown setting or symmetry, or a negative lmax.
    """
    inputs, outputs = degrees_of(setting, lmax)
    sizes: dict[str, Size] = {
        "irreps_in1": str(standard(symmetry, inputs)),
        "irreps_in2": str(standard(symmetry, inputs)),
        "irreps_out": str(standard(symmetry, outputs)),
        "channels": channels,
        "batch": batch,
    }
    return Problem("product", sizes, dtype=dtype, seed=seed)


def ask(
    setting: str | None = None,
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    irreps_in1: str | Irreps | None = None,
    irreps_in2: str | Irreps | None = None,
    irreps_out: str | Irreps | None = None,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    data: str = "normal",
    seed: int = 0,
) -> Problem:
    """Return the problem of a setting at lmax, or of irreps.

    `irreps_in2` are `irreps_in1` unless said otherwise, and `irreps_out` all that they can give.

    Raises:
        ValueError: for a setting without lmax, neither setting nor irreps or both, or as `problem`.
    """
    if irreps_in1 is None:
        if setting is None or lmax is None:
            raise ValueError(
                "family product needs a setting and an lmax, or irreps_in1 (and irreps_in2, "
                "irreps_out)"
            )
        if irreps_in2 is not None:
            raise ValueError("irreps_in2 without irreps_in1: name irreps_in1 too")
        asked = problem(
            setting, lmax, symmetry, channels=channels, batch=batch, dtype=dtype, seed=seed
        )
        sizes = {} if irreps_out is None else {"irreps_out": str(Irreps.parse(irreps_out))}
        return replace(asked.with_sizes(**sizes), data=data)
    if setting is not None or lmax is not None:
        raise ValueError("a setting and an lmax say what irreps_in1 says: leave one of them out")
    first = Irreps.parse(irreps_in1)
    second = first if irreps_in2 is None else Irreps.parse(irreps_in2)
    reached = {ir for _, a in first for _, b in second for ir in a * b}
    out = Irreps(tuple((1, ir) for ir in sorted(reached)))
    named: dict[str, Size] = {
        "irreps_in1": str(first),
        "irreps_in2": str(second),
        "irreps_out": str(out if irreps_out is None else Irreps.parse(irreps_out)),
        "channels": channels,
        "batch": batch,
    }
    return Problem("product", named, dtype=dtype, data=data, seed=seed)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (in1, in2, out) as Irreps."""
    sizes = ProductSizes.of(problem)
    return sizes.irreps_in1, sizes.irreps_in2, sizes.irreps_out


def shape_of(problem: Problem, irreps: Irreps | str) -> tuple[int, int, int]:
    """Return [batch, channels, dim] of an array that carries these irreps."""
    sizes = problem.sizes
    return int(sizes["batch"]), int(sizes["channels"]), Irreps.parse(irreps).dim  # type: ignore[arg-type]


def samples_of(problem: Problem) -> float:
    """Return batch times channels: how many products of irreps a problem asks for."""
    batch, channels, _ = shape_of(problem, "")
    return float(batch * channels)


def _vectors(irreps: Irreps) -> slice | None:
    """Return where the first vector (degree 1) lies, None if there is none."""
    places = zip(irreps, irreps.slices(), strict=True)
    return next((place for (_, ir), place in places if ir.l == 1), None)


def _also(problem: Problem) -> Refusal | None:
    if problem.data == "normal":
        return None
    for name, irreps in zip(SIZES, irreps_of(problem)[:2], strict=False):
        if _vectors(irreps) is None:
            return Refusal(f"data {problem.data!r}: {name}={irreps} has no vector", "add 1o, or 1")
    return None


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem)[0].parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    first, second, _ = irreps_of(problem)
    return {
        "x": irreps_space(shape_of(problem, first), first),
        "y": irreps_space(shape_of(problem, second), second),
    }


def _draw(problem: Problem, streams: Streams) -> Arrays:
    drawn = {name: space.sample(streams(name)) for name, space in _inputs(problem).items()}
    places = [_vectors(irreps) for irreps in irreps_of(problem)[:2]]
    if problem.data == "normal" or None in places:
        return drawn
    first, second = (drawn[name][..., place] for name, place in zip("xy", places, strict=True))
    if problem.data == "parallel":
        second *= 10.0 ** -(1 + np.arange(len(second)) % NEAREST)[:, None, None]
        second += first
    else:
        first[::2] = second[::2] = 0.0
    return drawn


@lru_cache(maxsize=4096)
def _setting(first: Irreps, second: Irreps, out: Irreps, lmax: int, symmetry: str) -> str:
    """Return the name of the setting that has these irreps, or "custom"."""
    for name in SETTINGS:
        inside, outside = degrees_of(name, lmax)
        inputs, outputs = standard(symmetry, inside), standard(symmetry, outside)
        if (first, second, out) == (inputs, inputs, outputs):
            return name
    return "custom"


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes = ProductSizes.of(asked)
    symmetry = "o3" if sizes.irreps_in1.parity else "so3"
    lmax = max(sizes.irreps_in1.lmax, sizes.irreps_in2.lmax)
    setting = _setting(*irreps_of(asked), lmax, symmetry)
    facets: dict[str, Scalar] = {"setting": setting, "symmetry": symmetry, "lmax": lmax}
    if setting == "custom":
        facets["irreps"] = " | ".join(
            "+".join(str(ir) for _, ir in irreps) for irreps in irreps_of(asked)
        )
    if asked.data != "normal":
        facets["data"] = asked.data
    return facets | {"channels": sizes.channels, "batch": sizes.batch}


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


def _pose(lmax: int, *, setting: Setting = "mimo", symmetry: Symmetry = "so3") -> Problem:
    return problem(setting, lmax, symmetry, batch=1, dtype="float64")


VECTORS = "0e+1o"
"""A scalar and a vector, as PaiNN and TensorNet-like layers have them."""
MULTIVECTORS = "0e+1o+1e+0o"
"""The multivectors of Cl(3,0): scalar, vector, bivector, pseudoscalar."""


def _examples() -> tuple[Problem, ...]:
    """Return the settings in both symmetries, and the irreps of scalars, vectors and algebras."""
    small = [("mimo", 1, 2), ("mimo", 2, 1), ("simo", 2, 3), ("siso", 2, 1), ("truncated", 2, 2)]
    standard = tuple(
        problem(setting, lmax, symmetry, channels=channels, batch=16, dtype="float64")
        for setting, lmax, channels in small
        for symmetry in ("o3", "so3")
    )
    special = tuple(
        ask(irreps_in1=irreps, irreps_out=out, channels=3, batch=8, dtype="float64")
        for irreps, out in (
            (VECTORS, VECTORS),
            (VECTORS, f"{VECTORS}+1e"),
            (MULTIVECTORS, MULTIVECTORS),
        )
    )
    return standard + special


FAMILY = Family(
    name="product",
    title="products of two features",
    sizes=ProductSizes,
    ask=ask,
    check=checked(ProductSizes, DATA, _also),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("lmax", "channels", "batch"),
    labels={
        "setting": "setting",
        "symmetry": "symmetry",
        "lmax": "degree L",
        "irreps": "irreps",
        "channels": "channels",
        "batch": "batch",
        "data": "data",
        "siso": "one degree in, one out: l x l -> l",
        "simo": "one degree in, all out: l x l -> 0..2l",
        "mimo": "all degrees in, all out: 0..L x 0..L -> 0..2L",
        "truncated": "all degrees in, up to L out: 0..L x 0..L -> 0..L",
        "o3": "O(3), natural parity",
        "so3": "SO(3), degrees only",
    },
    examples=_examples(),
    data=DATA,
    batch="batch",
    single=_single,
    pose=_pose,
)
