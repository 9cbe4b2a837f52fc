"""Family `product`: two features with channels, multiplied channel by channel.

x: [batch, channels, dim(irreps_in1)] and y: [batch, channels, dim(irreps_in2)], standard normal.
The sizes are the irreps (one copy of each; channels are an axis), `channels` and `batch`.
`irreps_out` says which output irreps are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from impls.family import Ask, Family, sampled
from impls.groups import Element, Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irreps, standard
from impls.so3.rotations import representation
from impls.spaces import Array, Space

Setting = Literal["siso", "simo", "mimo"]
Symmetry = Literal["so3", "o3"]

SIZES = ("irreps_in1", "irreps_in2", "irreps_out", "channels", "batch")


def degrees_of(setting: str, lmax: int) -> tuple[range, range]:
    """Return the degrees (of each input, of the output) of a setting at lmax.

    SISO: l x l -> l. SIMO: l x l -> 0..2l. MIMO: 0..L x 0..L -> 0..2L [@xie2025].

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
    raise ValueError(f"unknown setting {setting!r}: choose siso, simo or mimo")


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


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (in1, in2, out) as Irreps."""
    first, second, out = (Irreps.parse(str(problem.sizes[name])) for name in SIZES[:3])
    return first, second, out


def shape_of(problem: Problem, irreps: Irreps | str) -> tuple[int, int, int]:
    """Return [batch, channels, dim] of an array that carries these irreps."""
    sizes = problem.sizes
    return int(sizes["batch"]), int(sizes["channels"]), Irreps.parse(irreps).dim  # type: ignore[arg-type]


def samples_of(problem: Problem) -> float:
    """Return batch times channels: how many products of irreps a problem asks for."""
    batch, channels, _ = shape_of(problem, "")
    return float(batch * channels)


def irreps_space(shape: tuple[int, ...], irreps: Irreps | str, axis: str = "batch") -> Space:
    """Return the Space whose last axis carries irreps; a group element is a 3x3 matrix of O(3)."""
    parsed = Irreps.parse(irreps)
    distinct = Irreps(tuple((1, ir) for ir in dict.fromkeys(ir for _, ir in parsed)))
    blocks = {ir: part for (_, ir), part in zip(distinct, distinct.slices(), strict=True)}

    def act(g: Element, a: Array) -> Array:
        matrices = representation(distinct, g)  # one block per label: outputs repeat it often
        moved = np.empty(a.shape)
        for (mul, ir), part in zip(parsed, parsed.slices(), strict=True):
            copies = a[..., part].reshape(*a.shape[:-1], mul, ir.dim)
            block = matrices[blocks[ir], blocks[ir]]
            moved[..., part] = (copies @ block.T).reshape(*a.shape[:-1], mul * ir.dim)
        return moved

    return Space(shape, act, irreps=str(parsed), axis=axis)


def positive_sizes(problem: Problem, names: tuple[str, ...]) -> Refusal | None:
    """Refuse sizes that are not integers >= 1, by name."""
    for name in names:
        value = problem.sizes[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            return Refusal(f"size {name}={value!r} is not a positive integer")
    return None


def exact_sizes(problem: Problem, names: tuple[str, ...]) -> Refusal | None:
    """Refuse missing and unknown sizes, by name."""
    missing, unknown = set(names) - set(problem.sizes), set(problem.sizes) - set(names)
    if missing or unknown:
        what = [f"missing {sorted(missing)}"] * bool(missing)
        what += [f"unknown {sorted(unknown)}"] * bool(unknown)
        return Refusal(f"sizes of family {problem.family}: {', '.join(what)}", f"use {names}")
    return None


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES) or positive_sizes(problem, ("channels", "batch"))
    if refusal:
        return refusal
    try:
        irreps = irreps_of(problem)
    except ValueError as error:
        return Refusal(str(error))
    for name, value in zip(SIZES, irreps, strict=False):
        if any(mul != 1 for mul, _ in value):
            return Refusal(f"{name}={value}: multiplicities are not supported", "use channels")
    if len({value.parity for value in irreps}) > 1:
        return Refusal("irreps with and without parity are mixed", "write 1o, or 1 everywhere")
    if problem.data != "normal":
        return Refusal(f"unknown data {problem.data!r}", "family product draws 'normal'")
    return None


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem)[0].parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    first, second, _ = irreps_of(problem)
    return {
        "x": irreps_space(shape_of(problem, first), first),
        "y": irreps_space(shape_of(problem, second), second),
    }


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes = asked.sizes
    symmetry = "o3" if irreps_of(asked)[0].parity else "so3"
    lmax = max(irreps.lmax for irreps in irreps_of(asked)[:2])
    setting = "custom"
    for name in ("siso", "simo", "mimo"):
        standard = problem(name, lmax, symmetry).sizes
        if all(standard[key] == sizes[key] for key in SIZES[:3]):
            setting = name
            break
    facets: dict[str, Scalar] = {"setting": setting, "symmetry": symmetry, "lmax": lmax}
    if setting == "custom":
        facets["irreps"] = " | ".join(str(sizes[key]) for key in SIZES[:3])
    return facets | {name: int(str(sizes[name])) for name in ("channels", "batch")}


FIRST = ("clebsch_gordan", "gaunt", "matrix")
"""The operations of the quick and default profiles; the paper profile has them all."""


def _quick() -> tuple[Ask, ...]:
    beside = ("clebsch_gordan", "matrix")
    o3 = tuple(Ask(problem("mimo", lmax), FIRST) for lmax in (1, 2, 3))
    return o3 + tuple(Ask(problem("mimo", lmax, "so3"), beside) for lmax in (1, 2, 3))


def _default() -> tuple[Ask, ...]:
    asks = []
    for setting in ("mimo", "simo", "siso"):
        for lmax in range(1, 7):
            far = lmax > 4
            asks.append(Ask(problem(setting, lmax), ("gaunt", "matrix") if far else FIRST))
            if setting == "mimo":
                beside = ("matrix",) if far else ("clebsch_gordan", "matrix")
                asks.append(Ask(problem(setting, lmax, "so3"), beside))
    return tuple(asks)


def _paper() -> tuple[Ask, ...]:
    every = tuple(
        Ask(problem(setting, lmax, symmetry, batch=batch, dtype=dtype))
        for setting in ("mimo", "simo", "siso")
        for symmetry in ("o3", "so3")
        for dtype in ("float32", "float64")
        for batch in (100, 1000, 10_000)
        for lmax in range(1, 9)
    )
    return every + _far() + _truncated()


def _far() -> tuple[Ask, ...]:
    """Return degrees at which the error of single precision could show."""
    return (
        Ask(problem("mimo", 10, "so3", batch=100), ("clebsch_gordan",)),
        Ask(problem("mimo", 10, "o3", batch=100), ("gaunt", "matrix")),
        Ask(problem("mimo", 20, "o3", batch=100), ("gaunt",)),
    )


def _truncated() -> tuple[Ask, ...]:
    """Return 0..2 x 0..2 -> 0..2, as a layer of TensorNet has it [@simeon2023]."""
    asks = []
    for symmetry in ("o3", "so3"):
        asked = problem("mimo", 2, symmetry, channels=64)
        asked = asked.with_sizes(irreps_out=asked.sizes["irreps_in1"])
        asks += [
            Ask(replace(asked, dtype=dtype), ("clebsch_gordan", "cartesian_matrix"))
            for dtype in ("float32", "float64")
        ]
    return tuple(asks)


def _small() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(setting, lmax, symmetry, channels=channels, batch=16, dtype="float64"))
        for setting, lmax, channels in (("mimo", 2, 1), ("simo", 2, 3), ("siso", 2, 1))
        for symmetry in ("o3", "so3")
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


def _pose(setting: str, symmetry: str, lmax: int) -> Problem:
    return problem(setting, lmax, symmetry, batch=1, dtype="float64")


FAMILY = Family(
    name="product",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    batch="batch",
    profiles={"quick": _quick, "default": _default, "paper": _paper, "check": _small},
    single=_single,
    pose=_pose,
)
