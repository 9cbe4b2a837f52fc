"""Family `vectors`: vectors in space, as the edges of a graph are.

v: [batch, 3] (x, y, z), of lengths 1..1.5: a vector of length zero has no direction, and is not
asked. The sizes are `irreps_out`, the irreps of what is asked of each vector, one copy of each
degree, and `batch`. The group is O(3), or SO(3) for irreps without parity.

Data "isotropic" draws random directions. Data "poles" draws those along the axes, the polar axis y
among them, and near to the poles, where angles and frames may fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from impls.family import Family, checked
from impls.groups import Group, orthogonal, rotations
from impls.inputs.clouds import polar, stretched
from impls.problem import Problem, Scalar, Size
from impls.sizes import BadSize, Sizes, size
from impls.so3.irreps import Irreps, standard
from impls.so3.space import irreps_space
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

Data = Literal["isotropic", "poles"]
DATA = ("isotropic", "poles")


@dataclass(frozen=True)
class VectorsSizes(Sizes):
    """One copy of each irrep."""

    irreps_out: Irreps = size(counts="")
    batch: int = size()

    def __post_init__(self) -> None:
        """Refuse a degree that is asked twice, and what no function of a vector has."""
        irreps = [ir for _, ir in self.irreps_out]
        wrong = [str(ir) for ir in irreps if ir.p not in (0, (-1) ** ir.l)]
        if wrong:
            raise BadSize(
                f"irreps_out={self.irreps_out}: no function of one vector has parity "
                f"{', '.join(wrong)}",
                "use natural parity: 0e, 1o, 2e ...",
            )
        if len(set(irreps)) < len(irreps):
            raise BadSize(f"irreps_out={self.irreps_out}: a degree is repeated", "name it once")


def ask(
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    irreps_out: str | Irreps | None = None,
    batch: int = 1000,
    data: Data = "isotropic",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for degrees 0..lmax, or for the irreps that are named.

    Raises:
        ValueError: for neither lmax nor irreps_out, or both, or an unknown symmetry.
    """
    if (lmax is None) == (irreps_out is None):
        raise ValueError("family vectors needs lmax or irreps_out, and not both")
    if lmax is not None:
        out = standard(symmetry, range(lmax + 1))
    else:
        out = Irreps.parse(str(irreps_out))
    sizes: dict[str, Size] = {"irreps_out": str(out), "batch": batch}
    return Problem("vectors", sizes, dtype=dtype, data=data, seed=seed)


def irreps_of(problem: Problem) -> Irreps:
    """Return the irreps that are asked for."""
    return VectorsSizes.of(problem).irreps_out


def degrees_of(problem: Problem) -> tuple[int, ...]:
    """Return their degrees, in order."""
    return tuple(ir.l for _, ir in irreps_of(problem))


def batch_of(problem: Problem) -> int:
    """Return the number of vectors."""
    return VectorsSizes.of(problem).batch


def output_space(problem: Problem) -> Space:
    """Return the Space [batch, dim(irreps_out)]."""
    irreps = irreps_of(problem)
    return irreps_space((batch_of(problem), irreps.dim), irreps)


def _group(problem: Problem) -> Group:
    return orthogonal() if irreps_of(problem).parity else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    vector = "1o" if irreps_of(problem).parity else "1"
    return {"v": irreps_space((batch_of(problem), 3), vector)}


def _draw(problem: Problem, streams: Streams) -> Arrays:
    rng, count = streams("v"), batch_of(problem)
    return {"v": polar(rng, count) if problem.data == "poles" else _isotropic(rng, count)}


def _isotropic(rng: np.random.Generator, count: int) -> Array:
    return stretched(rng, rng.standard_normal((count, 3)))


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    irreps = irreps_of(problem)
    symmetry = "o3" if irreps.parity else "so3"
    facets: dict[str, Scalar] = {"symmetry": symmetry, "lmax": irreps.lmax}
    if irreps != standard(symmetry, range(irreps.lmax + 1)):
        facets["irreps"] = "+".join(str(ir) for _, ir in irreps)
    if problem.data != "isotropic":
        facets["data"] = problem.data
    return facets | {"batch": batch_of(problem)}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


def _pose(lmax: int, *, symmetry: Literal["so3", "o3"] = "so3") -> Problem:
    return ask(lmax, symmetry, batch=1, dtype="float64")


EXAMPLES = (
    ask(2, batch=8, dtype="float64"),
    ask(3, "so3", batch=8, dtype="float64"),
    ask(4, batch=30, data="poles", dtype="float64"),
    ask(irreps_out="3o+0e+2e", batch=8, dtype="float64"),
)

FAMILY = Family(
    name="vectors",
    title="functions of vectors",
    sizes=VectorsSizes,
    ask=ask,
    check=checked(VectorsSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("lmax", "batch"),
    labels={
        "symmetry": "symmetry",
        "lmax": "degree L",
        "irreps": "irreps",
        "data": "data",
        "batch": "batch",
        "o3": "O(3), natural parity",
        "so3": "SO(3), degrees only",
        "poles": "directions near the poles",
    },
    examples=EXAMPLES,
    data=DATA,
    batch="batch",
    single=_single,
    pose=_pose,
)
