r"""Real spherical harmonics of the directions of vectors.

With (x, y, z) = v / |v|, polar axis y, and z + i x = sin t e^(i p),

    Y_lm(v) = N_lm (d^|m| P_l / dy^|m|)(y) times  sqrt2 Im (z + i x)^|m|   for m < 0,
                                                  1                        for m = 0,
                                                  sqrt2 Re (z + i x)^m     for m > 0,

    N_lm^2 = (2l+1) (l-|m|)! / (l+|m|)!

for the degrees l of `irreps_out`, m = -l..l [@homeier1996]: the basis of this suite, in the
normalisation "component", sum over m of Y_lm^2 = 2l+1, without the Condon-Shortley phase. These are
polynomials in x, y and z, so that nothing happens at the poles. They are not polynomials in v, and
a vector of length zero has no direction: what is returned for it is not a number.

Cost: O(L^2) for each vector, since neighbours in l are related by three terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.polynomial.legendre import legder, legval

from impls.families.vectors import batch_of, degrees_of, irreps_of, output_space
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Evaluate the formula component by component."""
    v = inputs["v"]
    x, y, z = (v / np.sqrt(np.einsum("bi,bi->b", v, v))[:, None]).T
    rows = []
    for degree in degrees_of(problem):
        series = np.eye(degree + 1)[degree]
        for m in range(-degree, degree + 1):
            k = abs(m)
            ratio = math.factorial(degree - k) / math.factorial(degree + k)
            norm = math.sqrt((2 * degree + 1) * ratio * (2 if m else 1))
            wave = (z + 1j * x) ** k
            polar = legval(y, legder(series, k))
            rows.append(norm * polar * (wave.imag if m < 0 else wave.real))
    return {"z": np.stack(rows, axis=1)}


def _supports(problem: Problem) -> Refusal | None:
    if max(degrees_of(problem)) > 0:
        return None
    return Refusal(
        f"irreps_out={irreps_of(problem)}: the harmonic of degree 0 is 1, whatever the vector",
        "ask for a degree from 1",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count four operations for each component up to lmax, and ten for each direction and wave."""
    batch, irreps = batch_of(problem), irreps_of(problem)
    numbers = batch * (3 + irreps.dim)
    return {
        "flops": float(batch * (4 * (irreps.lmax + 1) ** 2 + 10 * (irreps.lmax + 1))),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="spherical_harmonics",
    title="Spherical harmonics",
    family="vectors",
    summary="real harmonics of the direction of each vector, all degrees up to L",
    papers=("homeier1996", "bigi2023"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    users=("thomas2018", "batzner2022"),
    growth=Growth({"lmax": 2, "channels": 0}),
)
