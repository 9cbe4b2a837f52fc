"""The products of LunaEquivariance in PyTorch on CUDA, modes uvw, uvu and uuu [@zhou2026].

It takes e3nn's irreps, instructions, order of channels and of weights, so that layouts are those of
`e3nn`; its normalisation of paths is switched off. Paths into one output are summed in the kernel.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

import numpy as np

from impls.algorithm import Options
from impls.families.weighted import irreps_of, multiplicities_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import flat_order, labels
from impls.peers.lunaequivariance import implementation
from impls.problem import Problem
from impls.products.channel_modes.e3nn import instructions
from impls.products.channel_modes.modes import COLLAPSED, MODES, Mode


def torch_lunaequivariance(mode: Mode, problem: Problem, target: Target, options: Options) -> Built:
    """Build its tensor_product."""
    import torch
    from LunaEquivariance import prepare_tensor_product, tensor_product

    (first, second, _), (mul1, mul2, _) = irreps_of(problem), multiplicities_of(problem)
    out, multiplicity, device = mode.irreps(problem), mode.multiplicity(problem), target.device
    own = per_sample(problem)
    prepared = prepare_tensor_product(
        labels(first, mul1),
        labels(second, mul2),
        labels(out, multiplicity),
        instructions(mode, problem),
        path_normalization="none",
        shared_weights=not own,
        dtype=getattr(torch, problem.dtype),
    )
    orders = flat_order(first, mul1), flat_order(second, mul2)
    flat1, flat2 = (torch.as_tensor(order, device=device) for order in orders)
    back = torch.as_tensor(np.argsort(flat_order(out, multiplicity)), device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": tensor_product(inputs["x"], inputs["y"], weights["w"], config=prepared)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x, y = (inputs[name].flatten(1) for name in "xy")
        native = {"x": x.index_select(1, flat1), "y": y.index_select(1, flat2)}
        return native, {"w": weights["w"].flatten(1) if own else weights["w"].flatten()}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(-1, multiplicity, out.dim)}

    kernel = f"LunaEquivariance {version('LunaEquivariance')} tensor_product"
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel)


IMPLEMENTATIONS = tuple(
    implementation(
        operation=mode.operation,
        build=partial(torch_lunaequivariance, mode),
        growth=Growth(),
    )
    for mode in (*MODES, COLLAPSED)
    if mode.name in ("uvw", "uvu", "uuu")
)
