r"""Gaunt convolution in the frame of each edge, where the function of the edge has m = 0 alone.

With the edge on the polar axis Y_lm(v) is sqrt(2l+1) for m = 0 and zero else, so that orders do not
mix [@luo2024] [@passaro2023]:

    z'[l3, m] = sum over l1 of x'[l1, m] sum over l2 of sqrt(2 l2 + 1) G(l1, l2, l3)[m, 0, m] w[l2]

the same for +m and -m, because l1 + l2 + l3 is even. O(L^4) for each edge and channel; D costs
O(L^4) for each edge, whatever the number of channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, has_vectors, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.points import harmonics
from impls.points.escn.in_frame import Rows, in_frame
from impls.points.gaunt_convolution.operation import of_one_edge
from impls.problem import Problem, Refusal
from impls.products.gaunt.operation import paths_of
from impls.so3.wigner import gaunt


def along(problem: Problem, m: int, inside: Rows, out: Rows) -> np.ndarray:
    """Return what multiplies w [outputs, inputs, degrees of the harmonics] at order m."""
    mine, theirs = inside.having(m), out.having(m)
    table = np.zeros((len(theirs), len(mine), len(irreps_of(problem)[1])))
    for (i1, i2, i3), (ir1, ir2, ir3) in paths_of(of_one_edge(problem)).items():
        if i1 in mine and i3 in theirs:
            tensor = gaunt(ir1.l, ir2.l, ir3.l)
            value = np.sqrt(ir2.dim) * tensor[ir1.l + m, ir2.l, ir3.l + m]
            table[theirs.index(i3), mine.index(i1), i2] = value
    return table


def frame(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    node, _, result = irreps_of(problem)
    top, channels = min(node.lmax, result.lmax), channels_of(problem)
    inside, out = Rows(node, top), Rows(result, top)
    orders, written = [], []
    for m in range(top + 1):
        signs = (m, -m) if m else (0,)
        table = along(problem, m, inside, out)
        rows = b.index(np.concatenate([inside.at(sign) for sign in signs]))
        shape = len(signs), *table.shape[:2]
        orders.append((rows, b.table(table.reshape(-1, table.shape[2])), shape))
        written += [out.at(sign) for sign in signs]
    order = b.index(np.argsort(np.concatenate(written)))

    def f(rows: Any, weights: Tensors) -> Any:
        edges, found = rows.shape[0], []
        for index, table, (signs, outputs, inputs) in orders:
            x = b.take(rows, index, 1).reshape(edges, signs, 1, inputs, channels)
            factor = (table @ weights["w"]).reshape(edges, 1, outputs, inputs, channels)
            found.append((x * factor).sum(3).reshape(edges, signs * outputs, channels))
        return b.take(b.concatenate(found, 1), order, 1)

    return Built(in_frame(inside, out, f, b), kernel=f"{top + 1} orders apart; D in the call")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse directions in bfloat16, and harmonics without the vectors that a frame needs."""
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: a frame needs their vectors", "ask with given=vectors"
        )
    return harmonics.supports(problem, target)


ALGORITHM = Algorithm(
    "gaunt_convolution",
    "frame",
    "in the edge frame, each order apart",
    frame,
    supports=supports,
    papers=("luo2024", "passaro2023"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
