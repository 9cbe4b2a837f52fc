"""Where the kernels run: C on a CPU in every framework, Triton on CUDA in PyTorch."""

from __future__ import annotations

import importlib.util

from impls.implementation import Framework, Target
from impls.kernels import compiler
from impls.problem import Problem, Refusal

RUNS = ("equibench*",)
"""What must have run where a kernel is said to: its operator in PyTorch, its target in XLA."""


def refuses(framework: Framework, problem: Problem, target: Target) -> Refusal | None:
    """Refuse what the kernels lack in a framework: nothing else runs in their place."""
    if problem.dtype not in compiler.DTYPES:
        dtypes = " or ".join(compiler.DTYPES)
        return Refusal(f"the kernels have no {problem.dtype}", f"use {dtypes}")
    if target.device == "cpu":
        return compiler.missing()
    if framework != "torch":
        return Refusal(
            f"the kernels do not run on {target.device} in {framework}",
            "use torch_kernel there, --device cpu, or another algorithm",
        )
    if importlib.util.find_spec("triton") is None:
        return Refusal(
            f"the kernels on {target.device} need triton, which is not installed",
            "pip install triton, which comes with PyTorch for CUDA, or use another algorithm",
        )
    return None
