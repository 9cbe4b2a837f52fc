"""What products by their coefficients cost."""

from __future__ import annotations

from collections.abc import Mapping

from impls.problem import BYTES, Problem


def of_coefficients(
    problem: Problem, samples: float, nonzero: int, numbers: int
) -> Mapping[str, float]:
    """Count three operations for each nonzero coefficient; inputs and outputs are moved once.

    A sample has so many coefficients, and so many numbers go in and out.
    """
    width = BYTES[problem.dtype]
    return {"flops": 3.0 * nonzero * samples, "bytes": float(numbers * width) * samples}
