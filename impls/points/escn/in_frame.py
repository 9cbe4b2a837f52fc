r"""What happens in the frame of each edge: turned there, mapped, turned back and summed.

z[n] = sum over (e with dst[e] = n) of D^T f(D x[src[e]], ..), R v = |v| y. Only the rows
|m| <= top of D are used: those of all irreps in one matrix for each edge, with zeros beside the
blocks, so that one batched product turns and another turns back. D costs O(L^4) for each edge, from
the edge vectors, without angles (see `frame`). Channels are innermost while edges are worked on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.implementation import Tensors
from impls.points.escn.frame import frames
from impls.pointwise.wigner import Wigner
from impls.so3.irreps import Irreps


@dataclass(frozen=True)
class Rows:
    """Where the components |m| <= top of some irreps lie, one irrep after another."""

    irreps: Irreps
    top: int

    def orders(self, item: int) -> int:
        """Return the largest order of an irrep that is used."""
        return min(self.irreps.items[item][1].l, self.top)

    def start(self, item: int) -> int:
        """Return the first row of an irrep."""
        return sum(2 * self.orders(i) + 1 for i in range(item))

    def middle(self, item: int) -> int:
        """Return the row of the order 0 of an irrep."""
        return self.start(item) + self.orders(item)

    def having(self, m: int) -> list[int]:
        """Return the irreps that have order m."""
        return [i for i in range(len(self.irreps)) if self.orders(i) >= m]

    def at(self, m: int) -> np.ndarray:
        """Return the rows of order m, one for each irrep that has it."""
        return np.array([self.middle(i) + m for i in self.having(abs(m))])


class Rotation:
    """The rows |m| <= top of D of all irreps, as one matrix for each edge."""

    def __init__(self, rows: Rows, b: Backend) -> None:
        """Make the zeros beside the blocks."""
        self.rows, self.b = rows, b
        self.zeros = b.table(np.zeros((1, 1, rows.irreps.dim)))

    def __call__(self, matrices: Sequence[Any], edges: int) -> Any:
        """Return [edges, rows, components] of the matrices of each degree."""
        found = []
        for item, place in enumerate(self.rows.irreps.slices()):
            degree, reach = self.rows.irreps.items[item][1].l, self.rows.orders(item)
            size, width = 2 * reach + 1, self.zeros.shape[2]
            block = matrices[degree][:, degree - reach : degree + reach + 1]
            block = self.b.broadcast(block, (edges, size, 2 * degree + 1))
            zeros = self.b.broadcast(self.zeros, (edges, size, width))
            line = [zeros[..., : place.start], block, zeros[..., place.stop :]]
            found.append(self.b.concatenate(line, 2))
        return self.b.concatenate(found, 1)


def in_frame(
    inside: Rows,
    out: Rows,
    f: Callable[..., Any],
    b: Backend,
    ends: tuple[str, ...] = ("src",),
) -> Callable[[Tensors, Tensors], Tensors]:
    """Return the call of a map f(*rows, weights) that is applied in the frames of edges.

    `rows` are those of x [edges, rows, channels] at each of the `ends`, by name of the input; f
    returns those of the output.
    """
    wigner = Wigner(max(inside.irreps.lmax, out.irreps.lmax), b)
    turn_in, turn_out = Rotation(inside, b), Rotation(out, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        found = [b.gather(inputs["x"], inputs[end]).swapaxes(1, 2) for end in ends]
        nodes, edges = inputs["x"].shape[0], found[0].shape[0]
        matrices = wigner(frames(inputs["v"], b))
        forth = turn_in(matrices, edges)
        back = forth if inside.irreps == out.irreps else turn_out(matrices, edges)
        result = f(*(forth @ x for x in found), weights)
        z = b.segment_sum(back.swapaxes(1, 2) @ result, inputs["dst"], nodes)
        return {"z": z.swapaxes(1, 2)}

    return call
