r"""The gate: is the result right, is its gradient right, does it have the claimed symmetry?

All errors are relative and are judged on the pass that is timed, at full size:

* `error.fwd` = |f - f_oracle| / |f_oracle| over up to 64 random samples of the batch. For the
  gradient pass f is the value <c, f>, and the scale is the root sum of squares of c * f.
* `error.grad`: for each differentiable array, directional derivatives of <c, f> along random
  directions against those of the float64 oracle; root mean square of the differences over that of
  the oracle's; the worst array counts.
* `equiv.<subgroup>` = max |f(g x) - g f(x)| / |f(x)| over elements of a subgroup; in the gradient
  pass f is the gradient as a function of inputs and cotangents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from analysis.derivative import directional
from analysis.equivariance import errors
from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject, differentiable
from bench.tolerances import tolerance
from impls.spaces import Array, Arrays

DIRECTIONS = 6
ELEMENTS = 4


def _judged(probe: str, value: float, limit: float, **detail: Any) -> Reading:
    finite = bool(np.isfinite(value))
    detail |= {"tolerance": limit, "passed": finite and value <= limit}
    return Reading(probe, value if finite else None, n=1, detail=detail)


def _wrong(probe: str, problem: str) -> Reading:
    return Reading(probe, None, detail={"passed": False, "problem": problem})


def error(subject: Subject) -> Iterable[Reading]:
    """Yield `error.fwd` and, in the gradient pass, `error.grad`."""
    outputs = subject.call(subject.arrays())
    if subject.case.pass_ == "fwd":
        yield _forward_error(subject, outputs)
    else:
        yield _value_error(subject, outputs)
        yield _gradient_error(subject, outputs)


def _forward_error(subject: Subject, outputs: Arrays) -> Reading:
    spaces = subject.output_spaces
    shapes = {name: a.shape for name, a in outputs.items()}
    expected_shapes = {name: space.shape for name, space in spaces.items()}
    if shapes != expected_shapes:
        return _wrong("error.fwd", f"output shapes are {shapes}, not {expected_shapes}")
    sampled = subject.sampled()
    expected = subject.operation.oracle(sampled.problem, sampled.inputs, subject.weights)
    names = [name for name, space in spaces.items() if space.kind == "real"]
    difference = [sampled.take(outputs[name]) - expected[name] for name in names]
    scale = _norm(expected[name] for name in names)
    if scale == 0.0:
        return _wrong("error.fwd", "the oracle is identically zero here")
    return _judged(
        "error.fwd",
        _norm(difference) / scale,
        tolerance(subject.problem, subject.case.target),
        max_abs=float(max(np.max(np.abs(d), initial=0.0) for d in difference)),
    )


def _value_error(subject: Subject, outputs: Arrays) -> Reading:
    sampled = subject.sampled()
    expected = subject.operation.oracle(sampled.problem, sampled.inputs, subject.weights)
    terms = [c * expected[name] for name, c in sampled.cotangents.items()]
    scale = _norm(terms)
    if scale == 0.0:
        return _wrong("error.fwd", "the oracle is identically zero here")
    value = float(sum(np.sum(t) for t in terms))
    return _judged(
        "error.fwd",
        abs(float(outputs["value"]) - value) / scale,
        tolerance(subject.problem, subject.case.target),
    )


def _gradient_error(subject: Subject, outputs: Arrays) -> Reading:
    operation, sampled = subject.operation, subject.sampled()
    rng = np.random.default_rng([subject.problem.seed, 5])

    def oracle(inputs: Arrays, weights: Arrays) -> Arrays:
        return operation.oracle(sampled.problem, inputs, weights)

    worst: dict[str, float] = {}
    for name in differentiable({**subject.input_spaces}):
        if name.startswith("c_"):
            continue
        gradient = outputs[f"d_{name}"]
        is_input = name in subject.inputs
        expected, found = [], []
        for _ in range(DIRECTIONS):
            direction = rng.standard_normal(
                (sampled.inputs if is_input else subject.weights)[name].shape
            )
            expected.append(
                directional(
                    oracle,
                    sampled.inputs,
                    subject.weights,
                    {name: direction} if is_input else {},
                    {} if is_input else {name: direction},
                    sampled.cotangents,
                    operation.linear_in,
                )
            )
            found.append(
                float(np.vdot(sampled.take(gradient) if is_input else gradient, direction))
            )
        difference = np.array(found) - np.array(expected)
        scale = float(np.linalg.norm(expected)) or 1.0
        worst[name] = float(np.linalg.norm(difference)) / scale
    return _judged(
        "error.grad",
        max(worst.values(), default=0.0),
        2 * tolerance(subject.problem, subject.case.target),
        arrays=worst,
    )


def equiv(subject: Subject) -> Iterable[Reading]:
    """Yield `equiv.<subgroup>` for every subgroup of the problem's group."""
    operation = subject.operation
    if subject.case.pass_ == "grad" and operation.align is not None:
        return  # the action on cotangents is known only up to a choice: judged on fwd
    limit = tolerance(subject.problem, subject.case.target)
    rng = np.random.default_rng([subject.problem.seed, 6])

    def align(g: Any, a: Array, b: Array) -> Iterable[Array]:
        assert operation.align is not None
        return operation.align(subject.problem, g, a, b)

    def call(arrays: Arrays) -> Arrays:
        outputs = subject.call(arrays)
        return {name: outputs[name] for name in subject.output_spaces}

    for name, subgroup in subject.group.subgroups.items():
        found = errors(
            call,
            subject.input_spaces,
            subject.output_spaces,
            subject.arrays(),
            subgroup.sample(rng, ELEMENTS),
            align if operation.align else None,
        )
        summary = found.summary()
        claimed = name in operation.exactness.subgroups
        detail = {"claimed": claimed, "elements": ELEMENTS, **summary}
        if claimed:
            yield _judged(f"equiv.{name}", summary["max"], 2 * limit, **detail)
        else:
            yield Reading(f"equiv.{name}", summary["max"], n=ELEMENTS, detail=detail)


def conduct(subject: Subject) -> Iterable[Reading]:
    """Yield `conduct.<rule>`: 0 when kept. The timed call leaves its inputs; deterministic."""
    framework = subject.framework
    before = [framework.get(part) for part in subject.arguments]
    framework.wait(subject.run())
    after = [framework.get(part) for part in subject.arguments]
    changed = [
        name
        for old, new in zip(before, after, strict=True)
        for name in old
        if not np.array_equal(old[name], new[name])
    ]
    detail: dict[str, Any] = {"passed": not changed}
    if changed:
        detail["problem"] = f"the call overwrites its input {', '.join(changed)}"
    yield Reading("conduct.inputs_unchanged", float(len(changed)), n=1, detail=detail)
    arrays = subject.arrays()
    first = subject.call(arrays)
    again = subject.call(arrays)
    spread = max(float(np.max(np.abs(first[name] - again[name]), initial=0.0)) for name in first)
    scale = max(float(np.max(np.abs(a), initial=0.0)) for a in first.values()) or 1.0
    limit = tolerance(subject.problem, subject.case.target)
    yield _judged("conduct.deterministic", spread / scale, limit)


def _norm(arrays: Iterable[Array]) -> float:
    return float(np.sqrt(sum(float(np.sum(a * a)) for a in arrays)))


PROBES = (Probe("error", error), Probe("equiv", equiv), Probe("conduct", conduct))
