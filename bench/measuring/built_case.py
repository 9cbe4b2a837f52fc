"""A built case. What the probes look at."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from analysis.equivariance import Align, EquivarianceErrors, Mask, errors
from bench.measuring.frameworks import Framework, PassFunction, load
from bench.record.case import Case, refusal
from impls.family import Family, Part
from impls.groups import Group
from impls.implementation import Built, Implementation, Target, Tensors
from impls.operation import Operation
from impls.problem import Problem
from impls.registry import Registry
from impls.spaces import Array, Arrays, Space, unmoved
from impls.streams import Streams

PIECE = 2**20
"""Numbers that are rounded at a time."""
BATCH = "batch"
"""The axis of independent samples."""
MOVED = 4096
"""Of more samples than these, a test of symmetry moves so many."""


@dataclass
class BuiltCase:
    """A built case: its arrays in canonical float64 (rounded to the dtype) and its functions.

    `evaluate(inputs, weights, cotangents)` is the pass in the canonical layout, NumPy in and out;
    `run()` is the timed call in the native layout, whose inputs and weights are those that
    `given` has in NumPy. `part` is what is compared with the oracle; it and the cotangents are
    drawn from `nonce`, which the code has not seen while it was built; `judged_outputs` are those
    that were compared. `registry` knows other operations, to compare with.
    """

    case: Case
    registry: Registry
    family: Family
    operation: Operation
    implementation: Implementation
    framework: Framework
    code: Built
    inputs: Arrays
    weights: Arrays
    cotangents: Arrays
    evaluate: Callable[[Arrays, Arrays, Arrays], dict[str, Array]]
    function: PassFunction
    arguments: tuple[Tensors, Tensors, Tensors]
    given: tuple[Arrays, Arrays]
    part: Part
    nonce: int = 0
    judged_outputs: Arrays = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """Return the problem of the case, at the values of its knobs."""
        return self.case.seen

    @property
    def group(self) -> Group:
        """Return the symmetry group of the problem."""
        return self.family.group(self.problem)

    @property
    def read_spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of the inputs that the operation reads."""
        return self.operation.taken(self.family.inputs(self.problem))

    @property
    def weight_spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of the weights."""
        return self.operation.weights(self.problem)

    @property
    def input_spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of everything that enters the pass; cotangents are named c_<output>."""
        spaces = {**self.read_spaces, **self.weight_spaces}
        outputs = self.operation.outputs(self.problem)
        return spaces | {f"c_{name}": outputs[name].gradient() for name in self.cotangents}

    @property
    def output_spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of everything that leaves the pass; gradients are named d_<input>."""
        if self.case.pass_ == "fwd":
            return self.operation.outputs(self.problem)
        spaces = {**self.read_spaces, **self.weight_spaces}
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

    def outputs(self, arrays: Arrays) -> dict[str, Array]:
        """Evaluate the pass; return what has a Space, which the value of a scalar has not."""
        outputs = self.call(arrays)
        return {name: outputs[name] for name in self.output_spaces}

    @property
    def align(self) -> Align | None:
        """Return the `align` of the operation, for this problem."""
        return self.operation.align and partial(self.operation.align, self.problem)

    @property
    def mask(self) -> Mask | None:
        """Return the `mask` of the operation, for this problem."""
        return self.operation.mask and partial(self.operation.mask, self.problem)

    def asymmetry(self, elements: Sequence[Any]) -> EquivarianceErrors:
        """Return |f(g x) - g f(x)| / |f(x)| of the pass for each of some elements g.

        Of a large batch of independent samples, g moves MOVED at random and these are compared: in
        the whole call, so that nothing but the work of NumPy is less.
        """
        ins, outs = self.input_spaces, self.output_spaces
        rows = self._moved(ins)
        if rows is None:
            return errors(self.outputs, ins, outs, self.arrays(), elements, self.align, self.mask)
        moving = {
            name: replace(s, act=_of_rows(s.act, rows)) if s.axis == BATCH else s
            for name, s in ins.items()
        }

        def some(arrays: Arrays) -> dict[str, Array]:
            found = self.outputs(arrays)
            return {n: a[rows] if outs[n].axis == BATCH else a for n, a in found.items()}

        return errors(some, moving, outs, self.arrays(), elements)

    def _moved(self, spaces: Mapping[str, Space]) -> Array | None:
        """Return which samples a group element is to move; None for all of them."""
        if self.family.batch is None or self.operation.align or self.operation.mask:
            return None
        if any(s.axis != BATCH and s.act is not unmoved for s in spaces.values()):
            return None
        count = int(str(self.problem.sizes[self.family.batch]))
        if count <= MOVED:
            return None
        return np.sort(self.rng(7).permutation(count)[:MOVED])

    @property
    def judged_apart(self) -> bool:
        """Return whether what is judged is another function than what is timed."""
        return bool(self.code.pack or self.code.unpack or self.case.mode == "cudagraph")

    def run(self) -> Any:
        """Run the timed call once, without waiting for its result."""
        return self.function(*self.arguments)

    def rng(self, tag: int) -> np.random.Generator:
        """Return a generator that the nonce seeds; the tag says what it draws."""
        return np.random.default_rng([self.nonce, tag])

    def challenged(self, nonce: int) -> BuiltCase:
        """Return the case with a part and cotangents that are drawn from a nonce."""
        case = replace(self, nonce=nonce)
        case.part = self.family.part_of(self.problem, self._every(), case.rng(4))
        case.cotangents = case.drawn_cotangents(2)
        return case

    def _every(self) -> Arrays:
        """Return all inputs of the family; those that the operation does not read are redrawn."""
        if set(self.inputs) == set(self.family.inputs(self.problem)):
            return self.inputs
        drawn = self.family.draw(self.problem, Streams(self.problem.seed, 0))
        layers: Any = self.inputs, drawn
        return ChainMap(*layers)  # what nobody asks for is not drawn

    def drawn_cotangents(self, tag: int) -> Arrays:
        """Return cotangents of all real outputs, drawn from the nonce; none in the forward pass."""
        if self.case.pass_ == "fwd":
            return {}
        real = _real(self.operation.outputs(self.problem))
        streams = Streams(self.nonce, tag)
        drawn = {name: space.sample(streams(name)) for name, space in real.items()}
        return self.rounded(drawn, real)

    def rounded(self, arrays: Arrays, spaces: Mapping[str, Space]) -> Arrays:
        """Return the arrays, reals as the data type of the problem has them."""
        return rounded(self.framework, arrays, spaces, self.problem.dtype, self.case.target)

    def judged(self) -> Judged:
        """Return what is compared with the oracle: a part of the problem, or all of it."""
        part = self.part
        cotangents = {f"c_{name}": a for name, a in self.cotangents.items()}
        cut = part.cut(self.input_spaces, cotangents)
        return Judged(
            part.problem,
            part.cut(self.read_spaces, self.inputs),
            part.cut(self.weight_spaces, self.weights),
            {name: cut[f"c_{name}"] for name in self.cotangents},
            part,
            self.operation.outputs(self.problem),
        )

    def only_judged(self) -> BuiltCase:
        """Return the case with cotangents that are zero in the rows that are not judged.

        Its gradients are those of the part: what the oracle can be asked for.
        """
        spaces = self.operation.outputs(self.problem)
        return replace(self, cotangents=_only(self.cotangents, spaces, self.part))


@dataclass(frozen=True)
class Judged:
    """What is compared with the oracle, and which rows of outputs take part in it."""

    problem: Problem
    inputs: Arrays
    weights: Arrays
    cotangents: Arrays
    part: Part
    spaces: Mapping[str, Space]

    def oracle(self, operation: Operation) -> dict[str, Array]:
        """Return the judged rows of the oracle's outputs."""
        return self.expected(operation.oracle(self.problem, self.inputs, self.weights))

    def found(self, outputs: Arrays) -> dict[str, Array]:
        """Return the judged rows of outputs of the whole problem."""
        return {n: self.part.of_whole(s, outputs[n]) for n, s in self.spaces.items()}

    def expected(self, outputs: Arrays) -> dict[str, Array]:
        """Return the judged rows of outputs of the part."""
        return {n: self.part.of_part(self.spaces[n], a) for n, a in outputs.items()}


def _of_rows(act: Callable[[Any, Array], Array], rows: Array) -> Callable[[Any, Array], Array]:
    """Return the action on some rows, the others left as they are."""

    def moved(g: Any, a: Array) -> Array:
        found = a.copy()
        found[rows] = act(g, a[rows])
        return found

    return moved


def differentiable(spaces: Mapping[str, Space]) -> tuple[str, ...]:
    """Return the names of the arrays that get gradients."""
    return tuple(name for name, s in spaces.items() if s.kind == "real" and s.grad)


def pieces(a: Array) -> Iterator[Array]:
    """Yield views of about a million numbers that make up an array."""
    if a.ndim == 0 or a.size <= PIECE:
        yield a
        return
    rows = max(1, PIECE * len(a) // a.size)
    yield from (a[start : start + rows] for start in range(0, len(a), rows))


def _real(spaces: Mapping[str, Space]) -> dict[str, Space]:
    return {name: space for name, space in spaces.items() if space.kind == "real"}


def rounded(
    framework: Framework,
    arrays: Arrays,
    spaces: Mapping[str, Space],
    dtype: str,
    target: Target,
) -> dict[str, Array]:
    """Round reals a piece at a time: no large array passes through the framework whole."""
    found = dict(arrays)
    for name, a in arrays.items():
        if spaces[name].kind == "real":
            found[name] = np.empty(a.shape)
            for there, here in zip(pieces(found[name]), pieces(a), strict=True):
                put = framework.put({name: here}, spaces, dtype, target)
                there[...] = framework.get(put)[name]
    return found


def build(case: Case, registry: Registry, nonce: int = 0) -> BuiltCase:
    """Build a case and draw what judges it from a nonce.

    Raises:
        ValueError: when the case is refused; the message is the reason.
    """
    return construct(case, registry).challenged(nonce)


def construct(case: Case, registry: Registry) -> BuiltCase:
    """Draw the arrays of a case, build its implementation, make its pass; nothing judges it yet.

    Raises:
        ValueError: when the case is refused; the message is the reason.
        TypeError: when `build` of the implementation returns anything but a Built.
    """
    implementation = registry.implementation(case.implementation)
    refused = refusal(case, registry) or implementation.supports(case.seen, case.target)
    if refused:
        raise ValueError(str(refused))
    operation = registry.operation(implementation.operation)
    problem, target = case.seen, case.target
    family = registry.family(problem.family)
    framework = load(implementation.framework)
    grad = case.pass_ != "fwd"

    in_spaces = operation.taken(family.inputs(problem))
    weight_spaces = operation.weights(problem)
    real = _real(operation.outputs(problem))
    wanted = differentiable({**in_spaces, **weight_spaces}) if grad else ()

    def put(arrays: Arrays, spaces: Mapping[str, Space]) -> Tensors:
        return framework.put(arrays, spaces, problem.dtype, target)

    every = family.draw(problem, Streams(problem.seed, 0))
    inputs = rounded(framework, operation.taken(every), in_spaces, problem.dtype, target)
    streams = Streams(problem.seed, 1)
    drawn = {name: space.sample(streams(name)) for name, space in weight_spaces.items()}
    weights = rounded(framework, drawn, weight_spaces, problem.dtype, target)

    start = time.perf_counter()
    code = implementation.build(problem, target, case.options)
    if not isinstance(code, Built):
        raise TypeError(
            f"`build` returns a {type(code).__qualname__}, not a Built: end it with "
            "`return Built(call)`"
        )
    seconds = {"build": time.perf_counter() - start}
    pack = code.pack or (lambda inputs, weights: (inputs, weights))
    unpack = code.unpack or (lambda outputs: outputs)

    native = put(inputs, in_spaces), put(weights, weight_spaces)
    given = inputs, weights
    if code.pack is not None:
        pack(*native)  # the first call may compile
        start = time.perf_counter()
        native = pack(*native)
        framework.wait({**native[0], **native[1]})
        seconds["pack"] = time.perf_counter() - start
        given = framework.get(native[0]), framework.get(native[1])
    native = framework.leaves(native[0], wanted), framework.leaves(native[1], wanted)
    native_cotangents = framework.cotangents(code.call, *native) if grad else {}

    timed = framework.make(code.call, case.pass_, case.mode, wanted)
    canonical = timed
    if code.pack is not None or code.unpack is not None or case.mode == "cudagraph":

        def whole(inputs: Tensors, weights: Tensors) -> Tensors:
            return unpack(code.call(*pack(inputs, weights)))

        canonical = framework.make(whole, case.pass_, case.mode, wanted)

    def evaluate(inputs: Arrays, weights: Arrays, cotangents: Arrays) -> dict[str, Array]:
        out = canonical(
            framework.leaves(put(inputs, in_spaces), wanted),
            framework.leaves(put(weights, weight_spaces), wanted),
            put(cotangents, real),
        )
        return framework.get(out)

    return BuiltCase(
        case=case,
        registry=registry,
        family=family,
        operation=operation,
        implementation=implementation,
        framework=framework,
        code=code,
        inputs=inputs,
        weights=weights,
        cotangents={},
        evaluate=evaluate,
        function=timed,
        arguments=(*native, native_cotangents),
        given=given,
        part=Part(problem),
        seconds=seconds,
    )


def _only(arrays: Arrays, spaces: Mapping[str, Space], part: Part) -> Arrays:
    """Return the arrays with zeros in the rows that are not judged."""
    kept = {}
    for name, a in arrays.items():
        if spaces[name].axis not in part.rows:
            kept[name] = a
            continue
        rows = part.of_whole(spaces[name], np.arange(len(a)))
        kept[name] = np.zeros_like(a)
        kept[name][rows] = a[rows]
    return kept
