r"""Gaussian basis: bells at even distances up to the cutoff, times an envelope.

    z_k(v) = exp(-(r - mu_k)^2 / (2 d^2)) u(r / r_c),     r = |v|,  mu_k = k d,
    k = 0 .. functions - 1,  d = r_c / (functions - 1)

as wide as they are apart [@schutt2017]; the envelope is what later networks add. Each function is
of few distances, and neighbours overlap: the basis is not orthogonal.

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
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Evaluate the formula function by function."""
    v, count = inputs["v"], functions_of(problem)
    r, width = np.linalg.norm(v, axis=1), cutoff_of(problem) / (count - 1)
    bells = [np.exp(-0.5 * (r / width - k) ** 2) for k in range(count)]
    return {"z": np.stack(bells, axis=1) * enveloped(problem, v)[:, None]}


def _supports(problem: Problem) -> Refusal | None:
    if functions_of(problem) > 1:
        return None
    return Refusal(
        "functions=1: the width of a bell is the distance to the next", "ask for two or more"
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count fourteen operations for each function, and twenty for each envelope."""
    batch, functions = batch_of(problem), functions_of(problem)
    return {
        "flops": float(batch * (14 * functions + 20)),
        "bytes": float(batch * (3 + functions) * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="gaussian_basis",
    title="Gaussian basis",
    family="distances",
    summary="bells at even distances, times the envelope of the cutoff",
    papers=("schutt2017",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    users=("schutt2017", "jing2021"),
    growth=Growth({"lmax": 0, "channels": 0}),
)
