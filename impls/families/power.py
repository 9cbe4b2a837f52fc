"""Family `power`: one feature with channels, multiplied with itself nu times in every channel.

A: [batch, channels, dim(irreps_in)], standard normal. The sizes are the irreps (one copy of each;
channels are an axis), `nu`, `channels` and `batch`. `irreps_out` says which output irreps are asked
for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from impls.families.product import exact_sizes, irreps_space, positive_sizes, shape_of
from impls.family import Ask, Family, sampled
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irreps, standard
from impls.spaces import Space

SIZES = ("irreps_in", "irreps_out", "nu", "channels", "batch")


def problem(
    nu: int,
    lmax: int,
    lmax_out: int,
    symmetry: str = "o3",
    *,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the nu-fold power of degrees 0..lmax into degrees 0..lmax_out.

    Symmetry "o3" has natural parity in and out, (-1)^l; "so3" has degrees only.

    Raises:
        ValueError: for an unknown symmetry or a negative degree.
    """
    if lmax < 0 or lmax_out < 0:
        raise ValueError(f"lmax and lmax_out must be integers >= 0, not {lmax} and {lmax_out}")
    sizes: dict[str, Size] = {
        "irreps_in": str(standard(symmetry, range(lmax + 1))),
        "irreps_out": str(standard(symmetry, range(lmax_out + 1))),
        "nu": nu,
        "channels": channels,
        "batch": batch,
    }
    return Problem("power", sizes, dtype=dtype, seed=seed)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps]:
    """Return (in, out) as Irreps."""
    sizes = problem.sizes
    return Irreps.parse(str(sizes["irreps_in"])), Irreps.parse(str(sizes["irreps_out"]))


def nu_of(problem: Problem) -> int:
    """Return the number of factors."""
    return int(problem.sizes["nu"])  # type: ignore[arg-type]


def power_space(problem: Problem, irreps: Irreps) -> Space:
    """Return the Space [batch, channels, dim(irreps)]."""
    return irreps_space(shape_of(problem, irreps), irreps)


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES) or positive_sizes(problem, ("nu", "channels", "batch"))
    if refusal:
        return refusal
    if nu_of(problem) < 2:
        return Refusal("size nu=1 is no product", "use nu >= 2")
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
    if problem.data != "normal":
        return Refusal(f"unknown data {problem.data!r}", "family power draws 'normal'")
    return None


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem)[0].parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"A": power_space(problem, irreps_of(problem)[0])}


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes, (inside, out) = asked.sizes, irreps_of(asked)
    symmetry = "o3" if inside.parity else "so3"
    standard = problem(nu_of(asked), inside.lmax, out.lmax, symmetry).sizes
    custom = any(standard[key] != sizes[key] for key in SIZES[:2])
    facets: dict[str, Scalar] = {"setting": "custom" if custom else "power", "symmetry": symmetry}
    facets |= {"nu": nu_of(asked), "lmax": inside.lmax, "lout": out.lmax}
    if custom:
        facets["irreps"] = " | ".join(str(sizes[key]) for key in SIZES[:2])
    return facets | {name: int(str(sizes[name])) for name in ("channels", "batch")}


def _paper() -> tuple[Ask, ...]:
    """Return the node updates of MACE-like models: 128 channels, outputs up to degree 1 or L."""
    shapes = [
        (2, 1, 1),
        (2, 2, 1),
        (2, 3, 1),
        (3, 1, 1),
        (3, 2, 1),
        (3, 3, 1),
        (3, 2, 2),
        (4, 2, 1),
    ]
    return tuple(Ask(problem(*shape, channels=128, batch=256)) for shape in shapes)


def _small() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(nu, lmax, lmax, symmetry, channels=2, batch=6, dtype="float64"))
        for nu, lmax in ((2, 2), (3, 2), (4, 1))
        for symmetry in ("o3", "so3")
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


FAMILY = Family(
    name="power",
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
