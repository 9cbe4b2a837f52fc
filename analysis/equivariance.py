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

Where an action moves some of the output out of sight (a window, a border filled with zeros), only
entries that have a partner are compared: with a mask m_g of zeros and ones,

    e(g) = |m_g (f(g x) - g f(x))| / |m_g g f(x)|

and a mask that leaves nothing is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from impls.groups import Element
from impls.spaces import Array, Arrays, Space

Align = Callable[[Element, Array, Array], Iterable[Array]]
Mask = Callable[[Element], Mapping[str, Array]]


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
    mask: Mask | None = None,
    *,
    weights: Arrays | None = None,
    weights_space: Mapping[str, Space] | None = None,
) -> EquivarianceErrors:
    """Return |f(g x) - g f(x)| / |f(x)| for every g in `elements`.

    `call(inputs)` maps NumPy arrays to NumPy arrays. With `weights` it is `call(inputs, weights)`,
    and weights are moved by `weights_space` where it names them. Acted inputs keep their dtype: a
    real array is rounded back to it, an index or mask array must come back in it. `align(g, a, b)`
    yields candidate versions of the output b = g f(x); the one nearest to a = f(g x) counts.
    `mask(g)` says which entries are compared, as `compared` does; of them b is the scale.

    >>> from impls.groups import rotations
    >>> from impls.so3.space import irreps_space
    >>> vector = irreps_space((1, 3), "1")
    >>> turns = rotations().sample(np.random.default_rng(0), 4)
    >>> x = {"x": np.array([[1.0, 2.0, 3.0]])}
    >>> found = errors(lambda a: {"y": 2 * a["x"]}, {"x": vector}, {"y": vector}, x, turns)
    >>> bool(found.summary()["max"] < 1e-12)
    True

    Raises:
        ValueError: when f(x) is identically zero, `elements` is empty, the names of the outputs
            are not those of `space_out`, a mask is bad, or it never leaves anything of an output.
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
    scale = _size(reference, {})
    found, unseen = [], set() if mask is None else set(reference)
    for g in elements:
        kept = {} if mask is None else compared(mask, g, reference)
        unseen -= {name for name, m in kept.items() if m.any()}
        squares = left = 0.0
        for name, value in run(g).items():
            a, b = np.asarray(value, np.float64), space_out[name].act(g, reference[name])
            candidates = [b] if align is None else list(align(g, a, b))
            distances = [_square(a - candidate, kept.get(name)) for candidate in candidates]
            nearest = int(np.argmin(distances))
            squares += distances[nearest]
            left += _square(candidates[nearest], kept[name]) if kept else 0.0
        if kept and left == 0.0:
            raise ValueError("what the mask leaves of the output is identically zero")
        found.append(np.sqrt(squares) / (np.sqrt(left) if kept else scale))
    if unseen:
        raise ValueError(f"the mask leaves nothing of {sorted(unseen)} for any group element")
    return EquivarianceErrors(np.array(found))


def compared(mask: Mask, g: Element, outputs: Arrays) -> dict[str, Array]:
    """Return for each output, in its shape, which entries have a partner under g.

    `mask(g)` maps names of outputs to zeros and ones that broadcast to their shape; an output that
    it does not name has all.

    Raises:
        ValueError: for a mask of no output, of another shape, of other values than 0 and 1, or
            that leaves no entry of any output.
    """
    given = mask(g)
    if unknown := sorted(set(given) - set(outputs)):
        raise ValueError(f"the mask names {unknown}, but the outputs are {sorted(outputs)}")
    kept = {}
    for name, a in outputs.items():
        m, shape = np.asarray(given.get(name, 1)), np.shape(a)
        if not np.all((m == 0) | (m == 1)):
            raise ValueError(f"the mask of output {name!r} has values that are neither 0 nor 1")
        try:
            kept[name] = np.broadcast_to(m == 1, shape)
        except ValueError:
            raise ValueError(
                f"the mask of output {name!r} has shape {m.shape}, which does not broadcast to "
                f"{shape}"
            ) from None
    if not any(m.any() for m in kept.values()):
        raise ValueError(
            f"the mask leaves no entry of {sorted(outputs)} to compare; draw group elements that "
            "keep some in sight"
        )
    return kept


def _square(a: Array, kept: Array | None = None) -> float:
    return float(np.sum(a * a) if kept is None else np.sum(a * a, where=kept))


def local_errors(
    call: Callable[[Arrays], Arrays],
    space_in: Mapping[str, Space],
    space_out: Mapping[str, Space],
    inputs: Arrays,
    generators: Mapping[str, Callable[[float], Element]],
    mask: Mask | None = None,
    *,
    step: float,
) -> dict[str, float]:
    """Return |d/dt (f(g x) - g f(x))| / |f(x)| at t = 0, g = exp(t X), for every generator X.

    Fourth-order central differences with nodes at +-step and +-2 step. For an equivariant f only
    rounding is left, about 2 eps / step: `difference_step(eps)` suits the precision of `call`.
    With a mask, entries are compared, and are the scale, that have a partner at every node.

    Raises:
        ValueError: when f(x), or what a mask leaves of it, is identically zero; for a bad mask.
    """
    reference = {name: np.asarray(a, np.float64) for name, a in call(inputs).items()}
    scale = _size(reference, {})
    found = {}
    for generator, along in generators.items():
        slopes = {name: np.zeros(a.shape) for name, a in reference.items()}
        kept: dict[str, Array] = {}
        for node, factor in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
            g = along(node * step)
            seen = {} if mask is None else compared(mask, g, reference)
            kept = {name: kept.get(name, True) & m for name, m in seen.items()}
            for name, value in call(_moved(space_in, g, inputs)).items():
                defect = np.asarray(value, np.float64) - space_out[name].act(g, reference[name])
                slopes[name] += factor * defect
        square = sum(_square(a, kept.get(name)) for name, a in slopes.items())
        size = _size(reference, kept) if kept else scale
        found[generator] = float(np.sqrt(square) / (12 * step * size))
    return found


def difference_step(eps: float) -> float:
    """Return the step of `local_errors` at which truncation and rounding are alike: eps^(1/5).

    >>> round(difference_step(2.0**-52), 6)
    0.00074
    """
    return float(eps**0.2)


def guards(
    call: Callable[[Arrays], Arrays],
    space_in: Mapping[str, Space],
    draws: Sequence[Arrays],
    elements: Mapping[str, Sequence[Element]],
    mask: Mask | None = None,
) -> Guards:
    """Return the `Guards` of a map at several inputs, with elements of each subgroup.

    With a mask, spread and rank are those of the entries that any of the elements compares.

    Raises:
        ValueError: for fewer than two draws, or a bad mask.
    """
    if len(draws) < 2:
        raise ValueError(f"{len(draws)} inputs show no collapse: pass at least two")
    outputs = [call(arrays) for arrays in draws]
    first, again = _flat(outputs[0]), _flat(call(draws[0]))
    y = np.stack([_flat(output) for output in outputs])
    if mask is not None:
        every = [g for chosen in elements.values() for g in chosen]
        kept = [_flat(compared(mask, g, outputs[0])) for g in every]
        y = y[:, np.any(kept, axis=0)]
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
        irreproducible=float(np.linalg.norm(first - again)) / (float(np.linalg.norm(first)) or 1.0),
        moved=moved,
    )


def _size(outputs: Arrays, kept: Mapping[str, Array]) -> float:
    """Return the norm of all that is compared."""
    size = float(np.sqrt(sum(_square(a, kept.get(name)) for name, a in outputs.items())))
    if size == 0.0:
        raise ValueError("identically zero output: a relative error is not defined")
    return size


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
