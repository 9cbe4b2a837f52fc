r"""Directional derivatives of a float64 oracle, against which gradients are judged.

The derivative of <c, f(x, w)> along (dx, dw) is the sum over arrays a of the partial derivatives
d/dt <c, f(.., a + t da, ..)> at t = 0. The rule for each array:

* `linear_in` says degree 1: f(.., da, ..) itself. Exact, one evaluation.
* `linear_in` says degree d > 1: the curve is a polynomial of degree d in t, and the central
  difference on 2 ceil(d/2) nodes is exact for it at any step; the step is |a|/|da|, where
  rounding is smallest. Error of a few ulp of the curve's values.
* otherwise: a central difference of eighth order on 8 nodes, with step 0.006 rms(a)/rms(da), which
  is exact to rounding for a function that varies on the scale of its inputs: about 1e-13 of the
  curve's terms. Where it varies faster, as waves of many periods do, or lengths near zero, or a
  third derivative jumps, the difference without its outer nodes is another by more than BEND, and
  those with the smaller steps of TRIES follow: about 1e-11 still for a function that varies a
  hundred times faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from impls.spaces import Array, Arrays

EPS = float(np.finfo(np.float64).eps)
STEP = EPS**0.2
TRIES = ((4, 8 * STEP), (4, STEP), (4, STEP / 8), (4, STEP / 64))
"""The nodes on either side, and the step, of one difference after another."""
BEND = 1e-10
"""What a difference and that without its outer nodes may be apart, relatively: else the next,
unless it is rounding."""
NESTED = ((3, STEP / 4), (3, STEP / 32), (3, STEP / 256))
NESTED_BEND = 1e-7
"""The same of differences of differences."""


def directional(
    oracle: Callable[[Arrays, Arrays], Arrays],
    inputs: Arrays,
    weights: Arrays,
    direction_inputs: Arrays,
    direction_weights: Arrays,
    cotangent: Arrays,
    linear_in: Iterable[tuple[str, int]] = (),
) -> float:
    """Return the derivative of <cotangent, oracle(inputs, weights)> along the directions.

    Arrays without a direction stay fixed. `linear_in` names the inputs or weights in which the
    oracle is a homogeneous polynomial, with their degrees. See the module for rules and errors.

    >>> def cube(inputs, weights):
    ...     return {"y": inputs["x"] ** 3}
    >>> x, one = {"x": np.array([2.0])}, np.ones(1)
    >>> round(directional(cube, x, {}, {"x": one}, {}, {"y": one}, [("x", 3)]), 9)
    12.0

    Raises:
        ValueError: for a direction that names no array, has another shape, or moves an array
            that is not real.
    """
    along = direction_inputs, direction_weights
    return _directional(oracle, (inputs, weights), along, cotangent, dict(linear_in), finely=True)


def _directional(
    oracle: Callable[[Arrays, Arrays], Arrays],
    point: tuple[Arrays, Arrays],
    along: tuple[Arrays, Arrays],
    cotangent: Arrays,
    degrees: Mapping[str, int],
    *,
    finely: bool,
) -> float:
    """Return what `directional` does; only `finely` are more nodes taken where it bends."""
    arrays = (_as_float64(point[0]), _as_float64(point[1]))
    total = 0.0
    for slot, directions in enumerate(along):
        for name, direction in directions.items():
            base = arrays[slot].get(name)
            if base is None or base.dtype != np.float64 or base.shape != np.shape(direction):
                raise ValueError(f"direction {name!r} matches no real array of its shape")
            step_from = np.asarray(direction, np.float64)

            def terms(a: Array, slot: int = slot, name: str = name) -> Array:
                moved = [dict(group) for group in arrays]
                moved[slot][name] = a
                outputs = oracle(moved[0], moved[1])
                return np.concatenate([(c * outputs[key]).ravel() for key, c in cotangent.items()])

            total += _partial(terms, base, step_from, degrees.get(name), finely)
    return total


def mixed(
    oracle: Callable[[Arrays, Arrays], Arrays],
    inputs: Arrays,
    weights: Arrays,
    first: tuple[str, Array],
    second: tuple[str, Array],
    cotangent: Arrays,
    linear_in: Iterable[tuple[str, int]] = (),
) -> float:
    """Return the second derivative of <cotangent, oracle> along two (name, direction) pairs.

    d^2/ds dt <c, f(.., a + s da, .., b + t db, ..)> at 0, by the rules of `directional` applied
    twice: exact where the arrays are in `linear_in`; else nested differences, good to about 1e-7
    of the curve's values.

    >>> def product(inputs, weights):
    ...     return {"y": weights["w"] * inputs["x"]}
    >>> x, w, one = {"x": np.array([2.0])}, {"w": np.array([3.0])}, np.ones(1)
    >>> linear = [("x", 1), ("w", 1)]
    >>> mixed(product, x, w, ("x", one), ("w", one), {"y": one}, linear)
    1.0

    Raises:
        ValueError: for a direction that names no array or has another shape.
    """
    degrees = dict(linear_in)
    name, direction = second
    base = _as_float64(inputs if name in inputs else weights).get(name)
    if base is None or base.shape != np.shape(direction):
        raise ValueError(f"direction {name!r} matches no real array of its shape")
    moving = {first[0]: first[1]}

    def slope(a: Array) -> Array:
        at = (
            {**inputs, name: a} if name in inputs else inputs,
            {**weights, name: a} if name in weights else weights,
        )
        along = (moving, {}) if first[0] in inputs else ({}, moving)
        return np.array(_directional(oracle, at, along, cotangent, degrees, finely=False))

    degree = degrees.get(name)
    if degree is not None and name == first[0]:
        degree -= 1
    return _partial(slope, base, np.asarray(direction, np.float64), degree, False)


def _as_float64(arrays: Arrays) -> dict[str, Array]:
    """Return floating arrays in float64 and all others as they are."""
    return {
        name: a.astype(np.float64) if np.issubdtype(a.dtype, np.floating) else a
        for name, a in ((name, np.asarray(a)) for name, a in arrays.items())
    }


def _partial(
    terms: Callable[[Array], Array],
    base: Array,
    direction: Array,
    degree: int | None,
    finely: bool,
) -> float:
    """Return d/dt of the sum of terms(base + t direction) at 0, by the rule for this degree.

    Differences are of terms, and then summed: small ones are not rounded as the sum is.
    """
    if degree == 0 or not np.any(direction):
        return 0.0
    if degree == 1:
        return float(terms(direction).sum())
    step = (float(np.linalg.norm(base)) or 1.0) / float(np.linalg.norm(direction))

    def across(nodes: int, step: float) -> tuple[Array, float]:
        """Return (f(k) - f(-k)) / step for k = 1 .. nodes steps, and how far it is rounded."""
        moves = [node * step * direction for node in range(1, nodes + 1)]
        ahead, behind = ([terms(base + sign * move) for move in moves] for sign in (1, -1))
        sums = [float((a - b).sum()) for a, b in zip(ahead, behind, strict=True)]
        return np.array(sums) / step, EPS * float(np.linalg.norm(ahead[0])) / step

    if degree is not None:
        nodes = (degree + 1) // 2
        return float(_central(nodes) @ across(nodes, step)[0])
    tries: list[tuple[float, float]] = []
    bend = BEND if finely else NESTED_BEND
    for nodes, part in TRIES if finely else NESTED:
        found, rounded = across(nodes, step * part)
        slope = float(_central(nodes) @ found)
        apart = abs(float(_central(nodes - 1) @ found[:-1]) - slope)
        tries.append((max(apart, rounded), slope))
        if apart <= max(bend * abs(slope), rounded):
            break
    return min(tries)[1]


def _central(nodes: int) -> NDArray[np.float64]:
    """Return the factors of f(k)-f(-k), k = 1..nodes: f'(0), exact to degree 2 nodes."""
    k = np.arange(1.0, nodes + 1)
    odd = 2 * np.arange(nodes) + 1
    right = np.zeros(nodes)
    right[0] = 0.5
    return np.asarray(np.linalg.solve(k[None, :] ** odd[:, None], right), np.float64)
