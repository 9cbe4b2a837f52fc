"""The harmonics of E3x in JAX [@unke2024]: sums of monomials in x, y and z, as one matrix product.

Its polar axis is z, this suite's is y: (z, x, y) goes in, and comes out in the same order of m with
the same signs. "4pi" is the normalisation "component".
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Options
from impls.families.vectors import degrees_of
from impls.implementation import Built, Implementation, Target, Tensors
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def jax_e3x(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3x.so3.spherical_harmonics."""
    import e3x
    import jax.numpy as jnp

    degrees = degrees_of(problem)
    lmax = max(degrees)
    parts = [np.arange(n * n, (n + 1) ** 2) for n in degrees]
    whole = degrees == tuple(range(lmax + 1))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        found = e3x.so3.spherical_harmonics(
            inputs["v"], lmax, cartesian_order=False, normalization="4pi"
        )
        return {"z": found if whole else found[:, np.concatenate(parts)]}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {"v": jnp.roll(inputs["v"], 1, axis=1)}, weights

    kernel = f"e3x {e3x.__version__} spherical_harmonics, XLA"
    return Built(call, pack, layout="polar axis z", kernel=kernel)


IMPLEMENTATION = Implementation(
    operation="spherical_harmonics",
    name="jax_e3x",
    title="E3x",
    framework="jax",
    build=jax_e3x,
    supports=supports_vectors,
    requires=("e3x",),
    papers=("unke2024",),
    licence="Apache-2.0",
)
