r"""Scalars and vectors: the products of layers that stop at degree 1, each an output of its own.

With x = (s, v) and y = (t, u), channel by channel,

    z = [ s t,  v.u,  s u,  t v,  v x u (where 1e is asked for) ]

as irreps 0e + 0e + 1o + 1o + 1e, sorted by (l3, parity, l1, l2), plain products with all constants
1. s u scales vectors in [@satorras2021] [@schutt2021] [@jing2021]; v.u gives invariants in
[@schutt2021]; norms, which [@jing2021] takes, are v.v under a root. v x u completes the set but
for one: v and u to 2e, of dimension 5, which no feature of degree 1 can hold.

Selection rule: the paths (0,0,0), (1,1,0), (0,1,1), (1,0,1) and (1,1,1) of 0e+1o. Each is free, so
the dimension is 4, or 5 with v x u, of the 6 that the full product has. Cost: O(1) for each
channel: 10 multiplications, 16 with v x u.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.product import VECTORS, irreps_of, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irrep, Irreps
from impls.so3.space import irreps_space
from impls.spaces import Arrays, Space


def crosses(problem: Problem) -> bool:
    """Tell whether the cross product is asked for."""
    return Irrep(1, 1) in {ir for _, ir in irreps_of(problem)[2]}


def irreps_out(problem: Problem) -> Irreps:
    """Return the irreps of the output: one for each product."""
    return Irreps.parse("0e+0e+1o+1o" + ("+1e" if crosses(problem) else ""))


def _supports(problem: Problem) -> Refusal | None:
    first, second, out = irreps_of(problem)
    vectors = Irreps.parse(VECTORS)
    if first != vectors or second != vectors:
        return Refusal(f"{first} x {second} is not a scalar and a vector each", f"use {VECTORS}")
    asked = {ir for _, ir in out}
    if asked - {Irrep(1, 1)} != {ir for _, ir in vectors}:
        return Refusal(
            f"irreps_out={out}: scalars and vectors give {VECTORS}, with or without 1e",
            f"ask for {VECTORS} or {VECTORS}+1e",
        )
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    irreps = irreps_out(problem)
    return {"z": irreps_space(shape_of(problem, irreps), irreps)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, y = inputs["x"], inputs["y"]
    delta, antisymmetric = np.eye(3), np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        antisymmetric[i, j, k], antisymmetric[j, i, k] = 1.0, -1.0
    table = np.zeros((4, 4, irreps_out(problem).dim))
    table[0, 0, 0] = 1.0
    table[1:, 1:, 1] = delta
    table[0, 1:, 2:5] = delta
    table[1:, 0, 5:8] = delta
    if crosses(problem):
        table[1:, 1:, 8:] = antisymmetric
    return {"z": np.einsum("ijk,bci,bcj->bck", table, x, y, optimize=True)}


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    """Return the norms of the plain products as tensors: 1, sqrt 3 and sqrt 6."""
    three = float(np.sqrt(3))
    found = {(0, 0, 0): 1.0, (1, 1, 1): three, (0, 1, 2): three, (1, 0, 3): three}
    return found | ({(1, 1, 4): float(np.sqrt(6))} if crosses(problem) else {})


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count 10 multiplications and 2 additions, and for the cross product 6 and 3 more."""
    samples, dim = samples_of(problem), irreps_out(problem).dim
    flops = 21.0 if crosses(problem) else 12.0
    return {
        "flops": flops * samples,
        "bytes": float((8 + dim) * samples * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="scalar_vector",
    title="Scalar and vector products",
    family="product",
    summary="products of a scalar and a vector with another pair, each its own output",
    papers=("schutt2021", "jing2021", "satorras2021"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    users=("schutt2021", "jing2021", "satorras2021", "tholke2022"),
    growth=Growth({"lmax": 0, "channels": 1}),
)
