"""Family `ranked_product`: the inputs of family `product`, and how many terms a product may have.

x: [batch, channels, dim(irreps_in1)] and y: [batch, channels, dim(irreps_in2)], standard normal,
the same numbers as family `product` draws. The sizes are those of `product` and `rank`: it changes
the map, so it belongs to the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from impls.families import product
from impls.family import Ask, Family
from impls.groups import Group
from impls.problem import Problem, Refusal, Scalar
from impls.spaces import Arrays, Space
from impls.streams import Streams


def plain(problem: Problem) -> Problem:
    """Return the product problem without the rank."""
    sizes = {name: size for name, size in problem.sizes.items() if name != "rank"}
    return Problem("product", sizes, problem.dtype, problem.data, problem.seed)


def problem(
    setting: str,
    lmax: int,
    symmetry: str = "so3",
    *,
    rank: int | None = None,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product problem of a setting at lmax with `rank` terms, by default 7 lmax^2.

    The settings are those of `product.problem`, and "truncated": 0..L x 0..L -> 0..L [@lin2025].

    Raises:
        ValueError: as `product.problem`.
    """
    whole = "mimo" if setting == "truncated" else setting
    asked = product.problem(
        whole, lmax, symmetry, channels=channels, batch=batch, dtype=dtype, seed=seed
    )
    sizes = {**asked.sizes, "rank": max(1, 7 * lmax**2) if rank is None else rank}
    if setting == "truncated":
        sizes["irreps_out"] = sizes["irreps_in1"]
    return Problem("ranked_product", sizes, dtype=dtype, seed=seed)


def rank_of(problem: Problem) -> int:
    """Return the number of terms."""
    return int(problem.sizes["rank"])  # type: ignore[arg-type]


def _check(problem: Problem) -> Refusal | None:
    names = (*product.SIZES, "rank")
    refusal = product.exact_sizes(problem, names) or product.positive_sizes(problem, ("rank",))
    return refusal or product.FAMILY.check(plain(problem))


def _group(problem: Problem) -> Group:
    return product.FAMILY.group(plain(problem))


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return product.FAMILY.inputs(plain(problem))


def _draw(problem: Problem, streams: Streams) -> Arrays:
    return product.FAMILY.draw(plain(problem), streams)


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    facets = {**product.FAMILY.facets(plain(asked)), "rank": rank_of(asked)}
    lmax, symmetry = int(str(facets["lmax"])), str(facets["symmetry"])
    standard = problem("truncated", lmax, symmetry).sizes
    if all(standard[key] == asked.sizes[key] for key in product.SIZES[:3]):
        facets["setting"] = "truncated"
        facets.pop("irreps", None)
    return facets


def _paper() -> tuple[Ask, ...]:
    """Return 7 L^2 terms at each degree, and at degree 2 the curve of the rank to where it ends."""
    habit = [
        problem(setting, lmax, symmetry)
        for setting in ("truncated", "mimo")
        for symmetry in ("so3", "o3")
        for lmax in range(1, 5)
    ]
    curve = [problem("truncated", 2, "so3", rank=rank) for rank in (7, 14, 42, 56, 81)]
    return tuple(Ask(asked) for asked in habit + curve)


def _small() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(setting, lmax, symmetry, rank=rank, channels=2, batch=6, dtype="float64"))
        for symmetry in ("o3", "so3")
        for setting, lmax, rank in (("mimo", 1, 7), ("mimo", 1, 16), ("truncated", 2, 14))
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


FAMILY = Family(
    name="ranked_product",
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
