r"""Equivariance errors of a map between Spaces, for given group elements.

The relative error at a group element g is

    e(g) = |f(g x) - g f(x)| / |f(x)|

with Euclidean norms over all outputs together, in float64 [@thomas2018]. It needs only
`Space.act`, so it holds alike for irreps, images, graphs and learning algorithms.

The local form is the Lie derivative [@gruver2023]: for a generator X,

    e(X) = |d/dt (f(g x) - g f(x))| / |f(x)|   at t = 0, with g = exp(t X),

per unit of t. It sees small motions, that random elements of a large group never are.

Neither says anything about a map that is constant, or under an action that moves nothing: `guards`
names such empty success.
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


@dataclass(frozen=True)
class Guards:
    """What would make an equivariance error of zero empty.

    `spread` is |Y - mean Y| / |Y| of the outputs Y [draw, entries] at different inputs (0 when they
    are all zero), and `effective_rank` of Y the exponential of the entropy of its singular values
    [@roy2007], at most the number of draws. `irreproducible` is the largest |f(x) - f(x)| / |f(x)|
    of two calls. `moved` is the largest |g a - a| / |a| of any input for each subgroup.
    """

    spread: float
    effective_rank: float
    irreproducible: float
    moved: Mapping[str, float]

    def problems(self, tolerance: float) -> dict[str, str]:
        """Return a sentence for each guard that fails; calls may differ by `tolerance`."""
        found = {}
        if not self.spread > COLLAPSED:
            what = "zero" if self.effective_rank == 0.0 else "the same"
            found["collapse"] = f"the output is {what} for different inputs"
        if not self.irreproducible <= tolerance:
            found["determinism"] = (
                f"two calls on the same input differ by {self.irreproducible:.1e}"
            )
        if not any(self.moved.values()):
            names = ", ".join(self.moved) or "no subgroup"
            found["action"] = f"the action moves no input ({names}): nothing is tested"
        return found


COLLAPSED = 1e-3
"""Outputs at different inputs that vary less than this, relative to their size, are constant."""


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


def local_errors(
    call: Callable[[Arrays], Arrays],
    space_in: Mapping[str, Space],
    space_out: Mapping[str, Space],
    inputs: Arrays,
    generators: Mapping[str, Callable[[float], Element]],
    *,
    step: float,
) -> dict[str, float]:
    """Return |d/dt (f(g x) - g f(x))| / |f(x)| at t = 0, g = exp(t X), for every generator X.

    Fourth-order central differences with nodes at +-step and +-2 step. For an equivariant f only
    rounding is left, about 2 eps / step: `difference_step(eps)` suits the precision of `call`.

    Raises:
        ValueError: when f(x) is identically zero.
    """
    reference = {name: np.asarray(a, np.float64) for name, a in call(inputs).items()}
    scale = np.sqrt(sum(float(np.sum(a * a)) for a in reference.values()))
    if scale == 0.0:
        raise ValueError("identically zero output: a relative error is not defined")
    found = {}
    for generator, along in generators.items():
        slopes = {name: np.zeros(a.shape) for name, a in reference.items()}
        for node, factor in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
            g = along(node * step)
            for name, value in call(_moved(space_in, g, inputs)).items():
                defect = np.asarray(value, np.float64) - space_out[name].act(g, reference[name])
                slopes[name] += factor * defect
        square = sum(float(np.sum(a * a)) for a in slopes.values())
        found[generator] = float(np.sqrt(square) / (12 * step * scale))
    return found


def difference_step(eps: float) -> float:
    """Return the step of `local_errors` at which truncation and rounding are alike: eps^(1/5)."""
    return float(eps**0.2)


def guards(
    call: Callable[[Arrays], Arrays],
    space_in: Mapping[str, Space],
    draws: Sequence[Arrays],
    elements: Mapping[str, Sequence[Element]],
) -> Guards:
    """Return the `Guards` of a map at several inputs, with elements of each subgroup.

    Raises:
        ValueError: for fewer than two draws.
    """
    if len(draws) < 2:
        raise ValueError(f"{len(draws)} inputs show no collapse: pass at least two")
    y = np.stack([_flat(call(arrays)) for arrays in draws])
    again = _flat(call(draws[0]))
    norm = float(np.linalg.norm(y))
    singular = np.linalg.svd(y, compute_uv=False) if np.all(np.isfinite(y)) else np.zeros(1)
    share = singular[singular > 0] / np.sum(singular) if norm else np.zeros(0)
    moved = {
        name: max(
            (
                float(np.linalg.norm(space_in[key].act(g, a) - a) / (np.linalg.norm(a) or 1.0))
                for g in chosen
                for key, a in draws[0].items()
                if key in space_in
            ),
            default=0.0,
        )
        for name, chosen in elements.items()
    }
    return Guards(
        spread=float(np.linalg.norm(y - y.mean(axis=0))) / norm if norm else 0.0,
        effective_rank=float(np.exp(-np.sum(share * np.log(share)))) if len(share) else 0.0,
        irreproducible=float(np.linalg.norm(y[0] - again)) / (float(np.linalg.norm(y[0])) or 1.0),
        moved=moved,
    )


def _flat(outputs: Arrays) -> Array:
    return np.concatenate([np.ravel(np.asarray(outputs[name], np.float64)) for name in outputs])


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
