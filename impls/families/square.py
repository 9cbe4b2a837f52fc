"""Family `square`: one feature with channels, multiplied with itself.

x: [batch, mul1, dim(irreps_in)], standard normal. The sizes are the irreps (one copy of each;
channels are an axis), `mul1`, `mul3` (of the output), `batch` and `weights`: "shared" by all
samples or "per_sample". `irreps_out` says which output irreps are asked for. As in family
`multiplicity`, results are compared with the oracle at full size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from impls.families import product
from impls.families.multiplicity import batch_of, check_irreps, check_weights
from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family, sampled
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irreps, standard
from impls.spaces import Space

IRREPS = ("irreps_in", "irreps_out")
SIZES = (*IRREPS, "mul1", "mul3", "batch", "weights")


def problem(
    lmax: int,
    lmax_out: int,
    symmetry: str = "o3",
    *,
    mul: tuple[int, int] = (16, 16),
    weights: str = "shared",
    batch: int = 512,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the square of degrees 0..lmax into degrees 0..lmax_out, with `mul` (mul1, mul3).

    Symmetry "o3" has natural parity in and out, (-1)^l; "so3" has degrees only.

    Raises:
        ValueError: for an unknown symmetry or a negative degree.
    """
    if lmax < 0 or lmax_out < 0:
        raise ValueError(f"lmax and lmax_out must be integers >= 0, not {lmax} and {lmax_out}")
    sizes: dict[str, Size] = {
        "irreps_in": str(standard(symmetry, range(lmax + 1))),
        "irreps_out": str(standard(symmetry, range(lmax_out + 1))),
        "mul1": mul[0],
        "mul3": mul[1],
        "batch": batch,
        "weights": weights,
    }
    return Problem("square", sizes, dtype=dtype, seed=seed)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps]:
    """Return (in, out) as Irreps."""
    sizes = problem.sizes
    return Irreps.parse(str(sizes["irreps_in"])), Irreps.parse(str(sizes["irreps_out"]))


def multiplicities_of(problem: Problem) -> tuple[int, int]:
    """Return (mul1, mul3)."""
    return int(problem.sizes["mul1"]), int(problem.sizes["mul3"])  # type: ignore[arg-type]


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES) or positive_sizes(problem, ("mul1", "mul3", "batch"))
    return refusal or check_weights(problem) or check_irreps(problem, IRREPS)


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem)[0].parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    inside = irreps_of(problem)[0]
    shape = (batch_of(problem), multiplicities_of(problem)[0], inside.dim)
    return {"x": irreps_space(shape, inside)}


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes, (inside, out) = asked.sizes, irreps_of(asked)
    symmetry = "o3" if inside.parity else "so3"
    standard = problem(inside.lmax, out.lmax, symmetry).sizes
    custom = any(standard[name] != sizes[name] for name in IRREPS)
    facets: dict[str, Scalar] = {"setting": "custom" if custom else "square", "symmetry": symmetry}
    facets |= {"lmax": inside.lmax, "lout": out.lmax}
    if custom:
        facets["irreps"] = " | ".join(str(sizes[name]) for name in IRREPS)
    counts = {name: int(str(sizes[name])) for name in ("mul1", "mul3", "batch")}
    return facets | counts | {"weights": str(sizes["weights"])}


def _paper() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(lmax, lmax, symmetry, weights=weights))
        for symmetry in ("o3", "so3")
        for weights, top in (("shared", 3), ("per_sample", 2))
        for lmax in range(1, top + 1)
    )


def _small() -> tuple[Ask, ...]:
    both = problem(1, 2, mul=(2, 3), weights="per_sample", batch=5, dtype="float64")
    pseudo = {"irreps_in": "1x1e+1x0e+1x1o", "irreps_out": "1x1o+1x1e+1x0e+1x2e"}
    return (
        Ask(problem(2, 2, "so3", mul=(3, 2), batch=5, dtype="float64")),
        Ask(problem(2, 4, mul=(1, 2), batch=5, dtype="float64")),
        Ask(both.with_sizes(**pseudo)),
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(mul1=1, mul3=1, batch=1)


def _pose(setting: str, symmetry: str, lmax: int) -> Problem:
    """Return the settings of family `product`, of a feature with itself."""
    posed = product.problem(setting, lmax, symmetry).sizes
    single = problem(lmax, lmax, symmetry, mul=(1, 1), batch=1, dtype="float64")
    return single.with_sizes(irreps_in=posed["irreps_in1"], irreps_out=posed["irreps_out"])


FAMILY = Family(
    name="square",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    ask=problem,
    examples=tuple(asked.problem for asked in _small()),
    batch=None,
    profiles={"paper": _paper, "check": _small},
    single=_single,
    pose=_pose,
)
