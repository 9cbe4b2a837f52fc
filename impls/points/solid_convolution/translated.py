r"""Solid convolution with sums along edges of what is not coupled yet, and no recoupling.

The addition theorem is a matrix W(q) that moves the origin of solid harmonics, as fast multipole
methods use it:

    R_l2(p + q) = sum_v W_l2,v(q) R_v(p),
    W_l2,v(q) = sqrt(binomial(2 l2, 2u)) [. x R_u(q)]_l2,   u = l2 - v.

Each node makes the outer product x R_v(r); edges sum a x R_v by `dst`; each node moves the origin
of its sums to itself with W(-r) and couples them with x last, path by path. Nothing depends on l1
until then, which saves a factor L against `node_wise`: O(L^6) for each node and channel. Rounding
grows as it does there, and positions are counted from their mean likewise.
"""

from __future__ import annotations

from math import comb, sqrt

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.points.harmonics import Harmonics
from impls.points.solid_convolution.node_wise import supports
from impls.points.solid_convolution.operation import paths_of
from impls.problem import Problem
from impls.so3.wigner import clebsch_gordan


def translated(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    (nodes, _), (node, edge, _) = counts_of(problem), irreps_of(problem)
    solid = Harmonics(range(edge.lmax + 1), b, solid=True)
    move = b.table(translation(edge.lmax))
    paths = paths_of(problem)
    pairs = []
    for i1, i2 in sorted({(path.i1, path.i2) for path in paths}):
        mine = [path for path in paths if (path.i1, path.i2) == (i1, i2)]
        joined = np.concatenate([path.tensor for path in mine], axis=2)
        table = b.table(joined.reshape(-1, joined.shape[2]).T)
        written = np.concatenate([np.arange(path.out.start, path.out.stop) for path in mine])
        pairs.append((node.slices()[i1], _degree(edge.items[i2][1].l), table, written))
    order = b.index(np.argsort(np.concatenate([pair[-1] for pair in pairs])))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, a, r = (inputs[name] for name in ("src", "dst", "a", "r"))
        r = r - r.mean(0)
        x, here = inputs["x"].swapaxes(1, 2), solid(r)
        sent = b.gather(x[:, :, None] * here[:, None, :, None], src)
        sums = b.segment_sum(sent * a[:, None, None, :], dst, nodes)
        moved = (solid(-r) @ move).reshape(nodes, 1, here.shape[1], -1) @ sums
        found = []
        for first, second, table, _ in pairs:
            part = moved[:, first, second].reshape(nodes, table.shape[1], -1)
            found.append(table @ part)
        return {"z": b.take(b.concatenate(found, 1).swapaxes(1, 2), order)}

    return Built(call, kernel="outer products at nodes, sums along edges, origins moved")


def translation(lmax: int) -> np.ndarray:
    """Return W [(lmax+1)^2, (lmax+1)^4] with R(p + q) = (R(q) @ W).reshape(.., ..) @ R(p)."""
    size = (lmax + 1) ** 2
    table = np.zeros((size, size, size))
    for degree in range(lmax + 1):
        for v in range(degree + 1):
            u = degree - v
            block = sqrt(comb(2 * degree, 2 * u)) * clebsch_gordan(v, u, degree)
            table[_degree(u), _degree(degree), _degree(v)] = block.transpose(1, 2, 0)
    return table.reshape(size, -1)


def _degree(degree: int) -> slice:
    return slice(degree**2, (degree + 1) ** 2)


ALGORITHM = Algorithm(
    "solid_convolution",
    "translated",
    "outer products at nodes, sums along edges, origins moved",
    translated,
    supports=supports,
    growth=Growth({"lmax": 6, "channels": 1}),
)
