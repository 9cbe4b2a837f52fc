r"""The gate: is the result right, is its gradient right, does it have the claimed symmetry?

All errors are relative and are judged on the pass that is timed, at full size:

* `error.fwd` = |f - f_oracle| / |f_oracle| over up to 64 samples of the batch: the first, the last
  and random ones. For the gradient pass f is the value <c, f>, and the scale is the root sum of
  squares of c * f; c is zero in all other samples here. That other c are answered as well, those of
  the timed call too, `conduct.linear` says.
* `error.grad`: for each differentiable array, directional derivatives of <c, f> along random
  directions against those of the float64 oracle; root mean square of the differences over that of
  the oracle's; the worst array counts. For the second-gradient pass, of the inner gradient.
* `error.grad2`: in that pass, the same for phi = |d<c, f>/dx|^2 / 2, whose derivatives the oracle
  gives as mixed derivatives of <c, f> along the inner gradient and the direction.
* `equiv.<subgroup>` = max |f(g x) - g f(x)| / |f(x)| over elements of a subgroup; in the gradient
  pass f is the gradient as a function of inputs and cotangents. Where the action on outputs moves
  some out of sight (`mask`), or is known up to a choice (`align`), the forward pass alone is
  judged: which entries of a gradient have a partner, the operation does not say.
* `agrees.<operation>` = |f - h_oracle| / |h_oracle| where f must equal another operation h, in the
  forward pass; the oracles of both, in float64, must agree too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.derivative import directional, mixed
from bench.measuring.answers import largest, norm
from bench.measuring.built_case import BATCH, BuiltCase, Judged, differentiable
from bench.measuring.oracle_memory import digest
from bench.measuring.probes import Probe, within
from bench.measuring.tolerances import TOLERANCES, tolerance
from bench.record.rows import Reading
from impls.family import PART
from impls.implementation import Tensors
from impls.spaces import Array, Arrays
from impls.streams import Streams

DIRECTIONS = 6
ELEMENTS = 4
NESTED = 1e-6
"""Nested differences of an oracle that is no polynomial are good to this much."""


def _wrong(probe: str, problem: str) -> Reading:
    return Reading(probe, None, detail={"problem": problem}, passed=False)


def error(built: BuiltCase) -> Iterable[Reading]:
    """Yield `error.fwd` and, in the gradient pass, `error.grad`."""
    part = built.only_judged()
    # without cotangents the part is asked nothing else than the whole is
    outputs = built.answer(anew=True) if not part.cotangents else part.ask(part.arrays())
    built.judged_outputs = outputs
    if part.case.pass_ == "fwd":
        yield _forward_error(part, outputs)
    elif part.case.pass_ == "grad":
        yield _value_error(part, outputs)
        yield _gradient_error(part, outputs)
    else:
        yield _energy_error(part, outputs)
        yield _inner_error(part, outputs)
        yield _second_error(part, outputs)


def _forward_error(built: BuiltCase, outputs: Tensors) -> Reading:
    spaces = built.output_spaces
    shapes = {name: tuple(a.shape) for name, a in outputs.items()}
    expected_shapes = {name: space.shape for name, space in spaces.items()}
    if shapes != expected_shapes:
        return _wrong("error.fwd", f"output shapes are {shapes}, not {expected_shapes}")
    judged = built.judged()
    found = built.framework.get(judged.found(outputs))
    expected = judged.oracle(built.operation)
    names = [name for name, space in spaces.items() if space.kind == "real"]
    difference = [found[name] - expected[name] for name in names]
    scale = norm(expected[name] for name in names)
    if scale == 0.0:
        return _wrong("error.fwd", "the oracle is identically zero here")
    return within(
        "error.fwd",
        norm(difference) / scale,
        tolerance(built.problem, built.case.target),
        max_abs=float(max(np.max(np.abs(d), initial=0.0) for d in difference)),
    )


def _value_error(built: BuiltCase, outputs: Tensors) -> Reading:
    judged = built.judged()
    expected, cotangents = judged.oracle(built.operation), judged.expected(judged.cotangents)
    terms = [c * expected[name] for name, c in cotangents.items()]
    scale = norm(terms)
    if scale == 0.0:
        return _wrong("error.fwd", "the oracle is identically zero here")
    value = float(sum(np.sum(t) for t in terms))
    return within(
        "error.fwd",
        abs(float(outputs["value"]) - value) / scale,
        tolerance(built.problem, built.case.target),
    )


def _gradient_error(built: BuiltCase, outputs: Tensors) -> Reading:
    gradients = {name: outputs[f"d_{name}"] for name in _wanted(built)}
    worst = _along_directions(built, gradients, _slope(built))
    limit = 2 * tolerance(built.problem, built.case.target)
    return within("error.grad", largest(worst.values()), limit, arrays=worst)


def _inner_error(built: BuiltCase, outputs: Tensors) -> Reading:
    worst = _along_directions(built, {_wanted(built)[0]: outputs["inner"]}, _slope(built))
    limit = 2 * tolerance(built.problem, built.case.target)
    return within("error.grad", largest(worst.values()), limit, arrays=worst)


def _energy_error(built: BuiltCase, outputs: Tensors) -> Reading:
    expected = 0.5 * norm([outputs["inner"]]) ** 2
    if expected == 0.0:
        return _wrong("error.fwd", "the inner gradient is identically zero here")
    difference = abs(float(outputs["value"]) - expected) / expected
    return within("error.fwd", difference, tolerance(built.problem, built.case.target))


def _second_error(built: BuiltCase, outputs: Tensors) -> Reading:
    operation, judged = built.operation, built.judged()
    first = _wanted(built)[0]
    inner = _cut(built, first, outputs["inner"])

    def slope(name: str, direction: Array) -> float:
        return mixed(
            _oracle_of(built, judged),
            judged.inputs,
            judged.weights,
            (first, inner),
            (name, direction),
            judged.cotangents,
            operation.linear_in,
        )

    gradients = {name: outputs[f"d_{name}"] for name in _wanted(built)}
    energy = 0.5 * float(np.sum(inner**2))
    worst = _along_directions(built, gradients, slope, energy)
    limit = 4 * tolerance(built.problem, built.case.target)
    if not {first, *gradients} <= {name for name, _ in operation.linear_in}:
        limit = max(limit, NESTED)
    return within("error.grad2", largest(worst.values()), limit, arrays=worst)


def _wanted(built: BuiltCase) -> tuple[str, ...]:
    named = differentiable(built.input_spaces)
    return tuple(name for name in named if not name.startswith("c_"))


def _oracle_of(built: BuiltCase, judged: Judged) -> Callable[[Arrays, Arrays], Arrays]:
    return lambda inputs, weights: built.operation.oracle(judged.problem, inputs, weights)


def _slope(built: BuiltCase) -> Callable[[str, Array], float]:
    """Return the oracle's derivative of <c, f> as a function of an array's name and a direction.

    A memory, where the built case has one, is asked for what the oracle has said before.
    """
    judged, operation, memory = built.judged(), built.operation, built.memory
    oracle = _oracle_of(built, judged)

    def slope(name: str, direction: Array) -> float:
        is_input = name in built.inputs
        return directional(
            oracle,
            judged.inputs,
            judged.weights,
            {name: direction} if is_input else {},
            {} if is_input else {name: direction},
            judged.cotangents,
            operation.linear_in,
        )

    if memory is None:
        return slope
    asked = operation.oracle, tuple(operation.linear_in), judged.problem
    at = digest(judged.inputs, judged.weights, judged.cotangents)

    def remembered(name: str, direction: Array) -> float:
        key = *asked, at, name, digest({name: direction})
        return memory.of(key, lambda: slope(name, direction))

    return remembered


def _along_directions(
    built: BuiltCase, gradients: Tensors, slope: Callable[[str, Array], float], energy: float = 0.0
) -> dict[str, float]:
    """Return the relative error of each gradient along random directions, judged by `slope`.

    Relative to the oracle's derivatives or, where these are smaller, to 2 energy / |a|: the size
    of the gradient of a quadratic energy, which may well not depend on the array a.
    """
    judged = built.judged()
    rng = built.rng(5)
    worst: dict[str, float] = {}
    for name, whole in gradients.items():
        gradient = _cut(built, name, whole)
        expected, found = [], []
        for _ in range(DIRECTIONS):
            direction = rng.standard_normal(gradient.shape)
            expected.append(slope(name, direction))
            found.append(float(np.vdot(gradient, direction)))
        difference = np.array(found) - np.array(expected)
        base = {**judged.inputs, **judged.weights}[name]
        usual = 2 * energy * DIRECTIONS**0.5 / (float(np.linalg.norm(base)) or 1.0)
        scale = max(float(np.linalg.norm(expected)), usual) or 1.0
        worst[name] = float(np.linalg.norm(difference)) / scale
    return worst


def _cut(built: BuiltCase, name: str, whole: Any) -> Array:
    """Return the judged rows of a gradient that is held."""
    return built.framework.get(built.part.cut(built.input_spaces, {name: whole}))[name]


def equiv(built: BuiltCase) -> Iterable[Reading]:
    """Yield `equiv.<subgroup>` for every subgroup of the problem's group."""
    if built.case.pass_ != "fwd" and (built.align or built.mask):
        return
    limit = tolerance(built.problem, built.case.target)
    rng = built.rng(6)
    for name, subgroup in built.group.subgroups.items():
        elements = subgroup.sample(rng, ELEMENTS)
        if built.case.pass_ == "grad2" and not _keeps_lengths(built, elements):
            continue  # the energy |d<c, f>/dx|^2 / 2 is not invariant
        summary = built.asymmetry(elements).summary()
        claimed = name in built.operation.exact
        detail: dict[str, Any] = {"elements": ELEMENTS, **summary}
        if claimed:
            judged = within(f"equiv.{name}", summary["max"], 2 * limit, **detail)
            yield replace(judged, claimed=True)
        else:
            yield Reading(f"equiv.{name}", summary["max"], n=ELEMENTS, detail=detail, claimed=False)


def _keeps_lengths(built: BuiltCase, elements: Sequence[Any]) -> bool:
    """Return whether the group leaves the length of the inner gradient alone."""
    name = _wanted(built)[0]
    space, a = built.input_spaces[name].gradient(), built.arrays()[name]
    a = a[:PART] if space.axis == BATCH else a
    return all(np.isclose(norm([space.act(g, a)]), norm([a]), rtol=1e-9) for g in elements)


def agrees(built: BuiltCase) -> Iterable[Reading]:
    """Yield `agrees.<operation>` of an operation that names another, on the same question."""
    operation, name = built.operation, built.operation.agrees_with
    if name is None or built.case.pass_ != "fwd":
        return
    other, probe = built.registry.operation(name), f"agrees.{name}"
    if (refusal := other.supports(built.problem)) is not None:
        yield Reading(probe, None, detail={"unavailable": f"{name} refuses it: {refusal}"})
        return
    for what in ("weights", "outputs"):
        mine, theirs = (
            {key: space.shape for key, space in getattr(o, what)(built.problem).items()}
            for o in (operation, other)
        )
        if mine != theirs:
            yield _wrong(probe, f"its {what} are {mine}, those of {name} {theirs}")
            return
    judged = built.judged()
    whole = {**built.family.draw(built.problem, Streams(built.problem.seed, 0))}
    inputs = judged.part.cut(built.family.inputs(built.problem), {**whole, **built.inputs})
    expected = judged.expected(other.oracle(judged.problem, other.taken(inputs), judged.weights))
    own, found = judged.oracle(operation), judged.found(built.call(built.arrays()))
    real = [key for key, space in judged.spaces.items() if space.kind == "real"]
    scale = norm(expected[key] for key in real)
    if scale == 0.0:
        yield _wrong(probe, f"the oracle of {name} is identically zero here")
        return
    apart = norm(own[key] - expected[key] for key in real) / scale
    if not apart <= TOLERANCES["float64"]:
        yield _wrong(probe, f"its oracle and that of {name} differ by {apart:.1e}")
        return
    value = norm(found[key] - expected[key] for key in real) / scale
    yield within(probe, value, tolerance(built.problem, built.case.target), oracles=apart)


def conduct(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.deterministic`: how far two equal calls are apart."""
    arrays = built.arrays()
    first, again = built.call(arrays), built.call(arrays)
    spread = largest(np.max(np.abs(first[name] - a), initial=0.0) for name, a in again.items())
    scale = max(float(np.max(np.abs(a), initial=0.0)) for a in first.values()) or 1.0
    limit = tolerance(built.problem, built.case.target)
    yield within("conduct.deterministic", spread / scale, limit)


PROBES = (
    Probe("error", error, every_round=True),
    Probe("equiv", equiv),
    Probe("agrees", agrees),
    Probe("conduct", conduct),
)
