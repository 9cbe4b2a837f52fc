"""What the files that wrap OpenEquivariance share [@bharadwaj2025]: where it runs, and its name."""

from __future__ import annotations

from functools import partial

from impls.implementation import Implementation, Target
from impls.problem import Problem, Refusal


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse a CPU, and bfloat16."""
    if target.device != "cuda":
        return Refusal("OpenEquivariance runs on CUDA alone", "use --device cuda")
    if problem.dtype == "bfloat16":
        return Refusal("OpenEquivariance has no bfloat16", "use float32 or float64")
    return None


implementation = partial(
    Implementation,
    name="torch_openequivariance",
    title="OpenEquivariance",
    framework="torch",
    supports=supports,
    requires=("openequivariance",),
    papers=("bharadwaj2025",),
    licence="BSD-3-Clause",
)
"""Declare what it does of an operation."""
