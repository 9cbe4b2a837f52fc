"""Rotations as e3nn (PyTorch) and e3nn-jax make them: Euler angles, then D [@geiger2022].

e3nn builds each D by exponentials of generators. Both take angles by an arc cosine, which loses
half of the digits where the polar axis is kept or turned round.
"""

from __future__ import annotations

from functools import partial

from impls.algorithm import Options
from impls.families.turned import irreps_of, shape_of
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import flat_order, in_jax, in_torch, labels, torch_module
from impls.problem import Problem, Refusal


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build the angles and the exponentials of e3nn's wigner_D, applied irrep by irrep.

    As in its matrix_to_angles and wigner_D, but for two things: generators are rounded once, not
    to PyTorch's default data type, and determinants are not looked at in the call.
    """
    import e3nn
    import torch
    from e3nn import o3
    from e3nn.o3._wigner import so3_generators

    irreps = irreps_of(problem)
    degrees, dims = [ir.l for _, ir in irreps], [ir.dim for _, ir in irreps]
    generators = {
        n: torch_module(partial(so3_generators, n), problem.dtype, target.device, "default")
        for n in set(degrees)
    }

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        r = inputs["R"]
        a, b = o3.xyz_to_angles(r[:, :, 1])
        rest = o3.angles_to_matrix(a, b, torch.zeros_like(a)).swapaxes(1, 2) @ r
        c = torch.atan2(rest[:, 0, 2], rest[:, 0, 0])
        a, b, c = (angle[:, None, None] for angle in (a, b, c))
        matrices = {
            n: torch.matrix_exp(a * x[1]) @ torch.matrix_exp(b * x[0]) @ torch.matrix_exp(c * x[1])
            for n, x in generators.items()
        }
        parts = torch.split(inputs["x"], dims, 2)
        turned = [x @ matrices[n].swapaxes(1, 2) for n, x in zip(degrees, parts, strict=True)]
        return {"z": torch.cat(turned, 2)}

    return Built(call, kernel=f"e3nn {e3nn.__version__} wigner_D of Euler angles")


def jax_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build transform_by_matrix of e3nn-jax, mapped over samples."""
    import e3nn_jax as e3nn
    import jax
    import numpy as np

    irreps, (_, channels, dim) = irreps_of(problem), shape_of(problem)
    native, flat = e3nn.Irreps(labels(irreps, channels)), flat_order(irreps, channels)
    back = np.argsort(flat)

    def sample(x: object, turn: object) -> object:
        return e3nn.IrrepsArray(native, x).transform_by_matrix(turn).array

    mapped = jax.vmap(sample)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": mapped(inputs["x"], inputs["R"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {**inputs, "x": inputs["x"].reshape(-1, channels * dim)[:, flat]}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, back].reshape(-1, channels, dim)}

    kernel = f"e3nn-jax {e3nn.__version__} transform_by_matrix, vmap over samples, XLA"
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse what is not right: rotations near the poles of Euler angles, and bfloat16."""
    if problem.data == "poles":
        return Refusal(
            "angles by an arc cosine lose half of their digits near the poles", "use data normal"
        )
    if problem.dtype == "bfloat16":
        return Refusal("angles need more digits than bfloat16 has", "use float32")
    return None


TORCH = in_torch(
    operation="wigner_rotation",
    build=torch_e3nn,
    supports=supports,
)

JAX = in_jax(
    operation="wigner_rotation",
    build=jax_e3nn,
    supports=supports,
)
