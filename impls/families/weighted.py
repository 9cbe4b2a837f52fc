"""Family `weighted`: two features with channels of their own, multiplied with weights.

x: [batch, mul1, dim(irreps_in1)] and y: [batch, mul2, dim(irreps_in2)], standard normal. The sizes
are the irreps (one copy of each; channels are an axis), the multiplicities `mul1`, `mul2` and
`mul3` (of the output, where a mode leaves it free), `batch` and `weights`: "shared" by all samples,
or "per_sample", as a radial network gives every edge its own. `irreps_out` says which output irreps
are asked for.

Weights of each sample have its axis too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from impls.families import product
from impls.family import Family, checked, sampled
from impls.groups import Group, orthogonal, rotations
from impls.inputs.graphs import graph
from impls.problem import Problem, Scalar, Size
from impls.sizes import BadSize, Sizes, size
from impls.so3.irreps import Irreps
from impls.so3.space import irreps_space
from impls.spaces import Space

IRREPS = ("irreps_in1", "irreps_in2", "irreps_out")
MULTIPLICITIES = ("mul1", "mul2", "mul3")
Weights = Literal["shared", "per_sample"]


@dataclass(frozen=True)
class WeightedSizes(Sizes):
    """One copy of each irrep: channels are an axis."""

    irreps_in1: Irreps = size(counts="mul1")
    irreps_in2: Irreps = size(counts="mul2")
    irreps_out: Irreps = size(counts="mul3")
    mul1: int = size()
    mul2: int = size()
    mul3: int = size()
    batch: int = size()
    weights: Weights = size()

    def __post_init__(self) -> None:
        """Refuse an irrep that is repeated: it is a multiplicity."""
        for name in IRREPS:
            irreps: Irreps = getattr(self, name)
            if len({ir for _, ir in irreps}) < len(irreps):
                raise BadSize(f"{name}={irreps}: an irrep is repeated", "use mul")


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
    """Return the problem of a setting of family `product` at lmax, with (mul1, mul2, mul3).

    Raises:
        ValueError: as `product.problem`.
    """
    sizes = product.problem(setting, lmax, symmetry).sizes
    kept = {name: sizes[name] for name in IRREPS}
    kept |= dict(zip(MULTIPLICITIES, mul, strict=True)) | {"batch": batch, "weights": weights}
    return Problem("weighted", kept, dtype=dtype, seed=seed)


def ask(
    setting: str | None = None,
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    irreps_in1: str | Irreps | None = None,
    irreps_in2: str | Irreps | None = None,
    irreps_out: str | Irreps | None = None,
    mul1: int = 16,
    mul2: int = 16,
    mul3: int = 16,
    weights: str = "shared",
    batch: int = 512,
    model: str | None = None,
    structures: str = "silicon:2x2x2",
    channels: int | None = None,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the problem of a setting at lmax, of irreps, or of a model (allegro).

    `channels` are all three multiplicities at once. The irreps are as in family `product`.

    Raises:
        ValueError: for an unknown model, or as `product.ask`.
    """
    if model is not None:
        if model != "allegro":
            raise ValueError(f"unknown model {model!r}: family weighted has allegro")
        return allegro(structures, channels=channels or 32, dtype=dtype, seed=seed)
    irreps = product.ask(
        setting,
        lmax,
        symmetry,
        irreps_in1=irreps_in1,
        irreps_in2=irreps_in2,
        irreps_out=irreps_out,
    ).sizes
    mul = (mul1, mul2, mul3) if channels is None else (channels,) * 3
    sizes = {name: irreps[name] for name in IRREPS}
    sizes |= dict(zip(MULTIPLICITIES, mul, strict=True)) | {"batch": batch, "weights": weights}
    return Problem("weighted", sizes, dtype=dtype, seed=seed)


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
    return _on_edges(edges, channels, dtype, seed)


def _on_edges(edges: int, channels: int, dtype: str, seed: int = 0) -> Problem:
    sizes = {**ALLEGRO, **dict.fromkeys(MULTIPLICITIES, channels), "batch": edges}
    return Problem("weighted", sizes, dtype=dtype, seed=seed)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (in1, in2, out) as Irreps."""
    sizes = WeightedSizes.of(problem)
    return sizes.irreps_in1, sizes.irreps_in2, sizes.irreps_out


def multiplicities_of(problem: Problem) -> tuple[int, int, int]:
    """Return (mul1, mul2, mul3)."""
    sizes = WeightedSizes.of(problem)
    return sizes.mul1, sizes.mul2, sizes.mul3


def batch_of(problem: Problem) -> int:
    """Return the number of samples."""
    return int(str(problem.sizes["batch"]))


def per_sample(problem: Problem) -> bool:
    """Tell whether every sample has weights of its own."""
    return problem.sizes["weights"] == "per_sample"


def weight_space(problem: Problem, *shape: int) -> Space:
    """Return the Space of weights of this shape, with the samples in front if each has its own."""
    if per_sample(problem):
        return Space((batch_of(problem), *shape), axis="batch")
    return Space(shape)


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
    for setting in product.SETTINGS:
        standard = problem(setting, lmax, symmetry).sizes
        if all(standard[name] == value for name, value in zip(IRREPS, irreps, strict=True)):
            return setting
    return "custom"


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(**dict.fromkeys(MULTIPLICITIES, 1), batch=1)


def _pose(
    lmax: int, *, setting: product.Setting = "mimo", symmetry: product.Symmetry = "so3"
) -> Problem:
    return problem(setting, lmax, symmetry, mul=(1, 1, 1), batch=1, dtype="float64")


EXAMPLES = (
    problem("truncated", 1, "so3", mul=(2, 2, 1), weights="per_sample", batch=6, dtype="float64"),
    problem("truncated", 2, mul=(3, 2, 4), batch=5, dtype="float64"),
    problem("mimo", 2, "so3", mul=(2, 2, 3), batch=4, dtype="float64"),
    _on_edges(6, channels=2, dtype="float64"),  # those of H2O; no graph is built at import
    ask(
        irreps_in1=product.MULTIVECTORS,
        irreps_out=product.MULTIVECTORS,
        channels=3,
        batch=5,
        dtype="float64",
    ),
)

FAMILY = Family(
    name="weighted",
    title="products whose channels mix",
    sizes=WeightedSizes,
    ask=ask,
    check=checked(WeightedSizes),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("lmax", *MULTIPLICITIES, "batch"),
    labels={
        **product.FAMILY.labels,
        "mul1": "channels of x",
        "mul2": "channels of y",
        "mul3": "channels of z",
        "weights": "weights",
        "shared": "shared by all samples",
        "per_sample": "each sample has its own",
        "model": "shape of",
        "allegro": "Allegro",
    },
    examples=EXAMPLES,
    batch="batch",
    single=_single,
    pose=_pose,
)
