r"""Gaunt power: the nu-th power of a function on the sphere.

With f = sum_lm x_lm Y_lm in orthonormal real harmonics, z holds the coefficients of f^nu:

    z[l3][m3] = int Y_l3m3 f^nu dOmega

the many-body product of [@luo2024]. It is one point of the space of the symmetric contraction: one
fixed polynomial for each output degree instead of dim Hom(Sym^nu, l3) weighted ones. All chains
whose steps have even degree sums are added, each step with its Gaunt coefficient; so there is no
pseudo-tensor from tensors. An output that no chain reaches stays in z as exact zeros.

x is one function on the sphere: with parity, all its irreps are (l, s (-1)^l) with one sign s, and
outputs have the sign s^nu. A grid has to integrate the degree nu L + L3 exactly: one that is fine
enough for products of two functions aliases without a sign of it. Cost: O(nu^2 L^3) on a separable
grid, with two transforms and O(log nu) multiplications at each point whatever nu is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import irreps_of, no_power, nu_of, output_space
from impls.families.product import samples_of
from impls.growth import Growth
from impls.operation import AtPoints, Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.so3.wigner import gaunt
from impls.spaces import Arrays, Space

LARGEST_DEGREE = 60
"""Degree nu L up to which the power is offered (and tested)."""


def reached(problem: Problem) -> tuple[bool, ...]:
    """Tell for each output irrep whether a chain of even degree sums with its parity ends in it.

    No chains cancel: for f of order m = 0 every one adds a square to the integral.
    """
    inside, out = irreps_of(problem)
    ends = {ir.l for _, ir in inside}
    for _ in range(nu_of(problem) - 1):
        ends = {
            l3
            for l1 in ends
            for l2 in {ir.l for _, ir in inside}
            for l3 in range(abs(l1 - l2), l1 + l2 + 1, 2)
        }
    sign = 0 if not inside.parity else min(_signs(inside)) ** nu_of(problem)
    return tuple(ir.l in ends and ir.p == sign * (-1) ** ir.l for _, ir in out)


def _signs(irreps: Irreps) -> set[int]:
    return {ir.p * (-1) ** ir.l for _, ir in irreps}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem, irreps_of(problem)[1])}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Multiply by f again and again in closed form; nothing is cut off and no grid is used."""
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    slices = inside.slices()
    factor = [(ir.l, inputs["x"][..., slices[i]]) for i, (_, ir) in enumerate(inside)]
    power = _summed(factor)
    for step in range(nu - 1):
        wanted = {ir.l for _, ir in out} if step == nu - 2 else None
        terms = [
            (l3, np.einsum("bci,bcj,ijk->bck", a, b, gaunt(l1, l2, l3), optimize=True))
            for l1, a in power.items()
            for l2, b in factor
            for l3 in range(abs(l1 - l2), l1 + l2 + 1, 2)
            if wanted is None or l3 in wanted
        ]
        power = _summed(terms)
    lead = inputs["x"].shape[:-1]
    parts = [
        power[ir.l] if kept else np.zeros((*lead, ir.dim))
        for (_, ir), kept in zip(out, reached(problem), strict=True)
    ]
    return {"z": np.concatenate(parts, axis=-1)}


def _summed(terms: list[tuple[int, np.ndarray]]) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for degree, value in terms:
        found[degree] = found[degree] + value if degree in found else value
    return found


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_power(problem)
    if refusal:
        return refusal
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    if inside.parity and len(_signs(inside)) > 1:
        return Refusal(
            f"irreps_in={inside} is not one function on the sphere: it mixes parities (-1)^l and "
            "-(-1)^l",
            "use 0e+1o+2e... or 0o+1e+2o...",
        )
    if nu * inside.lmax > LARGEST_DEGREE:
        return Refusal(
            f"f^{nu} has degree {nu * inside.lmax}, over {LARGEST_DEGREE}", "use a smaller nu"
        )
    if any(reached(problem)):
        return None
    return Refusal(
        f"identically zero: f^{nu} has no part in {out} (even degree sums and natural parity only)",
        "use symmetric_contraction, or other output irreps",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the separable transforms to and from the smallest exact grid, and the powers on it."""
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    samples = samples_of(problem)
    lout = max(ir.l for (_, ir), kept in zip(out, reached(problem), strict=True) if kept)
    degree = nu * inside.lmax + lout
    rings, azimuths = (degree + 2) // 2, degree + 1
    powers = nu.bit_length() - 1 + nu.bit_count() - 1
    polar = rings * (inside.dim + out.dim)
    azimuthal = rings * azimuths * (2 * inside.lmax + 1 + 2 * lout + 1)
    return {
        "flops": samples * (2.0 * (polar + azimuthal) + powers * rings * azimuths),
        "bytes": samples * (inside.dim + out.dim) * BYTES[problem.dtype],
    }


def _at_points(problem: Problem) -> AtPoints:
    inside, out = irreps_of(problem)
    kept = (item for item, k in zip(out.items, reached(problem), strict=True) if k)
    return AtPoints((inside,) * nu_of(problem), Irreps(tuple(kept)))


OPERATION = Operation(
    name="gaunt_power",
    title="Gaunt power",
    family="feature",
    summary="nu-th power of a function on the sphere; one fixed polynomial for each output",
    papers=("luo2024",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    at_points=_at_points,
    users=("luo2024",),
    growth=Growth({"lmax": 3, "channels": 1}),
)
