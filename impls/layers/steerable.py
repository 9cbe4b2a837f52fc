r"""Steerable linear maps: products of a feature with an attribute, whose weights mix channels.

    z_o[w] = sum over paths (i, j) -> o, and u, of W[(o, path), u, w] CG_path(h_i[u], a_j)
           + sum over j with irrep(j) = irrep(o) of D[(o, j), w] s a_j
           + b_o[w]    where o is invariant

for a feature h with channels u, an attribute a of one channel, and, where the map has one, an
invariant s of one channel beside h. CG_path is "component" normalised. At a fixed attribute it is a
linear map of h, and the attribute steers it: with a trivial one, 1, it is a linear map with a bias
[@brandstetter2022]. Pairs are ordered by o, then by path or j.

Cost: O(L^5 C) for the products and O(L^4 C^2) for their channels, for each row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.families.feature import invariant
from impls.implementation import Tensors
from impls.layers.radial import matrix
from impls.points.convolution.contraction import coupling_matrix
from impls.products.paths import Path, coupled_paths
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Steerable:
    """The irreps of h, a and z, one copy an item, and the channels (of h, of z).

    Weights are named `name`_W, `name`_D where it `scales`, and `name`_b where z has invariants.
    `scales` is the size of s, 0 where the map has none.
    """

    name: str
    inside: Irreps
    attribute: Irreps
    out: Irreps
    channels: tuple[int, int]
    scales: float = 0.0

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the paths of the product in canonical order."""
        return coupled_paths(self.inside, self.attribute, self.out)

    @property
    def pairs(self) -> Pairs:
        """Return the pairs (item of z, path) of one irrep."""
        every = product(range(len(self.out)), enumerate(self.paths))
        return tuple((o, k) for o, (k, path) in every if path.ir3 == self.out.items[o][1])

    @property
    def straight(self) -> Pairs:
        """Return the pairs (item of z, item of a) of one irrep."""
        every = product(range(len(self.out)), range(len(self.attribute)))
        return tuple((o, j) for o, j in every if self.out.items[o] == self.attribute.items[j])

    @property
    def biased(self) -> tuple[int, ...]:
        """Return the items of z that are invariant."""
        return tuple(o for o, (_, ir) in enumerate(self.out) if invariant(ir))

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the items of z that no path reaches."""
        reached = {o for o, _ in self.pairs}
        return tuple(o for o in range(len(self.out)) if o not in reached)

    def weights(self, summed: float = 1.0) -> Mapping[str, Space]:
        """Return the Spaces of W [pairs, u, w], D [straight, w] and b [biased, w].

        W is drawn for sums over channels and paths of `summed` terms each.
        """
        before, after = self.channels
        reached = len(self.out) - len(self.missing)
        terms = before * summed * len(self.pairs) / reached
        found = {f"{self.name}_W": matrix((len(self.pairs), before, after), terms)}
        if self.scales and self.straight:
            shape = len(self.straight), after
            found[f"{self.name}_D"] = matrix(shape, self.scales**2)
        if self.biased:
            found[f"{self.name}_b"] = Space((len(self.biased), after))
        return found

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        before, after = self.channels
        straight = len(self.straight) * bool(self.scales)
        return len(self.pairs) * before * after + (straight + len(self.biased)) * after

    @property
    def flops(self) -> float:
        """Return the operations of one row: C a once for all channels, times h, then W and D."""
        (before, after), paths = self.channels, self.paths
        nonzero = sum(int(np.count_nonzero(path.nonzero)) for path in paths)
        products = sum(int(np.count_nonzero(path.nonzero.any(axis=1))) for path in paths)
        mixed = sum(self.out.items[o][1].dim for o, _ in self.pairs)
        straight = sum(self.out.items[o][1].dim for o, _ in self.straight) * bool(self.scales)
        sums = 2 * before * (products + mixed * after) + (2 * straight + len(self.biased)) * after
        return float(2 * nonzero + sums)


def oracle(spec: Steerable, h: Array, a: Array, weights: Arrays, s: Array | None = None) -> Array:
    """Return z [n, w, dim] of h [n, u, dim], a [n, dim] and s [n] in float64, pair by pair."""
    z = np.zeros((len(h), spec.channels[1], spec.out.dim))
    places, parts, paths = spec.out.slices(), spec.attribute.slices(), spec.paths
    for (o, k), w in zip(spec.pairs, weights[f"{spec.name}_W"], strict=True):
        path = paths[k]
        mixed = np.einsum("nui,uw->nwi", h[..., path.in1], w)
        z[..., places[o]] += np.einsum("ijk,nwi,nj->nwk", path.tensor, mixed, a[:, path.in2])
    if s is not None:
        for (o, j), w in zip(spec.straight, weights.get(f"{spec.name}_D", ()), strict=True):
            z[..., places[o]] += np.einsum("n,w,ni->nwi", s, w, a[:, parts[j]])
    for o, w in zip(spec.biased, weights.get(f"{spec.name}_b", ()), strict=True):
        z[..., places[o]] += w[:, None]
    return z


@dataclass(frozen=True)
class _Group:
    """One irrep of z: the rows of its paths, and for each of its items those of W, D and b."""

    dim: int
    paths: int
    rows: slice
    outs: tuple[int, ...]
    weights: tuple[slice, ...]
    attribute: slice | None
    straight: tuple[int, ...]
    biased: tuple[int, ...]


def _groups(spec: Steerable) -> list[_Group]:
    found = []
    for item in dict.fromkeys(spec.out.items):
        mine = [k for k, path in enumerate(spec.paths) if path.ir3 == item[1]]
        outs = tuple(o for o, other in enumerate(spec.out.items) if other == item)
        first = [spec.pairs.index((o, mine[0])) for o in outs]  # the others follow
        same = [j for j, other in enumerate(spec.attribute.items) if other == item]
        found.append(
            _Group(
                dim=item[1].dim,
                paths=len(mine),
                rows=slice(spec.paths[mine[0]].out.start, spec.paths[mine[-1]].out.stop),
                outs=outs,
                weights=tuple(slice(row, row + len(mine)) for row in first),
                attribute=spec.attribute.slices()[same[0]] if spec.scales and same else None,
                straight=tuple(spec.straight.index((o, j)) for o in outs for j in same),
                biased=tuple(spec.biased.index(o) for o in outs if o in spec.biased),
            )
        )
    return found


class SteerableMap:
    """A steerable map in any framework; every item of z is reached by some path."""

    def __init__(self, spec: Steerable, b: Backend) -> None:
        """Make the coupling matrices, and find the paths into each irrep."""
        host, self.blocks, order = coupling_matrix(spec.paths, spec.attribute.dim)
        self.name, self.channels, self.b = spec.name, spec.channels, b
        self.couplings, self.order, self.groups = b.table(host), b.index(order), _groups(spec)
        self.place = {
            o: (n, slice(m * spec.channels[1], (m + 1) * spec.channels[1]))
            for n, group in enumerate(self.groups)
            for m, o in enumerate(group.outs)
        }

    def __call__(self, h: Any, a: Any, weights: Tensors, s: Any = None) -> Any:
        """Return z [n, dim, w] of h [n, dim, u], a [n, dim] and s [n, 1]."""
        products, w = self._products(h, a), weights[f"{self.name}_W"]
        mixed = [self._mixed(products[:, group.rows], group, w) for group in self.groups]
        return self.finished(mixed, a, weights, s)

    def finished(self, mixed: list[Any], a: Any, weights: Tensors, s: Any) -> Any:
        """Return z of the products of each irrep, mixed [n, dim, items w]: with s, and biases."""
        found = []
        for z, group in zip(mixed, self.groups, strict=True):
            if group.attribute is not None and s is not None:
                w = self._row(weights[f"{self.name}_D"], group.straight)
                z = z + (s * a[:, group.attribute])[:, :, None] * w
            if group.biased:
                z = z + self._row(weights[f"{self.name}_b"], group.biased)
            found.append(z)
        parts = [found[n][:, :, columns] for _, (n, columns) in sorted(self.place.items())]
        return self._joined(parts, 1)

    def _products(self, h: Any, a: Any) -> Any:
        """Return the products [n, dim of all paths, u] in canonical order."""
        b, rows, matrices, parts = self.b, h.shape[0], a @ self.couplings, []
        for block in self.blocks:
            matrix = matrices[:, block.columns].reshape(rows, block.rows, block.dim)
            parts.append(b.bmm(matrix, b.contiguous(h[:, block.item])))
        return b.take(self._joined(parts, 1), self.order, 1)

    def _mixed(self, part: Any, group: _Group, w: Any) -> Any:
        """Return [n, dim, items w] of the products of an irrep's paths [n, paths dim, u]."""
        before, after = self.channels
        rows, wide = part.shape[0], group.paths * before
        part = part.reshape(rows, group.paths, group.dim, before).swapaxes(1, 2)
        whole = self._joined([w[each].reshape(wide, after) for each in group.weights], 1)
        return part.reshape(rows, group.dim, wide) @ whole

    def _row(self, w: Any, entries: tuple[int, ...]) -> Any:
        """Return [1, items w]: rows of weights [.., w] beside each other."""
        return self._joined([w[n : n + 1] for n in entries], 1)

    def _joined(self, arrays: list[Any], axis: int) -> Any:
        return arrays[0] if len(arrays) == 1 else self.b.concatenate(arrays, axis)


class EndsMap(SteerableMap):
    """A steerable map of both ends of an edge, h = (x_dst, x_src), whose channels mix at nodes.

    The weights are the same for all edges: a linear map of joined channels is a sum, so that each
    end is mixed once a node, for each path and item of z, and gathered. An edge takes O(L^5 C).
    """

    def __init__(self, spec: Steerable, b: Backend) -> None:
        """Make a matrix of couplings for each irrep of z, and find what its paths read."""
        super().__init__(spec, b)
        self.tables, self.reads = [], []
        for group in self.groups:
            first = [pairs.start for pairs in group.weights]
            mine = [spec.paths[spec.pairs[first[0] + k][1]] for k in range(group.paths)]
            parts = []
            for path in mine:
                part = np.zeros((spec.attribute.dim, group.dim, path.ir1.dim))
                part[path.in2] = path.tensor.transpose(1, 2, 0)
                parts.append(part)
            self.tables.append(b.table(np.concatenate(parts, 2).reshape(spec.attribute.dim, -1)))
            reads = [(path.in1, [row + k for row in first]) for k, path in enumerate(mine)]
            self.reads.append(reads)

    def of_ends(
        self, x: Any, ends: tuple[Any, Any], a: Any, weights: Tensors, s: Any = None
    ) -> Any:
        """Return z [edges, dim, w] of x [nodes, dim, u / 2], (src, dst), a and s [edges, ..]."""
        (src, dst), w, b, mixed = ends, weights[f"{self.name}_W"], self.b, []
        half, edges = self.channels[0] // 2, a.shape[0]
        for group, table, reads in zip(self.groups, self.tables, self.reads, strict=True):
            parts = []
            for part, rows in reads:
                both = [w[row][first : first + half] for first in (0, half) for row in rows]
                parts.append(x[:, part] @ self._joined(both, 1))
            width = len(group.outs) * self.channels[1]
            receives, sends = b.split(self._joined(parts, 1), (width, width), 2)
            y = b.gather(receives, dst) + b.gather(sends, src)
            mixed.append(b.bmm((a @ table).reshape(edges, group.dim, y.shape[1]), y))
        return self.finished(mixed, a, weights, s)
