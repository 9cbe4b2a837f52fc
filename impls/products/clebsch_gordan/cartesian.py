r"""Clebsch-Gordan by irreducible Cartesian tensors: contract indices, symmetrise, remove traces.

Degree l is a symmetric traceless (STF) tensor of rank l, T = V_l x, V_l [3^l, 2l+1] orthonormal.
A path contracts k = (l1+l2-l3)/2 pairs of indices; for odd l1+l2+l3, k = (l1+l2-l3-1)/2 pairs and
one more with the Levi-Civita symbol [@coope1965] [@zaverkin2024]:

    z = c V_l3^T (T1 :_k T2),      z = c V_l3^T (epsilon : (T1 :_k T2))

V_l3^T symmetrises and removes the traces, since V_l3 V_l3^T is the projector onto STF tensors, and
the output is wanted in components of degree l3. One constant c > 0 for each path makes this equal
to the Clebsch-Gordan product, normalised to "component", sign included.

It can express all paths of inputs up to degree 3. Tensors have 3^l numbers for 2l+1 components, so
that a path costs O(3^(l1+l2-k)): exponential in l where the spherical product is polynomial. The
conversions from components and back are part of the call; a network that stays Cartesian does not
pay them. It is of interest for such networks, and as a derivation of the same numbers that shares
nothing with spherical ones; as a product of components `dense` is faster, except for vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.clebsch_gordan.operation import paths_of
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import gauss_legendre

LMAX = 3
"""Largest degree of an input: its tensors have 27 numbers; outputs reach 3^6 = 729."""

Array = NDArray[np.float64]


@cache
def traceless(l: int) -> Array:  # noqa: E741 -- the field's name for a degree
    """Return V_l [3^l, 2l+1], an orthonormal basis of the STF tensors, with <V_lm, n...n> ~ Y_lm.

    V_lm is the average of Y_lm(n) n...n over the sphere, normalised: symmetric as n...n is, and
    traceless since a trace leaves a polynomial of degree l-2, orthogonal to Y_lm.
    """
    grid = gauss_legendre(2 * l)
    points, weights = grid.points().reshape(-1, 3), grid.weights().ravel()
    powers = np.ones((len(points), 1))
    for _ in range(l):
        powers = (powers[:, :, None] * points[:, None, :]).reshape(len(points), -1)
    harmonics = spherical_harmonics(l, points)[:, l * l :]
    basis = powers.T @ (harmonics * weights[:, None])
    basis[np.abs(basis) < 1e-13] = 0.0
    return np.asarray(basis / np.linalg.norm(basis, axis=0), np.float64)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse inputs of a degree above LMAX, by name."""
    for name, irreps in zip(("irreps_in1", "irreps_in2"), irreps_of(problem), strict=False):
        if irreps.lmax > LMAX:
            return Refusal(
                f"degree {irreps.lmax} of {name} is above {LMAX}: a Cartesian tensor of rank l has "
                f"3^l = {3**irreps.lmax} numbers",
                "use a dense or sparse implementation",
            )
    return None


def cartesian(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, _ = irreps_of(problem)
    paths = paths_of(problem)
    degrees = [(path.ir1.l, path.ir2.l, path.ir3.l) for path in paths]
    lifts = {rank: b.table(traceless(rank).T) for rank in {r for d in degrees for r in d[:2]}}
    projectors = [b.table(constant(*d) * traceless(d[2])) for d in degrees]
    concatenate = b.concatenate

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = inputs["x"].reshape(-1, first.dim)
        y = inputs["y"].reshape(-1, second.dim)
        in1 = {p.i1: x[:, p.in1] @ lifts[p.ir1.l] for p in paths}
        in2 = {p.i2: y[:, p.in2] @ lifts[p.ir2.l] for p in paths}
        shared: dict[tuple[int, int, int], Any] = {}
        parts = []
        for path, d, projector in zip(paths, degrees, projectors, strict=True):
            where = path.i1, path.i2, pairs(*d)
            if where not in shared:
                shared[where] = contract(in1[path.i1], in2[path.i2], *d)
            parts.append(couple(shared[where], *d, concatenate) @ projector)
        z = parts[0] if len(parts) == 1 else concatenate(parts, -1)
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel="STF tensors, one contraction and one projection per path")


def pairs(l1: int, l2: int, l3: int) -> int:
    """Return how many pairs of indices a path contracts, not counting the Levi-Civita symbol."""
    return (l1 + l2 - l3) // 2


def contract(t1: Any, t2: Any, l1: int, l2: int, l3: int) -> Any:
    """Contract tensors [n, 3^l1] and [n, 3^l2] over k pairs to [n, 3^(l1-k), 3^(l2-k)]."""
    inner = 3 ** pairs(l1, l2, l3)
    return t1.reshape(t1.shape[0], -1, inner) @ t2.reshape(t2.shape[0], inner, -1)


def couple(tensor: Any, l1: int, l2: int, l3: int, concatenate: Callable[..., Any]) -> Any:
    """Return the tensor of rank l3 [n, 3^l3]: as it is, or with the Levi-Civita symbol."""
    n = tensor.shape[0]
    if (l1 + l2 + l3) % 2 == 0:
        return tensor.reshape(n, -1)
    rest1, rest2 = tensor.shape[1] // 3, tensor.shape[2] // 3
    t = tensor.reshape(n, 3, rest1, 3, rest2)
    crossed = [(t[:, a, :, b] - t[:, b, :, a]).reshape(n, -1) for a, b in ((1, 2), (2, 0), (0, 1))]
    return concatenate(crossed, -1)


@cache
def constant(l1: int, l2: int, l3: int) -> float:
    """Return c of a path: "component" means that the squares of its tensor sum to 2 l3 + 1."""
    t1 = np.repeat(traceless(l1).T, 2 * l2 + 1, axis=0)
    t2 = np.tile(traceless(l2).T, (2 * l1 + 1, 1))
    raw = couple(contract(t1, t2, l1, l2, l3), l1, l2, l3, np.concatenate) @ traceless(l3)
    return float(np.sqrt(2 * l3 + 1) / np.linalg.norm(raw))


ALGORITHM = Algorithm(
    "clebsch_gordan",
    "cartesian",
    "irreducible Cartesian tensors",
    cartesian,
    supports=supports,
    papers=("zaverkin2024", "coope1965"),
    growth=Growth({"lmax": float("inf"), "channels": 1}),  # exponential
)
