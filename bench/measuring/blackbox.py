"""An implementation as a map of NumPy arrays in canonical layout, which analyses look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.measuring.built_case import BuiltCase
from impls.implementation import Tensors
from impls.problem import Problem
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams


def widest(built: BuiltCase) -> Literal["float64", "float32"]:
    """Return the data type to look at it in; JAX has float64 in its own processes only."""
    x64 = built.implementation.framework != "jax" or built.problem.dtype == "float64"
    return "float64" if x64 else "float32"


def called(built: BuiltCase, problem: Problem) -> Callable[[Arrays, Arrays], Arrays]:
    """Build the implementation for a problem, as a map of NumPy arrays in canonical layout."""
    family, operation, framework = built.family, built.operation, built.framework
    target = built.case.target
    code = built.implementation.build(problem, target, built.case.options)

    def whole(inputs: Tensors, weights: Tensors) -> Tensors:
        native = code.pack(inputs, weights) if code.pack else (inputs, weights)
        outputs = code.call(*native)
        return code.unpack(outputs) if code.unpack else outputs

    function = framework.make(whole, "fwd", built.case.mode, ())
    input_spaces = operation.taken(family.inputs(problem))
    weight_spaces = operation.weights(problem)

    def call(inputs: Arrays, weights: Arrays) -> Arrays:
        put_inputs = framework.put(inputs, input_spaces, problem.dtype, target)
        put_weights = framework.put(weights, weight_spaces, problem.dtype, target)
        return framework.get(function(put_inputs, put_weights, {}))

    return call


class BlackBox:
    """The implementation as (X [n, dim1], Y [n, dim2]) -> Z [n, dim3] in NumPy."""

    def __init__(self, built: BuiltCase, single: Problem, first: str, second: str) -> None:
        self.built, self.single, self.names = built, single, (first, second)
        self.ready: dict[int, _Rows] = {}

    def __call__(self, x: Array, y: Array) -> Array:
        """Evaluate all rows at once, or one by one where the family has no batch."""
        if self.built.family.batch is not None:
            return self._rows(x, y)
        return np.concatenate([self._rows(x[i : i + 1], y[i : i + 1]) for i in range(len(x))])

    def _rows(self, x: Array, y: Array) -> Array:
        if len(x) not in self.ready:
            self.ready[len(x)] = self._built(len(x))
        ready, batched = self.ready[len(x)], self.built.family.batch is not None
        moved = {
            name: _spread(rows, ready.spaces[name], batched)
            for name, rows in zip(self.names, (x, y), strict=True)
        }
        out = next(iter(ready.call({**ready.inputs, **moved}, ready.weights).values()))
        per_row = out if batched else out[None]
        return per_row.reshape(len(x), -1, out.shape[-1])[:, 0, :]

    def _built(self, rows: int) -> _Rows:
        family, operation = self.built.family, self.built.operation
        sizes = {} if family.batch is None else {family.batch: rows}
        problem = self.single.with_sizes(**sizes)
        weights = {name: np.ones(s.shape) for name, s in operation.weights(problem).items()}
        drawn = operation.taken(family.draw(problem, Streams(0)))
        spaces = operation.taken(family.inputs(problem))
        return _Rows(called(self.built, problem), spaces, drawn, weights)


@dataclass(frozen=True)
class _Rows:
    """The implementation built for a number of rows, with all that it takes beside them."""

    call: Callable[[Arrays, Arrays], Arrays]
    spaces: Mapping[str, Space]
    inputs: Arrays
    weights: Arrays


def _spread(rows: Array, space: Space, batched: bool) -> Array:
    """Return an array of the Space's shape with a row in every place (its own along the batch)."""
    middle = (1,) * (len(space.shape) - (2 if batched else 1))
    lead = (len(rows),) if batched else ()
    return np.broadcast_to(rows.reshape(*lead, *middle, rows.shape[-1]), space.shape).copy()
