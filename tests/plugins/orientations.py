r"""A map of the plane that commutes with rotations the better, the more orientations it samples.

Family `my_plane`: x [batch, 2], moved by rotations of the plane and, apart, by quarter turns.
Operation `orientations`: with directions u_k at angles 2 pi k / R,

    z = 2/R sum_k u_k tanh(<u_k, x>).

The sum is a trapezoid rule for an integral over the circle, which commutes with all rotations. R is
a knob: it changes how well that integral is met, and not what was asked. Its values are multiples
of 4, so that quarter turns are exact; rotations are claimed by the knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.family import Family, checked, sampled
from impls.groups import Element, Group
from impls.implementation import Built, Tensors
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.problem import BYTES, Problem, Refusal
from impls.sizes import Sizes
from impls.spaces import Array, Arrays, Space

CIRCLE = 2 * np.pi
ORIENTATIONS = Knob("orientations", default=lambda problem: 8, values=lambda problem: (4, 8, 16))


@dataclass(frozen=True)
class PlaneSizes(Sizes):
    """How many vectors."""

    batch: int


def turned(angle: Element, a: Array) -> Array:
    """Return vectors [batch, 2] turned by an angle."""
    c, s = np.cos(angle), np.sin(angle)
    return a @ np.array([[c, s], [-s, c]])


def _group(problem: Problem) -> Group:
    def turns(name: str, sample, **subgroups: Group) -> Group:
        return Group(name, 0.0, sample, lambda g, h: g + h, lambda g: -g, subgroups)

    def any_turn(rng: np.random.Generator, n: int) -> list[Element]:
        return list(rng.uniform(0, 2 * np.pi, n))

    def quarter(rng: np.random.Generator, n: int) -> list[Element]:
        return list(rng.integers(1, 4, n) * np.pi / 2)

    parts = {"rotation": turns("SO(2)", any_turn), "quarter_turn": turns("C4", quarter)}
    return turns("SO(2)", any_turn, **parts)


def _vectors(name: str):
    def spaces(problem: Problem) -> Mapping[str, Space]:
        return {name: Space((PlaneSizes.of(problem).batch, 2), turned, axis="batch")}

    return spaces


EXAMPLE = Problem("my_plane", {"batch": 6}, dtype="float64")
FAMILY = Family(
    name="my_plane",
    sizes=PlaneSizes,
    check=checked(PlaneSizes),
    group=_group,
    inputs=_vectors("x"),
    draw=sampled(_vectors("x")),
    facets=lambda problem: dict(vars(PlaneSizes.of(problem))),
    batch="batch",
    examples=(EXAMPLE,),
    single=lambda problem: problem.with_sizes(batch=1),
)


def _supports(problem: Problem) -> Refusal | None:
    count = ORIENTATIONS.of(problem)
    return None if count % 4 == 0 else Refusal(f"orientations={count}", "use a multiple of 4")


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    z, count = np.zeros_like(inputs["x"]), ORIENTATIONS.of(problem)
    for angle in np.linspace(0.0, CIRCLE, count, endpoint=False):
        u = np.array([np.cos(angle), np.sin(angle)])
        z += 2 / count * np.tanh(inputs["x"] @ u)[:, None] * u
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    batch, count = PlaneSizes.of(problem).batch, ORIENTATIONS.of(problem)
    return {"flops": 8.0 * batch * count, "bytes": 4.0 * batch * BYTES[problem.dtype]}


OPERATION = Operation(
    name="orientations",
    family="my_plane",
    summary="mean over sampled orientations of tanh along each",
    papers=(),
    claims=(*exact("quarter_turn"), SymmetryClaim("rotation", "by_knob", "orientations")),
    outputs=_vectors("z"),
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    knobs=(ORIENTATIONS,),
)


def matrix(problem: Problem, b: Backend, options: Options) -> Built:
    """Project on all directions at once, and back."""
    count = ORIENTATIONS.of(problem)
    angles = CIRCLE / count * np.arange(count)
    u, tanh = b.table(np.stack([np.cos(angles), np.sin(angles)])), b.activation("tanh")

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": tanh(inputs["x"] @ u) @ u.swapaxes(0, 1) * (2 / count)}

    return Built(call)


ALGORITHM = Algorithm("orientations", "matrix", "one matrix each way", matrix, ("numpy", "jax"))
