r"""Linear maps between features of several copies of an irrep: every copy of one into every copy.

    z_o[w] = sum over i with irrep(i) = irrep(o), and u, of W[(o, i), u, w] x_i[u]

for items i of the input, o of the output and channels u, w: all that commutes with the group. The
paths of a product, each a copy of its own, are summed into irreps by it; so are several copies
taken out of one, as the gates of a layer are. Pairs are ordered by o, then i.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.layers.radial import matrix
from impls.so3.irreps import Irreps
from impls.spaces import Array, Space


@dataclass(frozen=True)
class Mixing:
    """The irreps of x and of z, one copy an item; weights are named `name`."""

    name: str
    inside: Irreps
    out: Irreps

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Return the pairs (o, i) of items of one irrep."""
        every = product(range(len(self.out)), range(len(self.inside)))
        return tuple((o, i) for o, i in every if self.out.items[o] == self.inside.items[i])

    @property
    def reached(self) -> frozenset[int]:
        """Return the items of the output that are not zero."""
        return frozenset(o for o, _ in self.pairs)

    def weights(self, channels: int, summed: float = 1.0) -> Mapping[str, Space]:
        """Return the Space W [pairs, channels, channels]; nothing where there is no pair.

        They are drawn for sums over channels and pairs of `summed` terms each.
        """
        pairs = self.pairs
        if not pairs:
            return {}
        terms = channels * summed * len(pairs) / len(self.reached)
        return {self.name: matrix((len(pairs), channels, channels), terms)}

    def numbers(self, channels: int) -> int:
        """Return how many weights there are."""
        return len(self.pairs) * channels**2

    def flops(self, channels: int) -> int:
        """Return the operations of one row: two for each weight and component."""
        return 2 * channels**2 * sum(self.out.items[o][1].dim for o, _ in self.pairs)

    def oracle(self, x: Array, weights: Mapping[str, Array]) -> Array:
        """Return z [n, channels, dim] of x [n, channels, dim] in float64, pair by pair."""
        z = np.zeros((*x.shape[:2], self.out.dim))
        places, parts = self.out.slices(), self.inside.slices()
        for (o, i), w in zip(self.pairs, weights.get(self.name, ()), strict=True):
            z[..., places[o]] += np.einsum("num,uw->nwm", x[..., parts[i]], w)
        return z


class Mixed:
    """A mixing in any framework: one matrix product for each irrep."""

    def __init__(self, mixing: Mixing, b: Backend) -> None:
        """Group the items by irrep."""
        self.name, self.b, parts = mixing.name, b, mixing.inside.slices()
        self.dims = [ir.dim for _, ir in mixing.out]
        self.groups: list[tuple[list[slice], list[slice]]] = []
        self.place: dict[int, tuple[int, int]] = {}
        for item in dict.fromkeys(mixing.out.items[o] for o, _ in mixing.pairs):
            ins = [part for part, other in zip(parts, mixing.inside, strict=True) if other == item]
            outs = [o for o, other in enumerate(mixing.out) if other == item]
            first = mixing.inside.items.index(item)  # pairs of an output item follow each other
            rows = [mixing.pairs.index((o, first)) for o in outs]
            self.place |= {o: (len(self.groups), n) for n, o in enumerate(outs)}
            self.groups.append((ins, [slice(row, row + len(ins)) for row in rows]))

    def __call__(self, x: Any, weights: Mapping[str, Any]) -> Any:
        """Return z [n, dim, channels] of x [n, dim, channels]."""
        channels, found = x.shape[2], []
        for ins, outs in self.groups:
            whole = self._joined([x[:, part] for part in ins], 2)
            w = [weights[self.name][rows].reshape(-1, channels) for rows in outs]
            found.append(whole @ self._joined(w, 1))
        pieces = []
        for o, dim in enumerate(self.dims):
            if o in self.place:
                group, n = self.place[o]
                pieces.append(found[group][:, :, n * channels : (n + 1) * channels])
            else:
                pieces.append(self.b.broadcast(x[:, :1] * 0, (x.shape[0], dim, channels)))
        return self._joined(pieces, 1)

    def _joined(self, arrays: list[Any], axis: int) -> Any:
        return arrays[0] if len(arrays) == 1 else self.b.concatenate(arrays, axis)
