"""Family `multiplicity`: two features with channels of their own, multiplied with weights.

x: [batch, mul1, dim(irreps_in1)] and y: [batch, mul2, dim(irreps_in2)], standard normal. The sizes
are the irreps (one copy of each; channels are an axis), the multiplicities `mul1`, `mul2` and
`mul3` (of the output, where a mode leaves it free), `batch` and `weights`: "shared" by all samples,
or "per_sample", as a radial network gives every edge its own. `irreps_out` says which output irreps
are asked for.

Weights can have the axis of the samples, so that no size counts samples that are independent of
all weights: results are compared with the oracle at full size.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from impls.families import product
from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family, sampled
from impls.groups import Group, orthogonal, rotations
from impls.inputs.graphs import graph
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irreps
from impls.spaces import Space

IRREPS = ("irreps_in1", "irreps_in2", "irreps_out")
MULTIPLICITIES = ("mul1", "mul2", "mul3")
SIZES = (*IRREPS, *MULTIPLICITIES, "batch", "weights")
WEIGHTS = ("shared", "per_sample")
SETTINGS = ("siso", "simo", "mimo", "truncated")

ALLEGRO: Mapping[str, Size] = {
    "irreps_in1": "1x0e+1x1o+1x1e+1x2e+1x2o",
    "irreps_in2": "1x0e+1x1o+1x2e",
    "irreps_out": "1x0e+1x1o+1x2e",
    "mul1": 32,
    "mul2": 32,
    "mul3": 32,
    "weights": "shared",
}
"""Degrees up to 2, both parities ("o3_full") and 32 tensor features, as configs/example.yaml of
mir-group/allegro [@musaelian2023]; the second of three products, which has all irreps from which
the third can still make a scalar."""
ALLEGRO_CUTOFF = 6.0
"""Its cutoff [Å]."""


def problem(
    setting: str,
    lmax: int,
    symmetry: str = "o3",
    *,
    mul: tuple[int, int, int] = (16, 16, 16),
    weights: str = "shared",
    batch: int = 512,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the problem of a setting at lmax with multiplicities (mul1, mul2, mul3).

    The settings are those of `product.problem`, and "truncated": 0..L x 0..L -> 0..L, what a layer
    asks for whose outputs are the inputs of the next [@batzner2022].

    Raises:
        ValueError: as `product.problem`.
    """
    sizes = dict(
        product.problem("mimo" if setting == "truncated" else setting, lmax, symmetry).sizes
    )
    if setting == "truncated":
        sizes["irreps_out"] = sizes["irreps_in1"]
    kept = {name: sizes[name] for name in IRREPS}
    kept |= dict(zip(MULTIPLICITIES, mul, strict=True)) | {"batch": batch, "weights": weights}
    return Problem("multiplicity", kept, dtype=dtype, seed=seed)


def allegro(
    structures: str = "silicon:2x2x2",
    *,
    channels: int = 32,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of Allegro's layers on the edges of real structures [@musaelian2023].

    Every edge has a feature x of both parities and the environment y of its centre, of natural
    parity: degrees up to 2, channel by channel (mode uuu), one sample for each edge within 6 Å.
    The published number of channels is 32.

    Raises:
        ValueError: for a structure that does not exist.
    """
    edges = len(graph(structures, ALLEGRO_CUTOFF).src)
    sizes = {**ALLEGRO, **dict.fromkeys(MULTIPLICITIES, channels), "batch": edges}
    return Problem("multiplicity", sizes, dtype=dtype, seed=seed)


def ask(
    setting: str | None = None,
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    model: str | None = None,
    structures: str = "silicon:2x2x2",
    mul1: int = 16,
    mul2: int = 16,
    mul3: int = 16,
    weights: str = "shared",
    batch: int = 512,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the problem of a setting at lmax, or of the model "allegro" on the edges of structures.

    Raises:
        ValueError: for neither or both, an unknown model, or as `problem` and `allegro`.
    """
    if model is not None:
        if model != "allegro" or setting is not None or lmax is not None:
            raise ValueError(f"model {model!r}: there is 'allegro', without setting and lmax")
        return allegro(structures, dtype=dtype, seed=seed)
    if setting is None or lmax is None:
        raise ValueError("family multiplicity needs a setting and an lmax, or a model")
    mul, shared = (mul1, mul2, mul3), {"dtype": dtype, "seed": seed}
    return problem(setting, lmax, symmetry, mul=mul, weights=weights, batch=batch, **shared)  # type: ignore[arg-type]


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (in1, in2, out) as Irreps."""
    first, second, out = (Irreps.parse(str(problem.sizes[name])) for name in IRREPS)
    return first, second, out


def multiplicities_of(problem: Problem) -> tuple[int, int, int]:
    """Return (mul1, mul2, mul3)."""
    first, second, third = (int(problem.sizes[name]) for name in MULTIPLICITIES)  # type: ignore[arg-type]
    return first, second, third


def batch_of(problem: Problem) -> int:
    """Return the number of samples."""
    return int(problem.sizes["batch"])  # type: ignore[arg-type]


def per_sample(problem: Problem) -> bool:
    """Tell whether every sample has weights of its own."""
    return problem.sizes["weights"] == "per_sample"


def weight_space(problem: Problem, *shape: int) -> Space:
    """Return the Space of weights of this shape, with the samples in front if each has its own."""
    return Space((batch_of(problem), *shape) if per_sample(problem) else shape)


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES) or positive_sizes(problem, (*MULTIPLICITIES, "batch"))
    return refusal or check_weights(problem) or check_irreps(problem, IRREPS)


def check_weights(problem: Problem) -> Refusal | None:
    """Refuse other weights than "shared" and "per_sample", and other data than "normal"."""
    if problem.sizes["weights"] not in WEIGHTS:
        return Refusal(
            f"unknown weights {problem.sizes['weights']!r}", f"use {' or '.join(WEIGHTS)}"
        )
    if problem.data != "normal":
        return Refusal(f"unknown data {problem.data!r}", f"family {problem.family} draws 'normal'")
    return None


def check_irreps(problem: Problem, names: tuple[str, ...]) -> Refusal | None:
    """Refuse irreps that are empty or repeated (inputs: as multiplicity), or of mixed labels."""
    try:
        parsed = {name: Irreps.parse(str(problem.sizes[name])) for name in names}
    except ValueError as error:
        return Refusal(str(error))
    for name, irreps in parsed.items():
        if not irreps.items:
            return Refusal(f"{name} is empty", "name at least one irrep")
        if any(mul != 1 for mul, _ in irreps):
            return Refusal(f"{name}={irreps}: multiplicities are not part of irreps", "use mul")
        if len({ir for _, ir in irreps}) < len(irreps):
            return Refusal(f"{name}={irreps}: an irrep is repeated", "use mul")
    if len({irreps.parity for irreps in parsed.values()}) > 1:
        return Refusal("irreps with and without parity are mixed", "write 1o, or 1 everywhere")
    return None


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem)[0].parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    first, second, _ = irreps_of(problem)
    mul1, mul2, _ = multiplicities_of(problem)
    batch = batch_of(problem)
    return {
        "x": irreps_space((batch, mul1, first.dim), first),
        "y": irreps_space((batch, mul2, second.dim), second),
    }


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes, first = asked.sizes, irreps_of(asked)[0]
    symmetry = "o3" if first.parity else "so3"
    lmax = max(irreps.lmax for irreps in irreps_of(asked)[:2])
    setting = _setting(tuple(str(sizes[name]) for name in IRREPS), lmax, symmetry)
    facets: dict[str, Scalar] = {"setting": setting, "symmetry": symmetry, "lmax": lmax}
    if all(sizes[name] == value for name, value in ALLEGRO.items()):
        facets["model"] = "allegro"
    elif setting == "custom":
        facets["irreps"] = " | ".join(str(sizes[name]) for name in IRREPS)
    counts = {name: int(str(sizes[name])) for name in (*MULTIPLICITIES, "batch")}
    return facets | counts | {"weights": str(sizes["weights"])}


@lru_cache(maxsize=256)
def _setting(irreps: tuple[str, ...], lmax: int, symmetry: str) -> str:
    for setting in SETTINGS:
        standard = problem(setting, lmax, symmetry).sizes
        if all(standard[name] == value for name, value in zip(IRREPS, irreps, strict=True)):
            return setting
    return "custom"


def _paper() -> tuple[Ask, ...]:
    """Return layers of 16 channels, of 64 channels with edge harmonics (mul2 = 1), and Allegro."""
    asks = [
        Ask(problem("truncated", lmax, symmetry, weights=weights))
        for symmetry in ("o3", "so3")
        for weights, top in (("shared", 3), ("per_sample", 2))
        for lmax in range(1, top + 1)
    ]
    asks += [
        Ask(problem("truncated", lmax, symmetry, mul=(64, 1, 64), weights="per_sample", batch=256))
        for symmetry in ("o3", "so3")
        for lmax in (1, 2)
    ]
    return (*asks, Ask(allegro(), ("uuu",)))


def _small() -> tuple[Ask, ...]:
    return (
        Ask(problem("truncated", 2, mul=(3, 2, 4), batch=5, dtype="float64")),
        Ask(problem("mimo", 2, "so3", mul=(2, 2, 3), batch=4, dtype="float64")),
        Ask(
            problem(
                "truncated", 1, "so3", mul=(2, 2, 1), weights="per_sample", batch=6, dtype="float64"
            )
        ),
        Ask(allegro("H2O", channels=2, dtype="float64")),
    )


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(**dict.fromkeys(MULTIPLICITIES, 1), batch=1)


def _pose(setting: str, symmetry: str, lmax: int) -> Problem:
    return problem(setting, lmax, symmetry, mul=(1, 1, 1), batch=1, dtype="float64")


FAMILY = Family(
    name="multiplicity",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    ask=ask,
    examples=tuple(asked.problem for asked in _small()),
    batch=None,
    profiles={"paper": _paper, "check": _small},
    single=_single,
    pose=_pose,
)
