r"""Signal product: couple two irrep-valued fields on the sphere point by point.

With f_x(rhat) in R^(2s1+1) and f_y(rhat) in R^(2s2+1), given by coefficients in tensor harmonics
(see family `field`), z holds the coefficients of

    f_z(rhat)[c] = sum_ab sqrt(2s3+1) C(s1,s2,s3)[a,b,c] f_x(rhat)[a] f_y(rhat)[b],

cut at the orbital degree `lout` [@xie2026]. For vectors this is the cross product over
sqrt 2, s = (1,1,1), and the scalar product over sqrt 3, s = (1,1,0); a field of scalars scales the
other one, s = (0,s,s); and s = (0,0,0) is the Gaunt product. All paths into one (l3, j3) are summed
with the fixed coefficients of the generalised Gaunt formula [@xie2026], with respect to C(j1,j2,j3)
of unit norm,

    w = sqrt((2j1+1)(2j2+1)(2j3+1)(2s3+1)(2l1+1)(2l2+1)(2l3+1)/4pi)
        |(l1 l2 l3; 0 0 0)| {l1 l2 l3; s1 s2 s3; j1 j2 j3}.

Selection rule: the triangles of the 9j symbol and l1+l2+l3 even; j1+j2+j3 may be odd. With all
l = j-1, j, j+1 vectors couple every triple (j1,j2,j3), the cross product all but (0,0,0). The
parity of the output value has to be p1 p2: the cross product of polar vectors is axial.

Cost: O(L^6) with all coefficients, O(L^3) on a separable grid, by (2s+1) transforms of each field.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from scipy.special import sph_harm_y

from impls.families.field import cutoffs_of, fields_of, irreps_of, values_of
from impls.families.product import irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import Problem, Refusal
from impls.products.costs import of_coefficients
from impls.products.gaunt.operation import nonzeros
from impls.so3.symbols import triangle, wigner_3j_zero, wigner_9j
from impls.so3.wigner import wigner_3j
from impls.spaces import Array, Arrays, Space

Triple = tuple[int, int, int]


@lru_cache(maxsize=65536)
def signal_coefficient(orbital: Triple, spin: Triple, total: Triple) -> float:
    r"""Return w of (l1,l2,l3), (s1,s2,s3), (j1,j2,j3), by its closed form [@xie2026].

    It is 0 for odd l1+l2+l3, where a triangle fails, and where the 9j symbol vanishes.
    """
    if sum(orbital) % 2 or not (triangle(*orbital) and triangle(*spin) and triangle(*total)):
        return 0.0
    size = (2 * spin[2] + 1) / (4 * pi)
    for degree in (*orbital, *total):
        size *= 2 * degree + 1
    return sqrt(size) * abs(wigner_3j_zero(*orbital)) * wigner_9j(*orbital, *spin, *total)


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    """Return w of each path that does not vanish."""
    first, second, out = fields_of(problem)
    p1, p2, p3 = (value.p for value in values_of(problem))
    if p3 != p1 * p2:
        return {}
    s1, s2, s3 = (value.l for value in values_of(problem))
    found = {}
    for i1, (l1, ir1) in enumerate(first):
        for i2, (l2, ir2) in enumerate(second):
            for i3, (l3, ir3) in enumerate(out):
                total = ir1.l, ir2.l, ir3.l
                value = signal_coefficient((l1, l2, l3), (s1, s2, s3), total)
                if value:
                    found[i1, i2, i3] = value
    return found


coefficients_of = lru_cache(maxsize=64)(_coefficients)
"""The reduced coefficients w of a problem by path (i1, i2, i3)."""


def _supports(problem: Problem) -> Refusal | None:
    first, second, out = values_of(problem)
    if not triangle(first.l, second.l, out.l):
        return Refusal(
            f"empty: values {first} x {second} do not couple to {out}",
            f"use a degree of {abs(first.l - second.l)} to {first.l + second.l} for value_out",
        )
    if out.p != first.p * second.p:
        return Refusal(
            f"identically zero: the parity of {out} is not that of {first} x {second}",
            f"use value_out={next(ir for ir in first * second if ir.l == out.l)}",
        )
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Evaluate both fields, couple their values, and project, on a grid finer than needed."""
    degree = sum(cutoffs_of(problem))
    s1, s2, s3 = (value.l for value in values_of(problem))
    x, y, z = (
        _tensor_harmonics(tuple((orbital, ir.l) for orbital, ir in field), s, degree)
        for field, s in zip(fields_of(problem), (s1, s2, s3), strict=True)
    )
    coupling = sqrt(2 * s3 + 1) * wigner_3j(s1, s2, s3)
    f_x, f_y = (np.tensordot(inputs[name], a, 1) for name, a in (("x", x), ("y", y)))
    values = np.einsum("abc,...pa,...pb->...pc", coupling, f_x, f_y, optimize=True)
    weight = _points(degree)[2]
    return {"z": np.einsum("...pc,p,kpc->...k", values, weight, z, optimize=True)}


@lru_cache(maxsize=32)
def _points(degree: int) -> tuple[Array, Array, Array]:
    """Return theta, phi and weights [points], three more nodes than `degree` needs."""
    nodes, node_weights = np.polynomial.legendre.leggauss(degree // 2 + 4)
    azimuths = 2 * np.pi / (degree + 4) * np.arange(degree + 4)
    theta, phi = (a.ravel() for a in np.meshgrid(np.arccos(nodes), azimuths, indexing="ij"))
    return theta, phi, np.repeat(node_weights, len(azimuths)) * (2 * np.pi / len(azimuths))


@lru_cache(maxsize=64)
def _tensor_harmonics(pairs: tuple[tuple[int, int], ...], spin: int, degree: int) -> Array:
    """Return the tensor harmonics (l, j) [sum of 2j+1, points, 2s+1]."""
    theta, phi, _ = _points(degree)
    rows = []
    for l, j in pairs:  # noqa: E741
        orders = np.arange(-l, l + 1)[:, None]
        # (-1)^m removes the Condon-Shortley phase of SciPy
        wave = (-1.0) ** orders * sph_harm_y(l, np.abs(orders), theta, phi)
        scale = np.where(orders == 0, 1.0, sqrt(2))
        harmonics = scale * np.where(orders < 0, wave.imag, wave.real)
        rows.append(sqrt(2 * j + 1) * np.einsum("mak,mp->kpa", wigner_3j(l, spin, j), harmonics))
    return np.concatenate(rows)


def _cost(problem: Problem) -> Mapping[str, float]:
    first, second, out = ([ir.l for _, ir in field] for field in fields_of(problem))
    paths = coefficients_of(problem)
    nonzero = sum(nonzeros(first[i1], second[i2], out[i3]) for i1, i2, i3 in paths)
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    return of_coefficients(problem, samples_of(problem), nonzero, numbers)


OPERATION = Operation(
    name="signal_product",
    title="Product of irrep-valued fields",
    family="field",
    summary="product of two irrep-valued fields on the sphere: cross, scalar, scaling, any spin",
    papers=("xie2026",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=coefficients_of,
    growth=Growth({"lmax": 5, "channels": 1}),
)
