"""The harmonics of sphericart in PyTorch [@bigi2023]: generated C++ and CUDA, all degrees to L.

Its polar axis is z, and the integral of each square over the sphere is 1. This suite's polar axis
is y, so that (z, x, y) goes in and sqrt(4 pi) times what comes out is "component" normalised: the
order of m and the signs are the same. Degrees between that are not asked for are computed too. Its
release for JAX is for jax below 0.10.2.
"""

from __future__ import annotations

import math
from importlib.metadata import version

import numpy as np

from impls.algorithm import Options
from impls.families.vectors import degrees_of
from impls.implementation import Built, Implementation, Target, Tensors
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def torch_sphericart(problem: Problem, target: Target, options: Options) -> Built:
    """Build sphericart's SphericalHarmonics."""
    import sphericart.torch
    import torch

    degrees = degrees_of(problem)
    lmax = max(degrees)
    harmonics = sphericart.torch.SphericalHarmonics(lmax)
    parts = [np.arange(n * n, (n + 1) ** 2) for n in degrees]
    whole = degrees == tuple(range(lmax + 1))
    asked = None if whole else torch.as_tensor(np.concatenate(parts), device=target.device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        found = harmonics(inputs["v"])
        return {"z": found if asked is None else found.index_select(1, asked)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {"v": inputs["v"].roll(1, 1)}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"] * math.sqrt(4 * math.pi)}

    kernel = f"sphericart {version('sphericart-torch')}, degrees to {lmax}"
    layout = "polar axis z, orthonormal"
    return Built(call, pack, unpack, layout=layout, kernel=kernel, runs=("sphericart_torch::*",))


IMPLEMENTATION = Implementation(
    operation="spherical_harmonics",
    name="torch_sphericart",
    title="sphericart",
    framework="torch",
    build=torch_sphericart,
    supports=supports_vectors,
    requires=("sphericart.torch",),
    remedy="pip install sphericart-torch",
    papers=("bigi2023",),
    licence="Apache-2.0 OR MIT",
)
