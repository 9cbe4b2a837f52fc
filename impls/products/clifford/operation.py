r"""Geometric products of Cl(3,0): with one weight for each triple of grades, and without weights.

    clifford:             z[k] = sum_{ij} w[ijk] < x[i] y[j] >_k
    geometric_product:    z[k] = sum_{ij} < x[i] y[j] >_k,    z = x y

channel by channel, over the 20 triples of grades (i, j, k) that do not vanish, in the order of
`TRIPLES` (sorted by k, i, j). The first is the layer of [@ruhe2023]; the second is the product as
the algebra says, as in [@brehmer2023] (which uses a larger algebra), and the first with all weights
one. With x = s + v + I b + I p, I = e_x e_y e_z,

    <x y>_0 = s s' + v.v' - b.b' - p p'
    <x y>_1 = s v' + v s' - v x b' - b x v' - p b' - b p'
    <x y>_2 = s b' + b s' + v x v' - b x b' + p v' + v p'
    <x y>_3 = s p' + p s' + v.b' + b.v'

A multivector has the irreps 0e+1o+1e+0o, grade after grade: 1; e_x, e_y, e_z; e_y e_z, e_z e_x,
e_x e_y; e_x e_y e_z, with e_x^2 = e_y^2 = e_z^2 = 1. A bivector is written by the axial vector
normal to its plane, so that degree 1 has the components (x, y, z) in both grades.

The triples are exactly the 20 paths of O(3) among 0e, 1o, 1e, 0o: no other path exists at l <= 1,
and with one weight for each the layer reaches all 20 dimensions: it is the complete Clebsch-Gordan
product of these irreps (with reduced coefficients `REDUCED` at weights of one), its paths summed.
Without weights the coefficients are fixed: with linear maps of each grade before and after it
reaches a set of dimension 10, whose span is all 20. Neither can hold degree 2, so that v x v' to 2e
is lost. Cost: 64 products of two components.

What the weights add does not show at weights of one; so `clifford` declares no coefficients and the
tests hold its dimension.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.product import MULTIVECTORS, irreps_of, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.so3.space import irreps_space
from impls.spaces import Array, Arrays, Space

GRADES = (slice(0, 1), slice(1, 4), slice(4, 7), slice(7, 8))
"""Where each grade lies in the last axis."""

REDUCED: Mapping[Path, float] = {
    **{(0, j, j): np.sqrt(3.0 if j in (1, 2) else 1.0) for j in range(4)},
    **{(i, 0, i): np.sqrt(3.0 if i in (1, 2) else 1.0) for i in range(1, 4)},
    **{(1, 1, 0): np.sqrt(3.0), (2, 2, 0): -np.sqrt(3.0), (3, 3, 0): -1.0},
    **{(1, 2, 3): np.sqrt(3.0), (2, 1, 3): np.sqrt(3.0)},
    **{(1, 1, 2): np.sqrt(6.0), (2, 2, 2): -np.sqrt(6.0)},
    **{(1, 2, 1): -np.sqrt(6.0), (2, 1, 1): -np.sqrt(6.0)},
    **{(2, 3, 1): -np.sqrt(3.0), (3, 2, 1): -np.sqrt(3.0)},
    **{(1, 3, 2): np.sqrt(3.0), (3, 1, 2): np.sqrt(3.0)},
}
"""Reduced coefficient of each triple of grades: a sign times the norm of s s', s v, u.v or u x v
as a tensor (1, sqrt 3, sqrt 3, sqrt 6)."""

TRIPLES: tuple[Path, ...] = tuple(sorted(REDUCED, key=lambda t: (t[2], t[0], t[1])))
"""The triples of grades (i, j, k), in the order of the weights."""

_PAULI = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]],
    dtype=complex,
)
_BASIS = np.stack(
    [
        np.eye(2),
        *_PAULI,
        _PAULI[1] @ _PAULI[2],
        _PAULI[2] @ _PAULI[0],
        _PAULI[0] @ _PAULI[1],
        _PAULI[0] @ _PAULI[1] @ _PAULI[2],
    ]
)
"""The eight basis elements as complex 2 x 2 matrices: e_x, e_y, e_z are Pauli's."""


def product_of_grades(x: Array, y: Array, triple: Path) -> Array:
    """Return <x[i] y[j]>_k [..., dim of grade k], computed with Pauli matrices."""
    i, j, k = (GRADES[grade] for grade in triple)
    left = np.tensordot(x[..., i], _BASIS[i], axes=1)
    right = np.tensordot(y[..., j], _BASIS[j], axes=1)
    # tr(A^dagger B)/2 is the inner product in which the eight matrices are orthonormal over R.
    inner = np.einsum("kab,...ab->...k", _BASIS[k].conj(), left @ right)
    return np.asarray(inner.real / 2)


def _supports(problem: Problem) -> Refusal | None:
    wanted = Irreps.parse(MULTIVECTORS)
    if all(irreps == wanted for irreps in irreps_of(problem)):
        return None
    names = " | ".join(str(irreps) for irreps in irreps_of(problem))
    return Refusal(f"{names} are not multivectors of Cl(3,0)", f"use {MULTIVECTORS} everywhere")


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": irreps_space(shape_of(problem, MULTIVECTORS), MULTIVECTORS)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"w": Space((len(TRIPLES), shape_of(problem, "")[1]))}


def _weighted_oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    z = np.zeros(inputs["x"].shape)
    for triple, weight in zip(TRIPLES, weights["w"], strict=True):
        part = product_of_grades(inputs["x"], inputs["y"], triple)
        z[..., GRADES[triple[2]]] += weight[:, None] * part
    return {"z": z}


def _plain_oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    z = np.zeros(inputs["x"].shape)
    for triple in TRIPLES:
        z[..., GRADES[triple[2]]] += product_of_grades(inputs["x"], inputs["y"], triple)
    return {"z": z}


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    return REDUCED


def _weighted_cost(problem: Problem) -> Mapping[str, float]:
    """Count two multiplications and one addition for each of 64 pairs; weights are shared."""
    samples, channels = samples_of(problem), shape_of(problem, "")[1]
    numbers = 3 * 8 * samples + len(TRIPLES) * channels
    return {
        "flops": 3.0 * 64 * samples,
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


def _plain_cost(problem: Problem) -> Mapping[str, float]:
    """Count one multiplication and one addition for each of 64 pairs."""
    samples = samples_of(problem)
    return {
        "flops": 2.0 * 64 * samples,
        "bytes": float(3 * 8 * samples * BYTES[problem.dtype]),
    }


CLIFFORD = Operation(
    name="clifford",
    title="Grade-weighted geometric product",
    family="product",
    summary="geometric product of Cl(3,0) with a weight for each triple of grades",
    papers=("ruhe2023",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_weighted_oracle,
    cost=_weighted_cost,
    weights=_weights,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1), ("w", 1)),
    users=("ruhe2023",),
    growth=Growth({"lmax": 0, "channels": 1}),
)

GEOMETRIC_PRODUCT = Operation(
    name="geometric_product",
    title="Geometric product",
    family="product",
    summary="geometric product of Cl(3,0), all coefficients fixed",
    papers=("brehmer2023", "ruhe2023"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_plain_oracle,
    cost=_plain_cost,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    supports=_supports,
    users=("brehmer2023",),
    growth=Growth({"lmax": 0, "channels": 1}),
)
