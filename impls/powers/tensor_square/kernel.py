r"""Tensor square by the kernel of trilinear forms: each pair of channels once, then the weights.

For the pairs u <= v the kernel couples x_u and x_v by all paths, for two different irreps in both
orders; one matrix product for each irrep of the output mixes paths and pairs, with zeros where no
weight stands [@geiger2022]. O(L^5) for each pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import channels_of, irreps_of
from impls.implementation import Built, Target, Tensors
from impls.kernels import support
from impls.powers.tensor_square.operation import Pairs, Square, reached, squares_of
from impls.problem import Problem, Refusal
from impls.products import forms


def both_orders(
    squares: Sequence[Square], pairs: Pairs, none: int
) -> tuple[list[forms.Coupling], list[int]]:
    """Return the couplings into one irrep for pairs u <= v, and the row of the weights of each.

    A path of two different irreps comes twice, for (u, v) and for (v, u); `none` is a row of zeros.
    """
    couplings, rows = list[forms.Coupling](), list[int]()
    for square in squares:
        path, place = square.path, {pair: n for n, pair in enumerate(square.pairs)}
        couplings.append((path.in1.start, path.in2.start, path.tensor))
        rows += [square.rows.start + place[p] if p in place else none for p in pairs]
        if path.i1 != path.i2:
            couplings.append((path.in2.start, path.in1.start, path.tensor.swapaxes(0, 1)))
            rows += [none if u == v else square.rows.start + place[v, u] for u, v in pairs]
    return couplings, rows


def build(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    inside, channels = irreps_of(problem)[0], channels_of(problem)[0]
    squares = squares_of(problem)
    none = squares[-1].rows.stop
    pairs = tuple(combinations_with_replacement(range(channels), 2))
    runs = [[s for s in squares if s.path.ir3 == ir] for _, ir in reached(problem)]
    found = [both_orders(run, pairs, none) for run in runs]
    couple = b.trilinear(forms.of_runs((inside.dim, inside.dim), [run for run, _ in found]))
    rows, dims = [b.index(np.array(r)) for _, r in found], [run[0].path.ir3.dim for run in runs]
    left, right = (b.index(np.array(side)) for side in zip(*pairs, strict=True))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, w = inputs["x"], weights["w"]
        axis = len(w.shape) - 2
        w = b.concatenate([w, 0 * w[..., :1, :]], axis)
        mine = [b.take(w, row, axis) for row in rows]
        coupled = couple(b.take(x, left, 1), b.take(x, right, 1))
        return {"z": forms.mixed(coupled, dims, mine, b)}

    kernel = "native for each pair of channels, then one matrix product per irrep"
    return Built(call, kernel=kernel, runs=support.RUNS)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that take seconds to make."""
    inside, _ = irreps_of(problem)
    return forms.fits(inside, inside)


ALGORITHM = Algorithm(
    "tensor_square",
    "kernel",
    "each pair of channels once, one kernel",
    build,
    supports=supports,
    refuses=support.refuses,
    papers=("geiger2022",),
)
