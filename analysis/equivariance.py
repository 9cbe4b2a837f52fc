r"""Equivariance errors of a map between Spaces, for given group elements.

The relative error at a group element g is

    e(g) = |f(g x) - g f(x)| / |f(x)|

with Euclidean norms over all outputs together, in float64 [@thomas2018]. It needs only
`Space.act`, so it holds alike for irreps, images, graphs and learning algorithms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from impls.groups import Element
from impls.spaces import Array, Arrays, Space

Align = Callable[[Element, Array, Array], Iterable[Array]]


@dataclass(frozen=True)
class EquivarianceErrors:
    """Relative errors, one per group element: `per_element` [n]."""

    per_element: Array

    def summary(self) -> dict[str, float]:
        """Return the mean, the 95th percentile and the maximum (nan if any error is nan)."""
        return {
            "mean": float(np.mean(self.per_element)),
            "p95": float(np.quantile(self.per_element, 0.95)),
            "max": float(np.max(self.per_element)),
        }


def errors(
    call: Callable[..., Arrays],
    space_in: Mapping[str, Space],
    space_out: Mapping[str, Space],
    inputs: Arrays,
    elements: Sequence[Element],
    align: Align | None = None,
    *,
    weights: Arrays | None = None,
    weights_space: Mapping[str, Space] | None = None,
) -> EquivarianceErrors:
    """Return |f(g x) - g f(x)| / |f(x)| for every g in `elements`.

    `call(inputs)` maps NumPy arrays to NumPy arrays. With `weights` it is `call(inputs, weights)`,
    and weights are moved by `weights_space` where it names them. Acted inputs keep their dtype: a
    real array is rounded back to it, an index or mask array must come back in it. `align(g, a, b)`
    yields candidate versions of the output b = g f(x); the one nearest to a = f(g x) counts.

    Raises:
        ValueError: when f(x) is identically zero, `elements` is empty, or the names of the
            outputs are not those of `space_out`.
        TypeError: when an action changes the dtype of an index or mask array.
    """
    if not len(elements):
        raise ValueError("no group elements to test: pass at least one")
    spaces_of_weights = weights_space or {}

    def run(g: Element | None) -> Arrays:
        moved = inputs if g is None else _moved(space_in, g, inputs)
        if weights is None:
            return call(moved)
        return call(moved, weights if g is None else _moved(spaces_of_weights, g, weights))

    reference = {name: np.asarray(a, np.float64) for name, a in run(None).items()}
    if set(reference) != set(space_out):
        raise ValueError(f"outputs {sorted(reference)} differ from spaces {sorted(space_out)}")
    scale = np.sqrt(sum(float(np.sum(a * a)) for a in reference.values()))
    if scale == 0.0:
        raise ValueError("identically zero output: a relative error is not defined")
    found = []
    for g in elements:
        squares = 0.0
        for name, value in run(g).items():
            a, b = np.asarray(value, np.float64), space_out[name].act(g, reference[name])
            candidates = [b] if align is None else list(align(g, a, b))
            squares += float(np.min([np.sum((a - candidate) ** 2) for candidate in candidates]))
        found.append(np.sqrt(squares) / scale)
    return EquivarianceErrors(np.array(found))


def _moved(spaces: Mapping[str, Space], g: Element, arrays: Arrays) -> dict[str, Array]:
    """Return the arrays moved by g in their own dtype; arrays without a Space stay."""
    result = {}
    for name, a in arrays.items():
        moved = np.asarray(spaces[name].act(g, a)) if name in spaces else a
        if moved.dtype != a.dtype:
            if spaces[name].kind != "real":
                raise TypeError(f"the action on {name!r} changed {a.dtype} to {moved.dtype}")
            moved = moved.astype(a.dtype)
        result[name] = moved
    return result
