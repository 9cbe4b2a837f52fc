"""A Subject: a case, built. What the probes look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.case import Case, refusal
from bench.frameworks import Framework, PassFunction, load
from impls.family import Family
from impls.groups import Group
from impls.implementation import Built, Implementation, Tensors
from impls.operation import Operation
from impls.problem import Problem
from impls.registry import Registry
from impls.spaces import Array, Arrays, Space

GATE_SAMPLES = 64
"""Samples of a batch that are compared with the oracle, drawn at random at full size."""


@dataclass
class Subject:
    """A built case: its arrays in canonical float64 (rounded to the dtype) and its functions.

    `evaluate(inputs, weights, cotangents)` is the pass in the canonical layout, NumPy in and out;
    `run()` is the timed call in the native layout.
    """

    case: Case
    family: Family
    operation: Operation
    implementation: Implementation
    framework: Framework
    built: Built
    inputs: Arrays
    weights: Arrays
    cotangents: Arrays
    evaluate: Callable[[Arrays, Arrays, Arrays], dict[str, Array]]
    function: PassFunction
    arguments: tuple[Tensors, Tensors, Tensors]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """Return the problem of the case."""
        return self.case.problem

    @property
    def group(self) -> Group:
        """Return the symmetry group of the problem."""
        return self.family.group(self.problem)

    @property
    def input_spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of everything that enters the pass; cotangents are named c_<output>."""
        spaces = {**self.family.inputs(self.problem), **self.operation.weights(self.problem)}
        outputs = self.operation.outputs(self.problem)
        return spaces | {f"c_{name}": outputs[name].gradient() for name in self.cotangents}

    @property
    def output_spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of everything that leaves the pass; gradients are named d_<input>."""
        if self.case.pass_ == "fwd":
            return self.operation.outputs(self.problem)
        spaces = {**self.family.inputs(self.problem), **self.operation.weights(self.problem)}
        return {f"d_{name}": spaces[name].gradient() for name in differentiable(spaces)}

    def arrays(self) -> dict[str, Array]:
        """Return everything that enters the pass, by the names of `input_spaces`."""
        named = {f"c_{name}": a for name, a in self.cotangents.items()}
        return {**self.inputs, **self.weights, **named}

    def call(self, arrays: Arrays) -> dict[str, Array]:
        """Evaluate the pass on arrays named as in `input_spaces`."""
        return self.evaluate(
            {name: arrays[name] for name in self.inputs},
            {name: arrays[name] for name in self.weights},
            {name: arrays[f"c_{name}"] for name in self.cotangents},
        )

    def run(self) -> Any:
        """Run the timed call once, without waiting for its result."""
        return self.function(*self.arguments)

    def sampled(self) -> Sampled:
        """Return what is compared with the oracle: up to GATE_SAMPLES of the batch, or all."""
        indices = gate_samples(self.family, self.problem)
        if indices is None or self.family.batch is None:
            return Sampled(self.problem, self.inputs, self.cotangents, lambda a: a)
        return Sampled(
            self.problem.with_sizes(**{self.family.batch: len(indices)}),
            {name: a[indices] for name, a in self.inputs.items()},
            {name: a[indices] for name, a in self.cotangents.items()},
            lambda a: a[indices],
        )


@dataclass(frozen=True)
class Sampled:
    """The part of a problem that is compared with the oracle; `take` picks it from an output."""

    problem: Problem
    inputs: Arrays
    cotangents: Arrays
    take: Callable[[Array], Array]


def differentiable(spaces: Mapping[str, Space]) -> tuple[str, ...]:
    """Return the names of the arrays that get gradients."""
    return tuple(name for name, s in spaces.items() if s.kind == "real" and s.grad)


def gate_samples(family: Family, problem: Problem) -> Array | None:
    """Return up to GATE_SAMPLES sorted random indices into the batch, or None without a batch."""
    if family.batch is None:
        return None
    batch = int(problem.sizes[family.batch])  # type: ignore[arg-type]
    rng = np.random.default_rng([problem.seed, 4])
    return np.sort(rng.permutation(batch)[:GATE_SAMPLES])


def build(case: Case, registry: Registry) -> Subject:
    """Build a case: draw its arrays, build the implementation, make its pass.

    Raises:
        ValueError: when the case is refused; the message is the reason.
    """
    implementation = registry.implementation(case.implementation)
    refused = refusal(case, registry) or implementation.supports(case.problem, case.target)
    if refused:
        raise ValueError(str(refused))
    operation = registry.operation(implementation.operation)
    problem, target = case.problem, case.target
    family = registry.family(problem.family)
    framework = load(implementation.framework)
    grad = case.pass_ != "fwd"

    in_spaces, weight_spaces = family.inputs(problem), operation.weights(problem)
    real = {n: s for n, s in operation.outputs(problem).items() if s.kind == "real"}
    wanted = differentiable({**in_spaces, **weight_spaces}) if grad else ()

    def put(arrays: Arrays, spaces: Mapping[str, Space]) -> Tensors:
        return framework.put(arrays, spaces, problem.dtype, target)

    def drawn(spaces: Mapping[str, Space], tag: int) -> Arrays:
        rng = np.random.default_rng([problem.seed, tag])
        return {name: space.sample(rng) for name, space in spaces.items()}

    def rounded(arrays: Arrays, spaces: Mapping[str, Space]) -> Arrays:
        kept = {name: a for name, a in arrays.items() if spaces[name].kind != "real"}
        return {**framework.get(put(arrays, spaces)), **kept}

    inputs = rounded(family.draw(problem, np.random.default_rng([problem.seed, 0])), in_spaces)
    weights = rounded(drawn(weight_spaces, 1), weight_spaces)
    cotangents: Arrays = {}
    if grad:
        cotangents = _only(drawn(real, 2), gate_samples(family, problem))
        cotangents = rounded(cotangents, real)

    start = time.perf_counter()
    built = implementation.build(problem, target, case.options)
    seconds = {"build": time.perf_counter() - start}
    pack = built.pack or (lambda inputs, weights: (inputs, weights))
    unpack = built.unpack or (lambda outputs: outputs)

    native = put(inputs, in_spaces), put(weights, weight_spaces)
    if built.pack is not None:
        pack(*native)  # the first call may compile
        start = time.perf_counter()
        native = pack(*native)
        framework.wait({**native[0], **native[1]})
        seconds["pack"] = time.perf_counter() - start
    native = framework.leaves(native[0], wanted), framework.leaves(native[1], wanted)
    native_cotangents = framework.cotangents(built.call, *native) if grad else {}

    timed = framework.make(built.call, case.pass_, case.mode, wanted)
    canonical = timed
    if built.pack is not None or built.unpack is not None or case.mode == "cudagraph":

        def whole(inputs: Tensors, weights: Tensors) -> Tensors:
            return unpack(built.call(*pack(inputs, weights)))

        canonical = framework.make(whole, case.pass_, case.mode, wanted)

    def evaluate(inputs: Arrays, weights: Arrays, cotangents: Arrays) -> dict[str, Array]:
        out = canonical(
            framework.leaves(put(inputs, in_spaces), wanted),
            framework.leaves(put(weights, weight_spaces), wanted),
            put(cotangents, real),
        )
        return framework.get(out)

    return Subject(
        case=case,
        family=family,
        operation=operation,
        implementation=implementation,
        framework=framework,
        built=built,
        inputs=inputs,
        weights=weights,
        cotangents=cotangents,
        evaluate=evaluate,
        function=timed,
        arguments=(*native, native_cotangents),
        seconds=seconds,
    )


def _only(arrays: Arrays, indices: Array | None) -> Arrays:
    """Return the arrays with zeros outside the given samples."""
    if indices is None:
        return arrays
    kept = {}
    for name, a in arrays.items():
        kept[name] = np.zeros_like(a)
        kept[name][indices] = a[indices]
    return kept
