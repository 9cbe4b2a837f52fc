r"""Non-equivariance revealed on orbits: a metric as a function on the group [@zhao2023].

For one input x and every element g of an orbit, either the error against the truth t,

    e(g) = |f(g x) - t(g x)| / |t(g x)|,

or, where there is no truth, against the consensus c, the mean of what is said along the orbit after
it is turned back,

    c = mean over g of g^-1 f(g x),   e(g) = |g^-1 f(g x) - c| / |c|.

Against the consensus an equivariant map has e = 0, whether right or wrong; against a truth that is
itself only nearly equivariant, e = 0 says nothing about symmetry. The mean weights all elements of
the orbit alike, and is no Haar average. Where an action moves some of the output out of sight, an
entry of g^-1 f(g x) counts, in c and in e(g), where it has a partner under g^-1; the truth is that
of the same input, and every entry counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.equivariance import Mask, compared
from impls.groups import Group, Orbit
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class Nero:
    """Errors [n] along an orbit, with its coordinates [n], and what they are errors against."""

    group: str
    reference: Literal["truth", "consensus"]
    coordinates: Mapping[str, np.ndarray]
    errors: np.ndarray

    def table(self) -> list[dict[str, float | str]]:
        """Return one record for each element: group, reference, its coordinates and the error."""
        head: dict[str, float | str] = {"group": self.group, "reference": self.reference}
        columns = {**self.coordinates, "error": self.errors}
        return [
            head | {name: float(values[i]) for name, values in columns.items()}
            for i in range(len(self.errors))
        ]


def nero(
    call: Callable[[Arrays], Arrays],
    group: Group,
    space_in: Mapping[str, Space],
    space_out: Mapping[str, Space],
    inputs: Arrays,
    n: int,
    mask: Mask | None = None,
    *,
    truth: Callable[[Arrays], Arrays] | None = None,
) -> Nero:
    """Return the errors of `call` on about n elements of the orbit of `inputs`.

    `call` and `truth` map NumPy arrays to NumPy arrays, named and moved as `space_out` says.
    `mask(g)` says which entries have a partner under g, as in `analysis.equivariance`.

    >>> from impls.groups import circle
    >>> from impls.so3.space import irreps_space
    >>> vector, x = irreps_space((3,), "1"), {"x": np.array([1.0, 2.0, 3.0])}
    >>> found = nero(lambda a: {"y": 2 * a["x"]}, circle(), {"x": vector}, {"y": vector}, x, 4)
    >>> found.group, found.reference, found.errors.round(6).tolist()
    ('SO(2)', 'consensus', [0.0, 0.0, 0.0, 0.0])

    Raises:
        ValueError: when the group has no orbit, n < 2, the truth or the consensus is zero, or a
            mask is bad.
    """
    if group.orbit is None:
        raise ValueError(f"group {group.name} has no orbit to draw: take one of its subgroups")
    if n < 2:
        raise ValueError(f"an orbit needs at least 2 elements, not {n}")
    orbit = group.orbit(n)
    found, wanted, kept = [], [], []
    for g in orbit.elements:
        moved = {
            name: space_in[name].act(g, a) if name in space_in else a for name, a in inputs.items()
        }
        said = call(moved)
        if truth is None:
            back = group.inv(g)
            turned = {name: space_out[name].act(back, a) for name, a in said.items()}
            found.append(_flat(turned))
            every = {name: np.ones(np.shape(a), bool) for name, a in turned.items()}
            kept.append(_flat(every if mask is None else compared(mask, back, turned)))
        else:
            right = truth(moved)
            found.append(_flat(said))
            wanted.append(_flat({name: right[name] for name in said}))
    if truth is None:
        counts = np.stack(kept) == 1.0
        shown = np.where(counts, np.stack(found), 0.0)
        consensus = shown.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
        return _judged(group, orbit, "consensus", shown, np.where(counts, consensus, 0.0))
    return _judged(group, orbit, "truth", np.stack(found), np.stack(wanted))


def _judged(
    group: Group,
    orbit: Orbit,
    reference: Literal["truth", "consensus"],
    found: np.ndarray,
    against: np.ndarray,
) -> Nero:
    scale = np.linalg.norm(against, axis=1)
    if not np.all(scale):
        raise ValueError(f"the {reference} is identically zero: a relative error is not defined")
    errors = np.linalg.norm(found - against, axis=1) / scale
    return Nero(group.name, reference, orbit.coordinates, errors)


def _flat(outputs: Arrays) -> np.ndarray:
    parts = [np.ravel(np.asarray(a, np.float64)) for a in outputs.values()]
    return np.concatenate(parts)
