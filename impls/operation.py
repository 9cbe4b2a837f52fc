"""An Operation: an answer to a Problem as mathematics, free of speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from impls.former import GROWTH, Exactness, Field, accepting
from impls.groups import Element
from impls.growth import Growth
from impls.problem import Problem, Refusal, Scalar
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

Path = tuple[int, int, int]
Named = TypeVar("Named")
Pass = Literal["fwd", "grad", "grad2"]
PASSES: tuple[Pass, ...] = get_args(Pass)
"""A map f(x), the gradient of <c, f>, and the gradient of half the square of d<c, f>/dx."""


@dataclass(frozen=True)
class SymmetryClaim:
    """One subgroup of the family's group under which an operation claims equivariance.

    Only "exact" claims gate. A claim "by_knob" holds the better the finer its `knob`: each step
    <= 1.1 times the one before, down to the tolerance of the precision, and the last <= 1/2 of the
    first. A "learned" one is measured before and after training. A subgroup that the group of a
    problem lacks is not claimed for that problem.

    Raises:
        ValueError: for a claim by_knob without a knob, or a knob with another claim.
    """

    subgroup: str
    kind: Literal["exact", "by_knob", "learned"] = "exact"
    knob: str | None = None

    def __post_init__(self) -> None:
        """Check that a knob is named where it decides, and only there."""
        if (self.kind == "by_knob") != (self.knob is not None):
            raise ValueError(f"claim {self.subgroup!r}: a knob goes with kind 'by_knob'")


def exact(*subgroups: str) -> tuple[SymmetryClaim, ...]:
    """Return exact claims of these subgroups."""
    return tuple(SymmetryClaim(subgroup) for subgroup in subgroups)


@dataclass(frozen=True)
class Knob:
    """What changes an operation's approximation of what was asked: a rank, a resolution, m_max.

    A knob belongs to the answer: no problem, block or draw knows it. `default(problem)` is its
    value where nothing is said; `values(problem)` those of a sweep, from coarse to fine. Both may
    depend on sizes. What changes the question is a size.
    """

    name: str
    default: Callable[[Problem], Scalar]
    values: Callable[[Problem], tuple[Scalar, ...]]

    def of(self, problem: Problem) -> Any:
        """Return the value at which an operation sees a problem."""
        return problem.knobs[self.name] if self.name in problem.knobs else self.default(problem)


def no_weights(problem: Problem) -> Mapping[str, Space]:
    """Return {}: the operation has no weights."""
    return {}


def _claims(was: Exactness) -> dict[str, tuple[SymmetryClaim, ...]]:
    """Return the claims that an exactness made; an approximate one without a knob made none."""
    if was.kind == "exact":
        return {"claims": exact(*was.subgroups)}
    if was.kind == "learned":
        return {"claims": tuple(SymmetryClaim(name, "learned") for name in was.subgroups)}
    named = was.subgroups if was.knob else ()
    return {"claims": tuple(SymmetryClaim(name, "by_knob", was.knob) for name in named)}


_EXACTNESS = Field('write claims=exact("rotation", ...), or a tuple of SymmetryClaim', _claims)


@dataclass(frozen=True)
class AtPoints:
    """Functions on the sphere that are multiplied at points, and the irreps kept of the product.

    An `activation` by name, where the values at points meet one: the product is no polynomial then.
    """

    factors: tuple[Irreps, ...]
    out: Irreps
    activation: str = ""


@accepting(exactness=_EXACTNESS, growth=GROWTH)
@dataclass(frozen=True)
class Operation:
    """The map: its outputs, weights, claimed symmetry, float64 oracle, cost and selection rules.

    `oracle(problem, inputs, weights)` is evaluated in NumPy float64 in the canonical convention
    and shares no code with any implementation. `linear_in` lists the inputs in which the map is a
    homogeneous polynomial, with their degrees: (("x", 1), ("y", 1)) is bilinear.

    `coefficients(problem)` maps a path (i1, i2, i3) (indices into the single copies of the irreps
    of the two inputs in `linear_in` and of the first output) to the reduced coefficient w of that
    block with respect to the unit-norm Wigner 3j tensor; paths that vanish are left out.

    `users` are the keys of papers whose published systems use the operation. `growth` gives the
    exponents by which its arithmetic grows in `lmax` and in `channels`, for the setting mimo.
    `title` is what people read.

    `knobs` change the map within one question; every function here is given the problem at values
    of them. `reads` names the inputs of the family that it takes where the problem has them, None
    all of them: the others are not passed, differentiated, counted or gated. `refused` maps a pass
    that makes no sense for it to the reason; without a gradient there is no second one.

    `agrees_with` names the operation of the family that it must equal, weights and outputs alike;
    `approximates` one that it comes near to, by its knobs: how far it is from that is measured, and
    gates nothing.

    `at_points(problem)` says what it multiplies at points of the sphere, by whatever algorithm:
    which points are enough follows.

    `mask(problem, g)` returns for outputs the entries [0 or 1, broadcast] of g f(x) that have a
    partner in f(g x), where an action moves some out of sight (windows, padding); the others are
    not compared. `align(problem, g, a, b)` yields finitely many candidates for b = g f(x) when the
    action on outputs is known only up to a choice (polyphase anchoring); the one nearest to
    a = f(g x) counts. With either, symmetry is judged on the forward pass alone.
    """

    name: str
    family: str
    summary: str
    papers: tuple[str, ...]
    claims: tuple[SymmetryClaim, ...]
    outputs: Callable[[Problem], Mapping[str, Space]]
    oracle: Callable[[Problem, Arrays, Arrays], Arrays]
    cost: Callable[[Problem], Mapping[str, float]]
    supports: Callable[[Problem], Refusal | None] = lambda problem: None
    weights: Callable[[Problem], Mapping[str, Space]] = no_weights
    linear_in: tuple[tuple[str, int], ...] = ()
    coefficients: Callable[[Problem], Mapping[Path, float]] | None = None
    align: Callable[[Problem, Element, Array, Array], Iterable[Array]] | None = None
    mask: Callable[[Problem, Element], Mapping[str, Array]] | None = None
    knobs: tuple[Knob, ...] = ()
    reads: tuple[str, ...] | None = None
    refused: Mapping[Pass, str] = field(default_factory=dict)
    agrees_with: str | None = None
    approximates: str | None = None
    at_points: Callable[[Problem], AtPoints] | None = None
    users: tuple[str, ...] = ()
    growth: Growth = field(default_factory=Growth)
    title: str = ""

    def taken(self, inputs: Mapping[str, Named]) -> dict[str, Named]:
        """Return those of a family's inputs (arrays, Spaces) that the operation reads."""
        if self.reads is None:
            return dict(inputs)
        return {name: inputs[name] for name in self.reads if name in inputs}

    def knobs_of(self, problem: Problem) -> dict[str, Scalar]:
        """Return the value of each knob at which the operation sees a problem."""
        return {knob.name: knob.of(problem) for knob in self.knobs}

    @property
    def exact(self) -> tuple[str, ...]:
        """Return the subgroups whose claims gate."""
        return tuple(claim.subgroup for claim in self.claims if claim.kind == "exact")

    @property
    def inexact(self) -> str:
        """Return in words the claims that do not gate: "rotation by resolution"; "" for none."""
        words = {"by_knob": "by {}", "learned": "learned"}
        return ", ".join(
            f"{claim.subgroup} {words[claim.kind].format(claim.knob)}"
            for claim in self.claims
            if claim.kind != "exact"
        )

    def why_not(self, pass_: Pass) -> str | None:
        """Return why a pass makes no sense for the operation, else None."""
        first = self.refused.get("grad") if pass_ == "grad2" else None
        return self.refused.get(pass_, first)
