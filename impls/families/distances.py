"""Family `distances`: vectors in space of which only the lengths matter, as in radial functions.

v: [batch, 3] (x, y, z), in random directions. The sizes are `functions`, how many functions of a
length are asked for, `cutoff`, from which on all of them are zero [in the units of v], `envelope`,
how they become zero there, and `batch`. The group is O(3), which moves v and no function of |v|.

The envelope is a function u(x) of x = |v| / cutoff, 1 at x = 0 and zero from x = 1 on:

polynomial    1 - 28 x^6 + 48 x^7 - 21 x^8: zero with two derivatives [@gasteiger2020]
cosine        (1 + cos(pi x)) / 2: zero with one [@schutt2021]
exponential   exp(-x^2 / (1 - x^2)): zero with all [@unke2024]

Data "inside" draws lengths evenly from 0.1 to 0.98 of the cutoff. Data "around" draws every other
one from 1.02 to 1.3 of it, where nothing is left. Two nodes at one place have no distance, and are
not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked
from impls.groups import Group, orthogonal
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes, size
from impls.so3.space import irreps_space
from impls.spaces import Arrays, Space
from impls.streams import Streams

Envelope = Literal["polynomial", "cosine", "exponential"]
Data = Literal["inside", "around"]
DATA: tuple[Data, ...] = get_args(Data)
INSIDE, BEYOND = (0.1, 0.98), (1.02, 1.3)
"""The lengths that are drawn, in units of the cutoff."""


@dataclass(frozen=True)
class DistancesSizes(Sizes):
    """How many functions of how many lengths, and where and how they end."""

    functions: int = size()
    cutoff: float = size()
    envelope: Envelope = size()
    batch: int = size()


def ask(
    functions: int = 8,
    *,
    cutoff: float = 5.0,
    envelope: Envelope = "polynomial",
    batch: int = 1000,
    data: Data = "inside",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for so many functions of a length, zero from the cutoff on."""
    sizes: dict[str, Size] = {"functions": functions, "cutoff": float(cutoff), "envelope": envelope}
    return Problem("distances", {**sizes, "batch": batch}, dtype=dtype, data=data, seed=seed)


def functions_of(problem: Problem) -> int:
    """Return how many functions are asked for."""
    return DistancesSizes.of(problem).functions


def envelope_of(problem: Problem) -> Envelope:
    """Return the name of the envelope."""
    return DistancesSizes.of(problem).envelope


def batch_of(problem: Problem) -> int:
    """Return the number of vectors."""
    return DistancesSizes.of(problem).batch


def output_space(problem: Problem) -> Space:
    """Return the Space [batch, functions] of what nothing moves."""
    return Space((batch_of(problem), functions_of(problem)), axis="batch")


def _group(problem: Problem) -> Group:
    return orthogonal()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"v": irreps_space((batch_of(problem), 3), "1o")}


def _draw(problem: Problem, streams: Streams) -> Arrays:
    rng, count = streams("v"), batch_of(problem)
    v = rng.standard_normal((count, 3))
    low, high = np.array([INSIDE, BEYOND]).T
    place = np.arange(count) % 2 * (problem.data == "around")
    lengths = rng.uniform(low[place], high[place]) * DistancesSizes.of(problem).cutoff
    return {"v": v * (lengths / np.linalg.norm(v, axis=1))[:, None]}


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes = DistancesSizes.of(problem)
    facets: dict[str, Scalar] = {"functions": sizes.functions, "envelope": sizes.envelope}
    if problem.data != "inside":
        facets["data"] = problem.data
    return facets | {"cutoff": sizes.cutoff, "batch": sizes.batch}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(8, batch=12, dtype="float64"),
    ask(1, batch=9, data="around", dtype="float64"),
    *(
        ask(5, cutoff=2.0, envelope=name, batch=9, data="around", dtype="float64")
        for name in get_args(Envelope)
    ),
)

FAMILY = Family(
    name="distances",
    title="functions of distances",
    sizes=DistancesSizes,
    ask=ask,
    check=checked(DistancesSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("functions", "batch"),
    labels={
        "functions": "functions",
        "envelope": "envelope",
        "data": "data",
        "cutoff": "cutoff",
        "batch": "batch",
        "polynomial": "polynomial, zero with two derivatives",
        "cosine": "cosine, zero with one derivative",
        "exponential": "exponential, zero with all derivatives",
        "around": "lengths inside and beyond the cutoff",
    },
    examples=EXAMPLES,
    data=DATA,
    batch="batch",
    single=_single,
)
