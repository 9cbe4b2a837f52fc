r"""Geometric bilinear: geometric product and join in G(3,0,1), between equivariant linear maps.

The layer of [@brehmer2023]. A linear map of multivectors is equivariant to E(3) exactly if it is

    Lambda(w) u = sum_{k=0..4} w_k <u>_k + sum_{k=0..3} w_{5+k} e0 <u>_k,

9 parameters, each here a matrix that mixes channels. With four such maps in and two out,

    z = Lambda(out_0) (Lambda(left_0) x  Lambda(right_0) y)
      + Lambda(out_1) (r  Lambda(left_1) x v Lambda(right_1) y),

where the first product is the geometric one and v the join (regressive product), defined on the
basis by (e_I v e_J)* = e_I* ^ e_J* with e_I ^ e_I* = e0123. The join takes two points to their line
and a point and a line to their plane, which products alone cannot, since e0^2 = 0. Alone it
changes sign under inversion; r is a pseudoscalar of reference. Couples all 16 x 16 components but
those of e0 with e0; scalars, vectors, pseudovectors and pseudoscalars under O(3), no degree 2.
Cost: 192 products of components, 81 for the join, and 24 for each pair of channels and map.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from impls.families.multivector import BLADES, GRADES, multivectors, sizes_of
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.spaces import Array, Arrays, Space

METRIC = (0.0, 1.0, 1.0, 1.0)
"""The squares of e0, e1, e2, e3."""
PARAMETERS = 9
"""Of an equivariant linear map."""


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": multivectors(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels = sizes_of(problem)[1]
    shape = (2, PARAMETERS, channels, channels)

    def draw(rng: np.random.Generator) -> Array:
        return np.asarray(rng.standard_normal(shape) / np.sqrt(channels))

    return {name: Space(shape, draw=draw) for name in ("left", "right", "out")}


@cache
def _wedges() -> Array:
    """Return e_i ^ as matrices [4, 16, 16] on multivectors, with the sign of the place."""
    found = np.zeros((4, 16, 16))
    for column, blade in enumerate(BLADES):
        for i in set(range(4)) - set(blade):
            row = BLADES.index(tuple(sorted((i, *blade))))
            found[i, row, column] = (-1) ** sum(j < i for j in blade)
    return found


@cache
def _left_products(metric: tuple[float, ...]) -> Array:
    """Return multiplication by each basis element from the left [16, 16, 16].

    That by e_i is e_i ^ plus its square times the transpose, which removes e_i (contraction). A
    metric of zeros leaves the exterior product.
    """
    vectors = [w + square * w.T for w, square in zip(_wedges(), metric, strict=True)]
    found = np.tile(np.eye(16), (16, 1, 1))
    for matrix, blade in zip(found, BLADES, strict=True):
        for i in blade:
            matrix[:] = matrix @ vectors[i]
    return found


@cache
def _dual() -> Array:
    """Return the matrix [16, 16] of *, with e_I ^ e_I* = e0123."""
    return np.asarray(_left_products((0.0,) * 4)[:, 15, :].T)


def linear(weights: Array, u: Array) -> Array:
    """Apply equivariant linear maps `weights` [9, out, in] to u [batch, in, 16]."""
    z = np.zeros((len(u), weights.shape[1], 16))
    for k, part in enumerate(GRADES):
        only = np.zeros(u.shape)
        only[..., part] = u[..., part]
        z += np.einsum("oc,bca->boa", weights[k], only)
        if k < 4:
            z += np.einsum("oc,bca->boa", weights[5 + k], only @ _wedges()[0].T)
    return z


def geometric_product(x: Array, y: Array) -> Array:
    """Return x y [..., 16]."""
    return np.einsum("...i,ikj,...j->...k", x, _left_products(METRIC), y, optimize=True)


def join(x: Array, y: Array) -> Array:
    """Return x v y [..., 16], the dual of the exterior product of the duals."""
    duals = x @ _dual().T, y @ _dual().T
    exterior = np.einsum(
        "...i,ikj,...j->...k", duals[0], _left_products((0.0,) * 4), duals[1], optimize=True
    )
    return np.asarray(exterior @ _dual())  # orthogonal: the transpose undoes it


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    left, right = (
        [linear(w, inputs[name]) for w in weights[side]]
        for name, side in (("x", "left"), ("y", "right"))
    )
    joined = inputs["reference"][..., None] * join(left[1], right[1])
    first, second = weights["out"]
    return {"z": linear(first, geometric_product(left[0], right[0])) + linear(second, joined)}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count six linear maps, both products and the reference; weights are shared."""
    batch, channels = sizes_of(problem)
    maps = 6 * 2 * 24 * channels**2
    products = 2 * (192 + 81) * channels + 16 * channels
    numbers = batch * (3 * 16 * channels + 1) + 6 * PARAMETERS * channels**2
    return {
        "flops": float(batch * (maps + products)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="geometric_bilinear",
    title="Geometric bilinear layer",
    family="multivector",
    summary="geometric product and join of G(3,0,1) between equivariant linear maps",
    papers=("brehmer2023",),
    claims=exact("rotation", "inversion", "translation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    weights=_weights,
    linear_in=(("x", 1), ("y", 1), ("left", 1), ("right", 1), ("out", 1)),
    users=("brehmer2023", "dehaan2024"),
    growth=Growth({"lmax": 0, "channels": 2}),
)
