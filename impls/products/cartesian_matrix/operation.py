r"""Cartesian matrix: features as 3 x 3 matrices X = I + A + S, multiplied as matrices.

Degrees 0, 1 and 2 are the trace, the antisymmetric and the symmetric traceless part,

    X_ij = x0 delta_ij / sqrt3 + sum_m eps_ijm x1_m / sqrt2 + sum_m E_m,ij x2_m,

an isometry; E_m are the five traceless symmetric matrices of unit norm in the order m = -2..2, for
which E_m,ij v_i v_j is proportional to the harmonic Y_2m. Then [@simeon2023]

    o3:   Z = X Y + Y X,          so3:   Z = 2 X Y = (X Y + Y X) + (X Y - Y X),

and z is read off Z by the same isometry. The labels decide which: with natural parity (0e, 1o, 2e)
inversion transposes X, and transposition commutes with the anticommutator only.

This is twice the product `matrix` with its block pinned to j = 1,

    w = 2 (-1)^l3 sqrt((2l1+1)(2l2+1)(2l3+1)) {l1 l2 l3; 1 1 1},

where the anticommutator keeps even l1+l2+l3 (11 paths among 0, 1, 2) and the commutator has the
odd ones (4). All paths into one output irrep are summed with fixed coefficients; where no path
ends, z is exactly zero. Degrees above 2 do not fit. Cost: 27 multiplications for each product of
matrices, 24 for each conversion.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import weighted_sum
from impls.so3.irreps import Irreps
from impls.so3.wigner import matrix_coefficient
from impls.spaces import Arrays, Space

SIDES = ("irreps_in1", "irreps_in2", "irreps_out")


def anticommutes(problem: Problem) -> bool:
    """Tell whether the product is X Y + Y X (irreps with parity), and not 2 X Y."""
    return any(irreps.parity for irreps in irreps_of(problem))


def coefficients(problem: Problem) -> Mapping[Path, float]:
    """Return w of every path."""
    first, second, out = irreps_of(problem)
    even_only = anticommutes(problem)
    return {
        (i1, i2, i3): 2 * matrix_coefficient(ir1.l, ir2.l, ir3.l, 2)
        for i1, (_, ir1) in enumerate(first)
        for i2, (_, ir2) in enumerate(second)
        for i3, (_, ir3) in enumerate(out)
        if abs(ir1.l - ir2.l) <= ir3.l <= ir1.l + ir2.l
        and not (even_only and (ir1.l + ir2.l + ir3.l) % 2)
    }


def _supports(problem: Problem) -> Refusal | None:
    parts = irreps_of(problem)
    for name, irreps in zip(SIDES, parts, strict=True):
        refusal = _fits(name, irreps)
        if refusal:
            return refusal
    if coefficients(problem):
        return None
    first, second, out = parts
    if any(abs(a.l - b.l) <= c.l <= a.l + b.l for _, a in first for _, b in second for _, c in out):
        return Refusal(
            "identically zero: l1+l2+l3 is odd for every path, and X Y + Y X has even ones only",
            "ask for so3 (degrees only), where the product is 2 X Y",
        )
    return Refusal(
        f"empty: no path of {first} x {second} ends in {out}", "ask for |l1-l2| <= l3 <= l1+l2"
    )


def _fits(name: str, irreps: Irreps) -> Refusal | None:
    if irreps.lmax > 2:
        return Refusal(
            f"{name}={irreps}: degree {irreps.lmax} does not fit into 3 x 3 matrices, which hold "
            "degrees 0, 1, 2",
            "use matrix, or ask for degrees up to 2",
        )
    wrong = [str(ir) for _, ir in irreps if ir.p not in (0, (-1) ** ir.l)]
    if wrong:
        return Refusal(
            f"{name}={irreps}: {', '.join(wrong)} is not of natural parity, and transposing "
            "3 x 3 matrices is inversion for 0e, 1o, 2e only",
            "use 0e, 1o, 2e, or so3 (degrees only)",
        )
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Sum w C(l1,l2,l3) x y with w from 6j symbols: no matrices are formed."""
    z = weighted_sum(irreps_of(problem), coefficients(problem), inputs["x"], inputs["y"])
    return {"z": z}


NONZERO = {0: 3, 1: 6, 2: 15}
"""Nonzero numbers of the conversion of each degree."""


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the nonzero numbers of the three conversions, and one or two matrix products."""
    samples = samples_of(problem)
    parts = irreps_of(problem)
    conversions = sum(NONZERO[ir.l] for irreps in parts for _, ir in irreps)
    products = 27 * (2 if anticommutes(problem) else 1)
    numbers = sum(irreps.dim for irreps in parts)
    return {
        "flops": 2.0 * (conversions + products) * samples,
        "bytes": float(numbers * BYTES[problem.dtype]) * samples,
    }


OPERATION = Operation(
    name="cartesian_matrix",
    title="Cartesian matrix product",
    family="product",
    summary="product of 3 x 3 matrices, X Y + Y X with parity and 2 X Y without; degrees up to 2",
    papers=("simeon2023",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=coefficients,
    users=("simeon2023", "pelaez2024"),
    growth=Growth({"lmax": 0, "channels": 1}),
)
