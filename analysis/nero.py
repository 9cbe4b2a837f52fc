r"""Non-equivariance revealed on orbits: a metric as a function on the group [@zhao2023].

For one input x and every element g of an orbit, either the error against the truth t,

    e(g) = |f(g x) - t(g x)| / |t(g x)|,

or, where there is no truth, against the consensus c, the mean of what is said along the orbit after
it is turned back,

    c = mean over g of g^-1 f(g x),   e(g) = |g^-1 f(g x) - c| / |c|.

Against the consensus an equivariant map has e = 0, whether right or wrong; against a truth that is
itself only nearly equivariant, e = 0 says nothing about symmetry. The mean weights all elements of
the orbit alike, and is no Haar average.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

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
    *,
    truth: Callable[[Arrays], Arrays] | None = None,
) -> Nero:
    """Return the errors of `call` on about n elements of the orbit of `inputs`.

    `call` and `truth` map NumPy arrays to NumPy arrays, named and moved as `space_out` says.

    Raises:
        ValueError: when the group has no orbit, n < 2, or the truth or the consensus is zero.
    """
    if group.orbit is None:
        raise ValueError(f"group {group.name} has no orbit to draw: take one of its subgroups")
    if n < 2:
        raise ValueError(f"an orbit needs at least 2 elements, not {n}")
    orbit = group.orbit(n)
    found, wanted = [], []
    for g in orbit.elements:
        moved = {
            name: space_in[name].act(g, a) if name in space_in else a for name, a in inputs.items()
        }
        said = call(moved)
        if truth is None:
            back = group.inv(g)
            found.append(_flat({name: space_out[name].act(back, a) for name, a in said.items()}))
        else:
            right = truth(moved)
            found.append(_flat(said))
            wanted.append(_flat({name: right[name] for name in said}))
    return _judged(group, orbit, np.stack(found), np.stack(wanted) if wanted else None)


def _judged(group: Group, orbit: Orbit, found: np.ndarray, wanted: np.ndarray | None) -> Nero:
    against = found.mean(axis=0, keepdims=True) if wanted is None else wanted
    scale = np.linalg.norm(against, axis=1)
    if not np.all(scale):
        what = "consensus" if wanted is None else "truth"
        raise ValueError(f"the {what} is identically zero: a relative error is not defined")
    errors = np.linalg.norm(found - against, axis=1) / scale
    reference: Literal["truth", "consensus"] = "consensus" if wanted is None else "truth"
    return Nero(group.name, reference, orbit.coordinates, errors)


def _flat(outputs: Arrays) -> np.ndarray:
    parts = [np.ravel(np.asarray(a, np.float64)) for a in outputs.values()]
    return np.concatenate(parts)
