r"""Bessel basis: the radial waves of a ball, times an envelope.

    z_k(v) = sqrt(2 / r_c) sin(k pi r / r_c) / r  u(r / r_c),     r = |v|,  k = 1 .. functions

the solutions of the wave equation in a ball of radius r_c without angles: orthonormal with the
weight r^2, zero at r_c, which the envelope u makes smooth [@gasteiger2020]. The frequencies are
fixed.

Cost: O(1) for each length and function.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.distances import batch_of, functions_of, output_space
from impls.growth import Growth
from impls.inputs.named import cutoff_of
from impls.operation import Operation, exact
from impls.points.envelope.operation import enveloped
from impls.problem import BYTES, Problem
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Evaluate the formula function by function."""
    v, cutoff = inputs["v"], cutoff_of(problem)
    r, u = np.linalg.norm(v, axis=1), enveloped(problem, v)
    waves = [np.sin(k * np.pi * r / cutoff) / r for k in range(1, functions_of(problem) + 1)]
    return {"z": np.sqrt(2 / cutoff) * np.stack(waves, axis=1) * u[:, None]}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count twelve operations for each function, and twenty for each envelope."""
    batch, functions = batch_of(problem), functions_of(problem)
    return {
        "flops": float(batch * (12 * functions + 20)),
        "bytes": float(batch * (3 + functions) * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="bessel_basis",
    title="Bessel basis",
    family="distances",
    summary="radial waves of a ball, times the envelope of the cutoff",
    papers=("gasteiger2020",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    users=("gasteiger2020", "schutt2021", "batzner2022", "batatia2022"),
    growth=Growth({"lmax": 0, "channels": 0}),
)
