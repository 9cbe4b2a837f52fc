"""Relative tolerances of the gate: one table per precision."""

from __future__ import annotations

from impls.implementation import Target
from impls.problem import Problem

TOLERANCES = {"float64": 1e-10, "float32": 1e-5, "tf32": 5e-3, "bfloat16": 5e-2}


def tolerance(problem: Problem, target: Target) -> float:
    """Return the relative error up to which a result counts as right."""
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return TOLERANCES["bfloat16"]
    if problem.dtype == "float32" and target.precision == "tf32":
        return TOLERANCES["tf32"]
    return TOLERANCES[problem.dtype]
