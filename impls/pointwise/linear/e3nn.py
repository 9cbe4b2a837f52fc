"""The linear maps of e3nn (PyTorch) and e3nn-jax [@geiger2022].

Both divide by the root of the channels that are summed, which is taken back from the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.families.feature import channels_of, irreps_of
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import JIT, flat_order, in_jax, in_torch, labels, torch_kernel, torch_module
from impls.pointwise.linear.operation import blocks_of, reached
from impls.problem import Problem


def _order(problem: Problem) -> np.ndarray:
    """Return the library's order of the weights, input after input, as rows of the canonical."""
    blocks = blocks_of(problem)
    return np.array(sorted(range(len(blocks)), key=lambda i: blocks[i].part.start))


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn's Linear."""
    import torch
    from e3nn import o3

    jit_mode, device = str(options.get("jit_mode", "default")), target.device
    inside, out, (mul, many) = irreps_of(problem)[0], reached(problem), channels_of(problem)
    linear = torch_module(
        lambda: o3.Linear(
            labels(inside, mul), labels(out, many), internal_weights=False, shared_weights=True
        ),
        problem.dtype,
        device,
        jit_mode,
    )
    order = torch.as_tensor(_order(problem), device=device)
    flat = torch.as_tensor(flat_order(inside, mul), device=device)
    back = torch.as_tensor(np.argsort(flat_order(out, many)), device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": linear(inputs["x"], weights["w"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(len(inputs["x"]), -1).index_select(1, flat)
        w = weights["w"].index_select(0, order).reshape(-1) * mul**0.5
        return {"x": x}, {"w": w}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(-1, many, out.dim)}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


def jax_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn-jax's FunctionalLinear, one einsum for each irrep, mapped over samples."""
    import e3nn_jax as e3nn
    import jax

    inside, out, (mul, many) = irreps_of(problem)[0], reached(problem), channels_of(problem)
    linear = e3nn.FunctionalLinear(
        e3nn.Irreps(labels(inside, mul)),
        e3nn.Irreps(labels(out, many)),
        path_normalization="element",
        gradient_normalization="path",
    )
    order, flat = _order(problem), flat_order(inside, mul)
    back = np.argsort(flat_order(out, many))

    def sample(w: Any, x: Any) -> Any:
        return linear(w, e3nn.IrrepsArray(linear.irreps_in, x)).array

    mapped = jax.vmap(sample, (None, 0))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": mapped(weights["w"], inputs["x"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(len(inputs["x"]), -1)[:, flat]
        return {"x": x}, {"w": weights["w"][order].reshape(-1) * mul**0.5}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, back].reshape(-1, many, out.dim)}

    kernel = f"e3nn-jax {e3nn.__version__} FunctionalLinear, vmap over samples, XLA"
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel)


TORCH = in_torch(
    operation="linear",
    build=torch_e3nn,
    options=JIT,
)

JAX = in_jax(
    operation="linear",
    build=jax_e3nn,
)
