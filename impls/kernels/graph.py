r"""The kernel of convolutions on a graph: products with what edges carry, summed by receiver.

    z[n, u, k] = sum over e: dst[e] = n of w[e, p(k), u] sum of c x[src[e], u, i] s[e, j]

with x [nodes, channels, dim], s [edges, dim], weights [edges, paths, channels] and indices src, dst
[edges]. It is linear in x, s and w: a form in four slots, or three without weights. Gradients of
any order are the form at other arguments, each a pass over the edges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from impls.kernels.derivative import Derivative, Term
from impls.kernels.form import ZERO, Block
from impls.kernels.kernel import MOST, Entries, Shape, Table

SOURCES = ("lanes.c", "graph.c")


@dataclass(frozen=True, eq=False)
class Convolution:
    """Couplings of x, s and z [i, j, k] for each path, and whether paths have weights.

    `dims` are those of x, s and z; paths share no component k.
    """

    dims: tuple[int, int, int]
    paths: tuple[Block, ...]
    weighted: bool = True

    @cached_property
    def digest(self) -> str:
        """Return 16 hex digits: equal convolutions have equal ones."""
        parts = [repr((self.dims, self.weighted)).encode()]
        for i, j, k, tensor in self.paths:
            parts += [repr((i, j, k, tensor.shape)).encode(), tensor.tobytes()]
        return hashlib.blake2b(b"".join(parts), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Edges:
    """The derivatives of a convolution."""

    form: Convolution
    sources: ClassVar[tuple[str, ...]] = SOURCES
    flags: ClassVar[tuple[str, ...]] = ("-DPARTS=1",)
    symbol: ClassVar[str] = "convolve"
    indices: ClassVar[int] = 2

    @property
    def digest(self) -> str:
        """Return that of the convolution."""
        return self.form.digest

    @property
    def slots(self) -> int:
        """Return 4: x, s, w and g; 3 without weights."""
        return 4 if self.form.weighted else 3

    @cached_property
    def entries(self) -> Entries:
        """Return the coefficients: the component of w is the number of the path."""
        found, values = [], []
        for p, (i, j, k, tensor) in enumerate(self.form.paths):
            where = np.nonzero(np.abs(tensor) > ZERO * np.abs(tensor).max())
            path = [np.full(len(where[0]), p)] if self.form.weighted else []
            found.append(np.stack([where[0] + i, where[1] + j, *path, where[2] + k], axis=1))
            values.append(tensor[where])
        dim_x, dim_s, dim_z = self.form.dims
        sizes = (dim_x, dim_s, *([len(self.form.paths)] if self.form.weighted else []), dim_z)
        return Entries(sizes, np.concatenate(found), np.concatenate(values))

    def table(self, derivative: Derivative) -> Table:
        """Return what `graph.c` reads: paths, entries of M, and passes."""
        paths, counts, terms = list[int](), list[int](), list[int]()
        numbers = list[float]()
        for i, j, k, tensor in self.form.paths:
            ni, _, nk = tensor.shape
            paths += [i, ni, k, nk, len(counts)]
            kept = np.abs(tensor) > ZERO * np.abs(tensor).max()
            for column in range(nk):
                for row in range(ni):
                    (where,) = np.nonzero(kept[row, :, column])
                    counts.append(len(where))
                    terms += (j + where).tolist()
                    numbers += tensor[row, where, column].tolist()
        passes = self._passes(derivative)
        head = [*self.form.dims, len(self.form.paths), len(counts), len(passes)]
        words = [
            *head,
            len(derivative.given),
            *paths,
            *counts,
            *terms,
            *(word for each in passes for word in each),
        ]
        return Table(np.array(words, np.int32), np.array(numbers))

    def _passes(self, derivative: Derivative) -> list[list[int]]:
        """Return the passes over the edges: those that receive, then those that send."""
        inputs = {a: place for place, a in enumerate(derivative.given)}
        behind = len(derivative.given) + self.indices
        outputs = {a: behind + place for place, a in enumerate(derivative.wanted)}
        passes, written = [], set[int]()
        for wanted in ((3,), (0, 1, 2)):
            for term in derivative.terms:
                x, s, w, g = arguments = self._padded(term)
                targets = [
                    outputs.get(a, -1) if slot in wanted else -1 for slot, a in enumerate(arguments)
                ]
                ends = [targets[3], *targets[:3]]
                if max(ends) >= 0:
                    given = [inputs.get(a, -1) for a in (x, s, w, g)]
                    passes.append([*given, *ends, *(int(end in written) for end in ends)])
                    written.update(end for end in ends if end >= 0)
        return passes

    def _padded(self, term: Term) -> Term:
        """Return the arguments for x, s, w and g; -1 where there are no weights."""
        return term if self.form.weighted else (*term[:2], -1, term[2])

    def shapes(self, derivative: Derivative, given: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shapes of the outputs; x is the first that is given, s the second."""
        nodes, channels, _ = given[0]
        dim_x, dim_s, dim_z = self.form.dims
        node, edge = (nodes, channels), (given[1][0],)
        shapes = [(*node, dim_x), (*edge, dim_s), (*edge, len(self.form.paths), channels)]
        every = [*shapes[: self.slots - 1], (*node, dim_z)]
        return tuple(every[slot] for slot in derivative.output_slots)

    def counts(self, derivative: Derivative, arguments: Sequence[Shape]) -> tuple[int, ...]:
        """Return the numbers of nodes, edges and channels.

        Raises:
            ValueError: when the arrays do not fit together, or nodes or edges are more than MOST.
        """
        known = Derivative(derivative.slots, (), derivative.given, ())
        nodes, edges, channels = arguments[0][0], arguments[1][0], arguments[0][1]
        expected = (*self.shapes(known, arguments), *[(edges,)] * self.indices)
        for shape, right in zip(arguments, expected, strict=True):
            if tuple(shape) != right:
                raise ValueError(f"a convolution got an array {tuple(shape)}, not {right}")
        if max(nodes, edges) > MOST:
            raise ValueError(
                f"a convolution takes up to {MOST} nodes and edges, not {nodes}, {edges}"
            )
        return nodes, edges, channels
