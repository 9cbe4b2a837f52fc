"""A built case. What the probes look at."""

from __future__ import annotations

import math
import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from analysis.equivariance import Align, EquivarianceErrors, Mask, errors
from bench.measuring.frameworks import Framework, PassFunction, load
from bench.measuring.oracle_memory import OracleMemory
from bench.record.case import Case, refusal
from impls.family import Family, Part
from impls.groups import Group
from impls.implementation import Built, Implementation, Target, Tensors
from impls.operation import Operation
from impls.problem import Problem
from impls.registry import Registry
from impls.spaces import Array, Arrays, Space, unmoved
from impls.streams import Streams

PIECE = 2**18
"""Numbers that are rounded, or compared, at a time: caches hold so many."""
BATCH = "batch"
"""The axis of independent samples."""
MOVED = 4096
"""Of more samples than these, a test of symmetry moves so many."""
OWN = 64
"""Group elements move samples of their own where there are so many for each, else all of them."""


@dataclass
class BuiltCase:
    """A built case: its arrays in canonical float64 (rounded to the dtype) and its functions.

    `evaluate(inputs, weights, cotangents)` is the pass in the canonical layout, of arrays of NumPy
    or held by the framework; what it returns is held. `run()` is the timed call in the native
    layout, of whose inputs and weights `given` holds copies. `part` is what is compared with the
    oracle; it and the cotangents are drawn from `nonce`, which the code has not seen while it was
    built; `judged_outputs` are those that were compared. `registry` knows other operations, to
    compare with. What the oracle says is asked anew, but where a `memory` is given.
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
    evaluate: Callable[[Tensors, Tensors, Tensors], Tensors]
    function: PassFunction
    arguments: tuple[Tensors, Tensors, Tensors]
    given: tuple[Tensors, Tensors]
    part: Part
    nonce: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    memory: OracleMemory | None = None
    judged_outputs: Tensors = field(init=False, default_factory=dict)
    _answer: Tensors = field(init=False, default_factory=dict)

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

    def held(self) -> dict[str, Any]:
        """Return the same, the reals held by the framework and to be written to."""
        arrays, spaces, framework = self.arrays(), self.input_spaces, self.framework
        real = {name: a for name, a in arrays.items() if spaces[name].kind == "real"}
        put = framework.put(real, spaces, self.problem.dtype, self.case.target)
        return {**arrays, **framework.held(put, own=True)}

    def ask(self, arrays: Tensors) -> Tensors:
        """Evaluate the pass on arrays named as in `input_spaces`; return what it holds."""
        return self.evaluate(
            {name: arrays[name] for name in self.inputs},
            {name: arrays[name] for name in self.weights},
            {name: arrays[f"c_{name}"] for name in self.cotangents},
        )

    def answer(self, *, anew: bool = False) -> Tensors:
        """Return what the pass answers to its own arrays: held, and asked once, or `anew`."""
        if anew or not self._answer:
            self._answer = self.ask(self.arrays())
        return self._answer

    def call(self, arrays: Arrays) -> dict[str, Array]:
        """Evaluate the pass on arrays named as in `input_spaces`, NumPy in and out."""
        return self.framework.get(self.ask(arrays))

    def outputs(self, arrays: Arrays) -> dict[str, Array]:
        """Evaluate the pass; return what has a Space, which the value of a scalar has not."""
        return self.framework.get(self.spaced(self.ask(arrays)))

    def spaced(self, outputs: Tensors) -> dict[str, Any]:
        """Return those outputs of the pass that have a Space."""
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

        Independent samples are moved all in one call, each by one g, if there are enough of them
        (OWN for each g, MOVED of all at most), else all by each g, and once by equal ones. The pass
        is asked at full size all the same. What is no sample, as gradients of weights that all
        share, counts for each g.
        """
        chosen = self._moved(len(elements))
        if chosen is None:
            known = self.arrays()

            def outputs(arrays: Arrays) -> dict[str, Array]:
                if arrays is known:
                    return self.framework.get(self.spaced(self.answer()))
                return self.outputs(arrays)

            first = [next(k for k, h in enumerate(elements) if _alike(g, h)) for g in elements]
            distinct = {k: elements[k] for k in first}
            ins, outs, asked = self.input_spaces, self.output_spaces, list(distinct.values())
            found = errors(outputs, ins, outs, known, asked, self.align, self.mask).per_element
            return EquivarianceErrors(found[[list(distinct).index(k) for k in first]])
        return self._asymmetry_of_samples(list(zip(elements, chosen, strict=True)))

    def _moved(self, elements: int) -> list[Array] | None:
        """Return which samples each group element is to move; None where each moves all of them."""
        moving = [s for s in self.input_spaces.values() if s.act is not unmoved]
        if self.family.batch is None or self.operation.align or self.operation.mask:
            return None
        if any((s.axis, s.kind) != (BATCH, "real") for s in moving):
            return None
        count = int(str(self.problem.sizes[self.family.batch]))
        each = min(count, MOVED) // elements
        if each < OWN:
            return None
        order = self.rng(7).permutation(count)
        return [np.sort(order[k * each : (k + 1) * each]) for k in range(elements)]

    def _asymmetry_of_samples(self, moves: Sequence[tuple[Any, Array]]) -> EquivarianceErrors:
        """Return the errors of elements that move samples of their own.

        Raises:
            ValueError: when f(x) is identically zero there.
        """
        framework, ins, outs = self.framework, self.input_spaces, self.output_spaces
        arrays, tensors = self.arrays(), self.held()
        for name, space in ins.items():
            if space.act is not unmoved:
                for g, rows in moves:
                    moved = {name: space.act(g, arrays[name][rows])}
                    put = framework.put(moved, ins, self.problem.dtype, self.case.target)
                    tensors[name][rows] = framework.held(put, own=True)[name]
        known, found = self.spaced(self.answer()), self.spaced(self.ask(tensors))
        squares, sizes = np.zeros(len(moves)), np.zeros(len(moves))
        for name, space in outs.items():
            if space.axis != BATCH:
                before, after = (framework.get({name: a[name]})[name] for a in (known, found))
                squares += np.sum((after - before) ** 2)
                sizes += np.sum(before**2)
                continue
            for k, (g, rows) in enumerate(moves):
                before, after = (framework.get({name: a[name][rows]})[name] for a in (known, found))
                squares[k] += np.sum((after - space.act(g, before)) ** 2)
                sizes[k] += np.sum(before**2)
        if not np.any(sizes):
            raise ValueError("identically zero output: a relative error is not defined")
        return EquivarianceErrors(np.sqrt(squares / np.where(sizes > 0, sizes, sizes.mean())))

    @property
    def judged_apart(self) -> bool:
        """Return whether what is judged is another function than what is timed."""
        return bool(self.code.pack or self.code.unpack or self.case.mode == "cudagraph")

    def run(self) -> Any:
        """Run the timed call once, without waiting for its result."""
        return self.function(*self.arguments)

    def native_outputs(self) -> Tensors:
        """Return numbers of the kinds and shapes of the real outputs, in the native layout."""
        inputs, weights, cotangents = self.arguments
        return cotangents or self.framework.cotangents(self.code.call, inputs, weights)

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


def _alike(g: Any, h: Any) -> bool:
    """Return whether two elements of a group are equal: the same, arrays, or parts by name."""
    if isinstance(g, Mapping) and isinstance(h, Mapping):
        return g.keys() == h.keys() and all(_alike(g[name], h[name]) for name in g)
    return g is h or (isinstance(g, np.ndarray) and np.array_equal(g, h))


def differentiable(spaces: Mapping[str, Space]) -> tuple[str, ...]:
    """Return the names of the arrays that get gradients."""
    return tuple(name for name, s in spaces.items() if s.kind == "real" and s.grad)


def pieces(a: Any) -> Iterator[Any]:
    """Yield views of PIECE numbers or fewer that make up an array; one row at least."""
    size = math.prod(a.shape)
    if len(a.shape) == 0 or size <= PIECE:
        yield a
        return
    rows = max(1, PIECE * len(a) // size)
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

    def put(arrays: Tensors, spaces: Mapping[str, Space]) -> Tensors:
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
    if code.pack is not None:
        pack(*native)  # the first call may compile
        start = time.perf_counter()
        native = pack(*native)
        framework.wait({**native[0], **native[1]})
        seconds["pack"] = time.perf_counter() - start
    given = framework.held(native[0]), framework.held(native[1])
    native = framework.leaves(native[0], wanted), framework.leaves(native[1], wanted)
    native_cotangents = framework.cotangents(code.call, *native) if grad else {}

    timed = framework.make(code.call, case.pass_, case.mode, wanted)
    canonical = timed
    if code.pack is not None or code.unpack is not None or case.mode == "cudagraph":

        def whole(inputs: Tensors, weights: Tensors) -> Tensors:
            return unpack(code.call(*pack(inputs, weights)))

        canonical = framework.make(whole, case.pass_, case.mode, wanted)

    def evaluate(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Tensors:
        out = canonical(
            framework.leaves(put(inputs, in_spaces), wanted),
            framework.leaves(put(weights, weight_spaces), wanted),
            put(cotangents, real),
        )
        framework.wait(out)
        return framework.held(out)

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
