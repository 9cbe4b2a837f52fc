r"""Envelope of a cutoff: u(|v| / r_c), by which functions of a distance become zero without a jump.

    polynomial    u(x) = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2),  p = 6
    cosine        u(x) = (1 + cos(pi x)) / 2
    exponential   u(x) = exp(-x^2 / (1 - x^2))

for x < 1, and 0 from there on [@gasteiger2020] [@schutt2021] [@unke2024]. Forces are the gradient
of an energy: where u is zero with k derivatives, they are continuous with k - 1 of theirs when an
atom comes into sight. The polynomial has two, the cosine one, the exponential all.

It answers questions for one function. Cost: O(1) for each length.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.distances import batch_of, envelope_of, functions_of, output_space
from impls.growth import Growth
from impls.inputs.named import cutoff_of
from impls.operation import Operation, exact
from impls.points.envelopes import ORDER
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Array, Arrays, Space


def enveloped(problem: Problem, v: Array) -> Array:
    """Return u(|v| / r_c) [batch] of v [batch, 3] in float64."""
    x = np.sqrt(np.einsum("bi,bi->b", v, v)) / cutoff_of(problem)
    found, inside = np.zeros(x.shape), x < 1
    x = x[inside]
    if envelope_of(problem) == "polynomial":
        p = ORDER
        powers = np.polynomial.Polynomial(
            [1, *[0] * (p - 1), -(p + 1) * (p + 2) / 2, p * (p + 2), -p * (p + 1) / 2]
        )
        found[inside] = powers(x)
    elif envelope_of(problem) == "cosine":
        found[inside] = (1 + np.cos(np.pi * x)) / 2
    else:
        found[inside] = np.exp(1 - 1 / (1 - x**2))
    return found


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    return {"z": enveloped(problem, inputs["v"])[:, None]}


def _supports(problem: Problem) -> Refusal | None:
    if functions_of(problem) == 1:
        return None
    return Refusal(
        f"functions={functions_of(problem)}: an envelope is one function", "ask for functions=1"
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count twenty operations for each length."""
    batch = batch_of(problem)
    return {"flops": 20.0 * batch, "bytes": float(4 * batch * BYTES[problem.dtype])}


OPERATION = Operation(
    name="envelope",
    title="Envelope of a cutoff",
    family="distances",
    summary="the factor by which functions of a distance become zero at the cutoff, smoothly",
    papers=("gasteiger2020", "schutt2021", "unke2024"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    users=("schutt2021", "batzner2022", "batatia2022"),
    growth=Growth({"lmax": 0, "channels": 0}),
)
