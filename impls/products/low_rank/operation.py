r"""Low-rank product: all Clebsch-Gordan paths at once, as few products of linear forms.

    z[k] = sum_{r <= R} A[k, r] (sum_i B[i, r] x[i]) (sum_j C[j, r] y[j])

A, B, C approximate the tensor T of all allowed paths, "component" normalised, those into one output
irrep summed (one copy of each irrep asked for): the shared path weight of [@lin2025]. The factors
are fixed; see `factors`. It approximates every path, even and odd degree sums alike, and none
exactly. (The tensor that keeps the paths apart is an isometry, of which R terms leave out at least
1 - R / (dim1 dim2) of the squared norm.)

**No symmetry is claimed.** The number of terms is the knob `rank`, R = 7 L^2 unless said otherwise.
The oracle is the map at this rank, with the same factors; what the rank costs in symmetry is
measured and shown. It returns with all terms, and not step by step: the best terms of a larger rank
are others, and can be further from symmetric. At R = 7 L^2 the terms leave out, of the norm of T,

    L                                      1      2      3      4
    so3 (all paths), outputs to L          0.02   0.04   0.06   0.06
    so3, outputs to 2L                     0.41   0.25   0.19   0.19
    o3 (even degree sums), outputs to L    0      0.003  0.02   0.03
    o3, outputs to 2L                      0.39   0.03   0.02   0.03

and from R = dim1 dim2 on nothing. There are no reduced coefficients: the map is not equivariant.

Cost: O(R (dim1 + dim2 + dim3)), which is O(L^4) at R = 7 L^2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation
from impls.problem import BYTES, Problem, Refusal
from impls.products.low_rank.factors import RANK, coupling, factors
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Contract x and y with the tensor that the factors stand for."""
    tensor = np.einsum("ir,jr,kr->ijk", *factors(problem), optimize=True)
    return {"z": np.einsum("ijk,bci,bcj->bck", tensor, inputs["x"], inputs["y"], optimize=True)}


def _supports(problem: Problem) -> Refusal | None:
    first, second, out = irreps_of(problem)
    rank = RANK.of(problem)
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        return Refusal(f"knob rank={rank!r} is not a positive integer")
    if np.any(coupling(problem)):
        return None
    return Refusal(
        f"empty: no path of {first} x {second} ends in {out}", "ask for |l1-l2| <= l3 <= l1+l2"
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count three matrix products with R columns, and R products."""
    samples = samples_of(problem)
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    rank = RANK.of(problem)
    return {
        "flops": samples * rank * (2.0 * numbers + 1),
        "bytes": samples * numbers * BYTES[problem.dtype],
    }


OPERATION = Operation(
    name="low_rank",
    title="Low-rank product",
    family="product",
    summary="all Clebsch-Gordan paths, approximated by R products of linear forms",
    papers=("lin2025", "kolda2009"),
    knobs=(RANK,),
    claims=(),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    users=("lin2025",),
    growth=Growth({"lmax": 4, "channels": 1}),
)
