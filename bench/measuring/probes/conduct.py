"""Is the time that of the whole work? What an answer is, what is done beside the timed call.

* `conduct.outputs`: the timed call returns a plain dict of its framework's plain arrays, in the
  data type of the problem, all done when it returns; where a layout of its own or a graph stands
  between, the same numbers as the call that is judged.
* `conduct.inputs_unchanged`: how many of its arguments the timed call overwrites.
* `conduct.permuted`: f(permuted samples) is the permuted f(samples), for each of all samples: |f(p
  x) - p f(x)| / |f(x)| of a sample, or over the root mean square of all where that is larger. Where
  inputs are indices, edges are permuted.
* `conduct.linear`: gradients are linear in the cotangents, and those of grad2 quadratic, between
  the cotangents that `error` judges and those of the timed call: what is right for the first is
  right for the second.
* `conduct.strided`: the same answer to arrays that do not lie side by side in memory.
* `conduct.layout`: `pack` and `unpack` are permutations and scales: how many entries are no
  multiple of one entry, or are there twice.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from bench.measuring.answers import (
    answered,
    apart,
    distance,
    overwritten,
    together,
    without_sums,
)
from bench.measuring.built_case import BATCH, BuiltCase, pieces
from bench.measuring.probes import Probe, within
from bench.record.rows import Reading
from impls.implementation import Tensors
from impls.spaces import Array, Arrays, Space

VALUES = tuple(sign * (1 + k / 128) for sign in (-1, 1) for k in range(128))
"""What entries are, before they are multiplied: bfloat16 has all of these numbers."""
FACTOR = -2
"""What is multiplied by it has another sign and size, and is rounded as it was."""
MULTIPLES = (0, 1, -2, 4)
"""By these too nothing is rounded. An entry that depends on two others, of which each is multiplied
by one of them, looks as if it did not with a probability of 1/4 at most."""
TIMES = 4
"""So often, which leaves 1/256."""


def outputs(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.outputs`, the largest difference between what is timed and what is judged.

    Then `conduct.inputs_unchanged`, how many arguments the timed call has changed.
    """
    out = built.run()
    _, problem = answered(built, out)
    off = 0.0
    if not problem and built.case.pass_ == "fwd" and built.judged_apart:
        whole = (built.code.unpack or (lambda outputs: outputs))(out)
        off = distance(built.framework.held(whole), built.answer())
    yield within("conduct.outputs", off, apart(built), problem)
    changed = overwritten(built)
    problem = f"the call overwrites its input {', '.join(changed)}" if changed else ""
    yield within("conduct.inputs_unchanged", float(len(changed)), 0.0, problem)


def permuted(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.permuted`; nothing where there are neither samples nor indices."""
    ins, outs = built.input_spaces, built.output_spaces
    axes = {BATCH} if built.family.batch else {s.axis for s in ins.values() if s.kind == "index"}
    arrays = built.arrays()
    counts = {ins[n].axis: len(a) for n, a in arrays.items() if ins[n].axis in axes - {""}}
    if not counts:
        return
    rng = built.rng(10)
    orders = {axis: rng.permutation(count) for axis, count in counts.items()}
    asked = _permuted(ins, built.held(), orders)
    expected, found = (
        {n: built.framework.get({n: a})[n] if outs[n].refers else a for n, a in answer.items()}
        for answer in map(built.spaced, (built.answer(), built.ask(asked)))
    )
    moved = _permuted(outs, expected, orders)
    off = {n: _off(found[n], a, outs[n].axis in orders) for n, a in moved.items()}
    yield within("conduct.permuted", max(off.values()), apart(built), arrays=off)


def _permuted(
    spaces: Mapping[str, Space], arrays: Tensors, orders: Mapping[str, Array]
) -> dict[str, Any]:
    """Return the arrays with the rows of some axes in another order, and indices that follow."""
    found = {}
    for name, a in arrays.items():
        space = spaces[name]
        if space.refers in orders:
            a = np.argsort(orders[space.refers])[a].astype(a.dtype)
        found[name] = a[orders[space.axis]] if space.axis in orders else a
    return found


def _off(found: Any, expected: Any, rows: bool) -> float:
    """Return the largest difference of a row, or of all; inf where one is not finite."""
    rows = rows and math.prod(expected.shape) > 0
    squares = [(_squares(a - b, rows), _squares(b, rows)) for a, b in together(found, expected)]
    difference, sizes = (
        np.sqrt(np.concatenate(part) if rows else np.sum(part, axis=0))
        for part in zip(*squares, strict=True)
    )
    usual = float(np.sqrt(np.mean(sizes**2))) or 1.0
    if not (np.isfinite(usual) and np.all(np.isfinite(difference))):
        return float("inf")
    return float(np.max(difference / np.maximum(sizes, usual), initial=0.0))


def _squares(a: Any, rows: bool) -> Array:
    """Return the sum of squares of each row of an array, or of all of it."""
    flat = (a**2).reshape(len(a) if rows else 1, -1)
    return np.asarray(flat.sum(1).tolist())


def linear(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.linear` in the passes that have cotangents.

    G(c + t) = G(c) + G(t) for gradients G, and for those of grad2, which are quadratic, the law of
    the parallelogram: G(c + t) + G(c - t) = 2 G(c) + 2 G(t). `error` compares G(c) with the oracle.
    """
    if built.case.pass_ == "fwd":
        return
    judged, timed = built.only_judged().cotangents, _timed_cotangents(built)
    real = {name: space for name, space in built.operation.outputs(built.problem).items()
            if name in judged}  # fmt: skip

    def gradients(c: float, t: float) -> Tensors:
        mixed = {name: c * a + t * timed[name] for name, a in judged.items()}
        there = replace(built, cotangents=built.rounded(mixed, real))
        return without_sums(built, there.ask(there.arrays()))

    both, other = gradients(1, 1), gradients(0, 1)
    one = without_sums(built, built.judged_outputs) or gradients(1, 0)
    expected = {name: a + other[name] for name, a in one.items()}
    if built.case.pass_ == "grad2":
        opposite = gradients(1, -1)
        square = both.keys() - {"inner"}
        both = {n: a + opposite[n] if n in square else a for n, a in both.items()}
        expected = {n: 2 * a if n in square else a for n, a in expected.items()}
    off = distance(both, expected)
    problem = "" if off <= apart(built) else (
        f"gradients are not {'quadratic' if built.case.pass_ == 'grad2' else 'linear'} in the "
        f"cotangents, by {off:.1e} of the largest entry: right for some, wrong for others"
    )  # fmt: skip
    yield within("conduct.linear", off, apart(built), problem)


def _timed_cotangents(built: BuiltCase) -> Arrays:
    """Return the cotangents of the timed call; others where it has a layout of its own."""
    if built.judged_apart:
        return built.drawn_cotangents(3)
    return built.framework.get(built.arguments[2])


def strided(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.strided`; nothing for JAX, which has no strides, nor for what is compiled.

    A call that refuses such arrays, by raising, misreads nothing.
    """
    parts = [built.framework.strided(part) for part in built.arguments]
    if built.case.mode != "eager" or any(part is None for part in parts):
        return
    try:
        out = built.function(*parts)  # type: ignore[arg-type]
    except (RuntimeError, TypeError, ValueError) as refused:
        first = str(refused).strip().splitlines()[:1]
        yield Reading("conduct.strided", 0.0, n=1, detail={"refused": first}, passed=True)
        return
    found, expected = (without_sums(built, built.framework.held(o)) for o in (out, built.run()))
    yield within("conduct.strided", distance(found, expected), apart(built))


def layout(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.layout` for a layout of its own; nothing for the canonical one."""
    framework, code = built.framework, built.code
    wrong: dict[str, int] = {}
    if code.pack is not None:
        pack = code.pack
        put = [
            framework.put(arrays, spaces, built.problem.dtype, built.case.target)
            for arrays, spaces in (
                (built.inputs, built.read_spaces),
                (built.weights, built.weight_spaces),
            )
        ]
        names = [set(part) for part in put]

        def packed(tensors: Tensors) -> dict[str, Any]:
            inputs, weights = ({n: tensors[n] for n in part} for part in names)
            return {
                f"{kind}.{name}": tensor
                for kind, part in zip(("input", "weight"), pack(inputs, weights), strict=True)
                for name, tensor in part.items()
            }

        wrong["pack"] = _dependent(built, packed, {**put[0], **put[1]})
    if code.unpack is not None:
        wrong["unpack"] = _dependent(built, code.unpack, built.native_outputs())
    if wrong:
        bad = [name for name, count in wrong.items() if count]
        problem = f"{' and '.join(bad)} is no permutation with scales" if bad else ""
        yield within("conduct.layout", float(sum(wrong.values())), 0.0, problem, entries=wrong)


def _dependent(built: BuiltCase, change: Callable[[Tensors], Tensors], tensors: Tensors) -> int:
    """Return how many entries of changed tensors are not a multiple of one entry, each its own.

    A multiple of one entry follows it in sign and size, and does not see what another is: all are
    multiplied by FACTOR, then each by one of MULTIPLES at random, TIMES over. Numbers may not go
    where the indices say, and these stay what they are.
    """
    framework, rng = built.framework, built.rng(11)
    real = {n: Space(tuple(a.shape)) for n, a in tensors.items() if framework.real(a)}
    base = framework.get({n: a for n, a in tensors.items() if n not in real})
    kinds = real | {n: Space(a.shape, kind="index") for n, a in base.items()}

    def put(arrays: Tensors) -> Tensors:
        return framework.put(arrays, kinds, built.problem.dtype, built.case.target, own=True)

    def at(arrays: Tensors, own: bool = True) -> dict[str, Any]:
        indices = {name: a * 1 for name, a in base.items()}
        return framework.held(change(put({**indices, **arrays})), own)

    drawn, multiples = (
        framework.held(put({n: _drawn(rng, values, s.shape) for n, s in real.items()}), own=True)
        for values in (VALUES, MULTIPLES)
    )
    whole = at({name: a * 1 for name, a in drawn.items()}, own=False)
    numbers = {name: a for name, a in whole.items() if framework.real(a)}
    wrong = {name: (a != a).reshape(-1) for name, a in numbers.items()}
    _mark(wrong, at({name: FACTOR * a for name, a in drawn.items()}), numbers, (FACTOR,))
    for _ in range(TIMES):
        some = {name: _by(rng, multiples[name], a) for name, a in drawn.items()}
        _mark(wrong, at(some), numbers, MULTIPLES)
    count = sum(int(a.sum()) for a in wrong.values() if bool(a.any()))
    indices = {name: a for name, a in base.items() if a.ndim}
    if indices:
        turned = {name: a[::-1].copy() for name, a in indices.items()}
        found = at({**{name: a * 1 for name, a in drawn.items()}, **turned})
        count += sum(int((found[name] != a).sum()) for name, a in numbers.items())
        kept = [np.sort(a, axis=None) for a in indices.values()]
        others = framework.get({name: a for name, a in whole.items() if name not in numbers})
        for a in others.values():
            same = any(np.array_equal(np.sort(a, axis=None), k) for k in kept)
            count += 0 if same else a.size
    given = sum(math.prod(space.shape) for space in real.values())
    if sum(math.prod(a.shape) for a in numbers.values()) > given:
        count += max(0, sum(int((a != 0).sum()) for a in numbers.values()) - given)
    return count


def _mark(wrong: Tensors, found: Tensors, numbers: Tensors, factors: Sequence[int]) -> None:
    """Mark what is none of some multiples of what it was."""
    for name, marks in wrong.items():
        flat = (marks, found[name].reshape(-1), numbers[name].reshape(-1))
        for mark, now, before in zip(*map(pieces, flat), strict=True):
            mark |= ~reduce(operator.or_, [now == factor * before for factor in factors])


def _by(rng: np.random.Generator, factors: Any, a: Any) -> Any:
    """Return an array times factors, of which the first is one at random, and which go round."""
    found, factors = a.reshape(-1) * 1, factors.reshape(-1)
    start = int(rng.integers(max(1, len(found))))
    behind = len(found) - start
    found[:behind] *= factors[start:]
    found[behind:] *= factors[:start]
    return found.reshape(a.shape)


def _drawn(rng: np.random.Generator, values: Sequence[float], shape: tuple[int, ...]) -> Array:
    """Return an array of some values, at most 256, each as often as the others."""
    chosen = rng.integers(len(values), size=shape, dtype=np.uint8)
    return np.array(values, np.float32)[chosen]


PROBES = (
    Probe("conduct.outputs", outputs),
    Probe("conduct.permuted", permuted),
    Probe("conduct.linear", linear),
    Probe("conduct.strided", strided),
    Probe("conduct.layout", layout),
)
