"""The harmonics of e3nn (PyTorch) and e3nn-jax [@geiger2022].

Polynomials in x, y and z: generated code to degree 11 in e3nn, a recurrence in e3nn-jax. Basis,
signs and order are those of this suite.
"""

from __future__ import annotations

from impls.algorithm import Options
from impls.families.vectors import degrees_of
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import JIT, in_jax, in_torch, torch_kernel, torch_module
from impls.points.harmonics import supports_vectors
from impls.problem import Problem, Refusal

LARGEST = 11
"""The largest degree of which e3nn has harmonics."""


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn's SphericalHarmonics."""
    from e3nn import o3

    jit_mode = str(options.get("jit_mode", "default"))
    harmonics = torch_module(
        lambda: o3.SphericalHarmonics(
            list(degrees_of(problem)), normalize=True, normalization="component"
        ),
        problem.dtype,
        target.device,
        jit_mode,
    )

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": harmonics(inputs["v"])}

    return Built(call, kernel=torch_kernel(jit_mode))


def jax_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn-jax's spherical_harmonics."""
    import e3nn_jax as e3nn

    irreps = e3nn.Irreps([(1, (degree, (-1) ** degree)) for degree in degrees_of(problem)])

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        found = e3nn.spherical_harmonics(
            irreps, inputs["v"], normalize=True, normalization="component"
        )
        return {"z": found.array}

    return Built(call, kernel=f"e3nn-jax {e3nn.__version__} spherical_harmonics, XLA")


def torch_supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees that e3nn lacks, and bfloat16."""
    largest = max(degrees_of(problem))
    if largest > LARGEST:
        return Refusal(f"degree {largest}: e3nn has harmonics up to {LARGEST}", "ask for less")
    return supports_vectors(problem, target)


TORCH = in_torch(
    operation="spherical_harmonics",
    build=torch_e3nn,
    supports=torch_supports,
    options=JIT,
)

JAX = in_jax(
    operation="spherical_harmonics",
    build=jax_e3nn,
    supports=supports_vectors,
)
