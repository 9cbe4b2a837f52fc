"""What the files that wrap LunaEquivariance share [@zhou2026]: where it runs, and its name.

Its source is that of the wheel LunaEquivariance 0.1.0 (BSD-3-Clause): lunatp/interface.py has the
calls, lunatp/utils/layout.py irreps, weights and normalisation, which are e3nn's, and
lunatp/utils/cg.py couplings, those of e3nn. Kernels are written and compiled for each product at
its first call, in float32 with fast arithmetic (utils/extension.py); without CUDA it raises, and
nothing else runs in their place. They are no operators of PyTorch but in compiled code, so that a
receipt cannot name them: `time.kernels` does.

It was tested with a stand-in, and by what it would write its kernels from: no kernel has run here.
"""

from __future__ import annotations

from functools import partial

from impls.implementation import Implementation, Target
from impls.problem import Problem, Refusal


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse a CPU, and bfloat16."""
    if target.device != "cuda":
        return Refusal("LunaEquivariance runs on CUDA alone", "use --device cuda")
    if problem.dtype == "bfloat16":
        return Refusal("LunaEquivariance has no bfloat16", "use float32 or float64")
    return None


implementation = partial(
    Implementation,
    name="torch_lunaequivariance",
    title="LunaEquivariance",
    framework="torch",
    supports=supports,
    requires=("LunaEquivariance",),
    papers=("zhou2026",),
    licence="BSD-3-Clause",
)
"""Declare what it does of an operation."""
