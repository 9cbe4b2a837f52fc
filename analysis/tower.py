r"""Random features that repeated use of a bilinear map can reach.

T maps X x Y to Z, where X and Y carry the same irreps, one copy of each. From an input a with
channels, [items, channels, dim X], and for s = 1 .. count,

    u_1 = A_1 a,   u_(n+1) = C_n T(u_n, A_(n+1) a),

where A (channels to one copy) and C (copies in Z to one copy in X) are random linear maps that the
group allows: a weight for each pair of equal irreps. Irreps of Z that X lacks end there. Every
component of u_n is a homogeneous polynomial of degree n in a. All are linear combinations of one
product for each sequence of coupled paths, with weights that are distinct monomials: what differs
along one sequence differs with probability 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from analysis.reduced import Evaluate
from impls.so3.irreps import Irrep
from impls.spaces import Array


def slices(labels: Sequence[Irrep]) -> list[slice]:
    """Return where each of these irreps lies on an axis that holds one after the other.

    >>> slices((Irrep(0, 1), Irrep(1, -1)))
    [slice(0, 1, None), slice(1, 4, None)]
    """
    ends = np.cumsum([0, *(ir.dim for ir in labels)]).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]


class Tower:
    """A bilinear map between labelled spaces, used again and again with `count` random weights.

    `evaluate(X [n, dim X], Y [n, dim X]) -> Z [n, dim Z]`.

    >>> from analysis.reduced import labels
    >>> tower = Tower(np.cross, (labels("1"), labels("1"), labels("1")), count=5)
    >>> tower.features(np.ones((2, 4, 3)), degree=2, label=Irrep(1, 0)).shape
    (5, 2, 3)

    Raises:
        ValueError: when an irrep of the inputs is repeated, or the two inputs differ in theirs.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        labels: tuple[Sequence[Irrep], Sequence[Irrep], Sequence[Irrep]],
        count: int,
        seed: int = 0,
    ) -> None:
        """Hold the map; weights are drawn as they are needed."""
        first, second, out = (tuple(part) for part in labels)
        if first != second or len(set(first)) < len(first):
            raise ValueError(
                "repeated use needs two inputs with the same irreps, one copy of each: "
                f"not {'+'.join(map(str, first))} and {'+'.join(map(str, second))}"
            )
        self.evaluate, self.inside, self.out, self.count = evaluate, first, out, count
        self.rng = np.random.default_rng(seed)

    def enter(self, a: Array) -> Array:
        """Return A a [count, items, dim X] of inputs a [items, channels, dim X]."""
        weights = self.rng.standard_normal((len(self.inside), self.count, a.shape[1]))
        return np.concatenate(
            [
                np.einsum("sc,ncd->snd", w, a[..., part])
                for w, part in zip(weights, slices(self.inside), strict=True)
            ],
            axis=-1,
        )

    def multiply(self, u: Array, v: Array) -> Array:
        """Return T(u, v) [count, items, dim Z] of u and v [count, items, dim X]."""
        z = self.evaluate(u.reshape(-1, u.shape[-1]), v.reshape(-1, v.shape[-1]))
        return np.asarray(z, np.float64).reshape(*u.shape[:-1], -1)

    def component(self, z: Array, label: Irrep) -> Array:
        """Return a random combination [count, items, 2l+1] of all copies of an irrep in Z."""
        copies = [p for ir, p in zip(self.out, slices(self.out), strict=True) if ir == label]
        weights = self.rng.standard_normal((len(copies), self.count, 1, 1))
        found = np.zeros((*z.shape[:-1], label.dim))
        for w, part in zip(weights, copies, strict=True):
            found += w * z[..., part]
        return found

    def back(self, z: Array) -> Array:
        """Return C z [count, items, dim X], scaled by one number to a mean square of 1."""
        u = np.concatenate([self.component(z, label) for label in self.inside], axis=-1)
        size = float(np.sqrt(np.mean(u**2)))
        return u / size if size else u

    def features(self, a: Array, degree: int, label: Irrep) -> Array:
        """Return polynomials of a degree with values in an irrep: [count, items, 2l+1].

        Raises:
            ValueError: for a degree below 1.
        """
        if degree < 1:
            raise ValueError(f"degree {degree}: features have a degree of at least 1")
        u = self.enter(a)
        if degree == 1:
            if label not in self.inside:
                return np.zeros((*u.shape[:-1], label.dim))
            return u[..., slices(self.inside)[self.inside.index(label)]]
        for _ in range(degree - 2):
            u = self.back(self.multiply(u, self.enter(a)))
        return self.component(self.multiply(u, self.enter(a)), label)
