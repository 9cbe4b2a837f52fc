r"""All linear maps between features of nodes and of pairs of nodes that permutations leave alone.

A feature of order 2 is x [n, n, C], of order 1 h [n, C], of order 0 g [C]. Such a map reads an
entry or a mean over nodes, mixes channels, and writes what it has to the output [@maron2019]:

    s   read of x                         read of h     written to z [n, n]      to y [n]   to g
    2   v_ij = x_ij                                     z_ij = v_ij, z_ji = v_ij
    1   v_i = mean_j x_ij, mean_j x_ji,   v_i = h_i     z_ij = v_i, z_ji = v_i,  y_i = v_i
              x_ii                                      z_ii = v_i
    0   v = mean_ij x_ij, mean_i x_ii     v = mean h_i  z_ij = v, z_ii = v       y_i = v    g = v

With all that is read at an order s beside each other, [n, .., R_s C], and so all that is written,
the weights are W_s [R_s C, S_s E]. Of x to z these are 1 x 2 + 3 x 3 + 2 x 2 = 15 maps for each two
channels, of x to y or h to z five, of h to y two: as many as there are partitions of the indices
that a map has, by which of them are equal, if n is not less than their number. A bias is what is
written of a constant at order 0.

Means are over all n nodes, or over those that have a `share`: of a part of the nodes with padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.implementation import Tensors
from impls.layers.radial import matrix
from impls.spaces import Array, Arrays, Space

Features = Mapping[int, Any]
"""Features by order: [samples, n, .., channels]."""
Place = tuple[int, str]
"""An order, and the indices of what is read or written there; s of them name v, i and then j."""

READ: Mapping[int, Mapping[int, tuple[str, ...]]] = {
    2: {2: ("ij",), 1: ("ik", "ki", "ii"), 0: ("kl", "kk")},
    1: {1: ("i",), 0: ("k",)},
}
"""What is read, by the order of the feature and s: k and l are averaged over."""
WRITTEN: Mapping[int, Mapping[int, tuple[str, ...]]] = {
    2: {2: ("ij", "ji"), 1: ("ij", "ji", "ii"), 0: ("ij", "ii")},
    1: {1: ("i",), 0: ("i",)},
    0: {0: ("",)},
}
"""Where it is written, by the order of the output and s: an index that v lacks is any node."""


@dataclass(frozen=True)
class NodeMaps:
    """Maps from features of the orders `inside` to those of the orders `out`, all into all."""

    inside: tuple[int, ...]
    out: tuple[int, ...]
    channels: int
    bias: bool = False

    @property
    def steps(self) -> tuple[int, ...]:
        """Return the orders s at which something is read, mixed and written."""
        return tuple(range(min(max(self.inside), max(self.out)), -1, -1))

    def reads(self, s: int) -> tuple[Place, ...]:
        """Return what is read at an order."""
        return tuple((p, letters) for p in self.inside for letters in READ[p].get(s, ()))

    def writes(self, s: int) -> tuple[Place, ...]:
        """Return where it is written."""
        return tuple((q, letters) for q in self.out for letters in WRITTEN[q].get(s, ()))

    @property
    def count(self) -> int:
        """Return how many maps there are for each two channels."""
        return sum(len(self.reads(s)) * len(self.writes(s)) for s in self.steps)

    def weights(self) -> Mapping[str, Space]:
        """Return the Spaces W_s [reads channels, writes channels] and bias [writes at 0, channels].

        They are drawn for outputs of order one, of entries of order one.
        """
        c, terms = self.channels, self.channels * sum(len(self.reads(s)) for s in self.steps)
        found = {
            f"W{s}": matrix((len(self.reads(s)) * c, len(self.writes(s)) * c), terms)
            for s in self.steps
        }
        return found | ({"bias": Space((len(self.writes(0)), c))} if self.bias else {})

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        return self.count * self.channels**2 + self.bias * len(self.writes(0)) * self.channels

    def flops(self, nodes: int) -> int:
        """Return the operations of one sample: what is averaged, mixed and added where written."""
        c = self.channels
        averaged = sum(
            nodes ** len(set(letters)) for s in self.steps for _, letters in self.reads(s)
            if set(letters) & {"k", "l"}
        )  # fmt: skip
        mixed = sum(
            2 * nodes**s * len(self.reads(s)) * len(self.writes(s)) * c**2 for s in self.steps
        )
        added = sum(nodes ** len(set(letters)) for s in self.steps for _, letters in self.writes(s))
        return mixed + (averaged + added) * c


def oracle(maps: NodeMaps, features: Features, share: Array, weights: Arrays) -> dict[int, Array]:
    """Return the outputs by order, in float64, of features and shares [samples, n] of the nodes.

    Sums are those of the table, index by index; entries beside the part are not zero.
    """
    found: dict[int, Array] = {}
    for s in maps.steps:
        read = [_read(features[p], letters, share) for p, letters in maps.reads(s)]
        mixed = np.concatenate(read, axis=-1) @ weights[f"W{s}"]
        if s == 0 and maps.bias:
            mixed = mixed + weights["bias"].ravel()
        places = maps.writes(s)
        for (q, letters), v in zip(places, np.split(mixed, len(places), axis=-1), strict=True):
            written = _written(v, letters, "ij"[:s], share.shape[1])
            found[q] = found[q] + written if q in found else written
    return found


def _read(feature: Array, letters: str, share: Array) -> Array:
    """Return v [samples, n, .., C]."""
    averaged = [letter for letter in "kl" if letter in letters]
    kept = "".join(letter for letter in "ij" if letter in letters)
    terms = ",".join([f"b{letters}c", *(f"b{letter}" for letter in averaged)])
    return np.einsum(f"{terms}->b{kept}c", feature, *(share for _ in averaged))


def _written(v: Array, letters: str, source: str, nodes: int) -> Array:
    """Return what is added to an output [samples, n, .., E] of v, whose indices are `source`."""
    diagonal = letters == "ii"
    terms, operands = [f"b{source}e"], [v]
    if diagonal:
        terms, operands, letters = [*terms, "ij"], [*operands, np.eye(nodes)], "ij"
    for letter in sorted(set(letters) - set("".join(terms))):
        terms, operands = [*terms, letter], [*operands, np.ones(nodes)]
    return np.einsum(f"{','.join(terms)}->b{letters}e", *operands)


class _Reader:
    """What is read of features, each once, in any framework."""

    def __init__(self, nodes: int, b: Backend) -> None:
        self.nodes, self.b = nodes, b
        self.places = b.index(np.arange(nodes) * (nodes + 1))

    def __call__(self, maps: NodeMaps, features: Features, share: Any) -> dict[Place, Any]:
        """Return v [samples, n, .., C] by what is read."""
        found: dict[Place, Any] = {}

        def read(p: int, letters: str) -> Any:
            if (p, letters) not in found:
                found[p, letters] = self._read(features[p], letters, share, partial(read, p))
            return found[p, letters]

        return {place: read(*place) for s in maps.steps for place in maps.reads(s)}

    def _read(self, a: Any, letters: str, share: Any, read: Callable[[str], Any]) -> Any:
        if letters in ("kl", "kk"):
            return self.mean(read("ik" if letters == "kl" else "ii"), 1, share)
        if letters == "ii":
            flat = a.reshape(a.shape[0], self.nodes**2, a.shape[3])
            return self.b.take(flat, self.places, 1)
        return self.mean(a, 1 + letters.index("k"), share) if "k" in letters else a

    def mean(self, a: Any, axis: int, share: Any) -> Any:
        """Return the mean over an axis of nodes, by their shares if not over all."""
        if share is None:
            return a.mean(axis)
        shape = [share.shape[0], *(1 for _ in a.shape[1:])]
        shape[axis] = self.nodes
        return (a * share.reshape(shape)).sum(axis)


class Reduced:
    """The maps in any framework: one matrix product for each s, of all that is read there."""

    def __init__(self, maps: NodeMaps, nodes: int, b: Backend) -> None:
        """Take the number of nodes of a sample."""
        self.maps, self.b, self.read = maps, b, _Reader(nodes, b)
        self.nodes, self.eye = nodes, b.table(np.eye(nodes)[:, :, None])

    def __call__(self, features: Features, weights: Tensors, share: Any = None) -> dict[int, Any]:
        """Return the outputs by order; `share` [samples, n] are the weights of means."""
        read, c = self.read(self.maps, features, share), self.maps.channels
        vectors: dict[Place, Any] = {}
        found: dict[int, Any] = {}
        for s in self.maps.steps:
            mixed = self._joined([read[place] for place in self.maps.reads(s)]) @ weights[f"W{s}"]
            if s == 0 and self.maps.bias:
                mixed = mixed + weights["bias"].reshape(-1)
            places = self.maps.writes(s)
            parts = self.b.split(mixed, [c] * len(places), s + 1)
            for (q, letters), v in zip(places, parts, strict=True):
                if s == 2:
                    v = v if letters == "ij" else v.swapaxes(1, 2)
                    found[q] = found[q] + v if q in found else v
                elif q == 0:
                    found[q] = v
                else:  # of one node, or the same for all
                    v = v if s else v[:, None]
                    vectors[q, letters] = vectors[q, letters] + v if (q, letters) in vectors else v
        for (q, letters), v in vectors.items():
            v = self._spread(v, letters)
            found[q] = found[q] + v if q in found else v
        return found

    def _spread(self, v: Any, letters: str) -> Any:
        """Return what v [samples, n or 1, E] is at the places of an output, to be added to it."""
        if letters == "i":
            return v
        if letters == "ii":
            return self.eye * v[:, :, None]
        return v[:, :, None] if letters == "ij" else v[:, None]

    def _joined(self, arrays: list[Any]) -> Any:
        return arrays[0] if len(arrays) == 1 else self.b.concatenate(arrays, -1)


class Stacked:
    """The same without a bias, as was published: each map an array of its own, then one product."""

    def __init__(self, maps: NodeMaps, nodes: int, b: Backend) -> None:
        """Take the number of nodes of a sample."""
        self.maps, self.b, self.read = maps, b, _Reader(nodes, b)
        self.nodes, self.eye = nodes, b.table(np.eye(nodes)[:, :, None])

    def __call__(self, features: Features, weights: Tensors) -> dict[int, Any]:
        """Return the outputs by order."""
        read, maps, c = self.read(self.maps, features, None), self.maps, self.maps.channels
        arrays: dict[int, list[Any]] = {q: [] for q in maps.out}
        mixing: dict[int, list[Any]] = {q: [] for q in maps.out}
        for s in maps.steps:
            places = maps.writes(s)
            for r, place in enumerate(maps.reads(s)):
                rows = self.b.split(weights[f"W{s}"][r * c : (r + 1) * c], [c] * len(places), 1)
                for (q, letters), w in zip(places, rows, strict=True):
                    arrays[q].append(self._spread(read[place], s, q, letters))
                    mixing[q].append(w)
        return {
            q: self.b.concatenate(arrays[q], -1) @ self.b.concatenate(mixing[q], 0)
            for q in maps.out
        }

    def _spread(self, v: Any, s: int, q: int, letters: str) -> Any:
        """Return v at the places of an output of order q, with zeros elsewhere."""
        if s == q:
            return v.swapaxes(1, 2) if letters == "ji" else v
        shape = v.shape[0], *q * (self.nodes,), v.shape[-1]
        v = v if s else v[:, None]
        if q == 2:
            v = v[:, None] if letters == "ji" else v[:, :, None]
        return self.eye * v if letters == "ii" else self.b.broadcast(v, shape)


Maps = Callable[[NodeMaps, int, Backend], Reduced | Stacked]
"""A way to compute them."""
