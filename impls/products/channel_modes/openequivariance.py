"""The products of OpenEquivariance in PyTorch on CUDA, modes uvu and uvw [@bharadwaj2025].

It takes e3nn's irreps, instructions and order of channels, so that layouts are those of `e3nn`; its
own function turns weights into its order.

It was written against the source of release 0.6.6 and tested with a stand-in: it has not run here.
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
from impls.peers.openequivariance import implementation
from impls.problem import Problem
from impls.products.channel_modes.e3nn import instructions
from impls.products.channel_modes.modes import MODES, Mode


def torch_openequivariance(mode: Mode, problem: Problem, target: Target, options: Options) -> Built:
    """Build its TensorProduct."""
    import openequivariance as oeq
    import torch

    (first, second, _), (mul1, mul2, _) = irreps_of(problem), multiplicities_of(problem)
    out, multiplicity, device = mode.irreps(problem), mode.multiplicity(problem), target.device
    dtype, own = getattr(np, problem.dtype), per_sample(problem)
    product = oeq.TensorProduct(
        oeq.TPProblem(
            oeq.Irreps(labels(first, mul1)),
            oeq.Irreps(labels(second, mul2)),
            oeq.Irreps(labels(out, multiplicity)),
            instructions(mode, problem),
            path_normalization="none",
            shared_weights=not own,
            internal_weights=False,
            irrep_dtype=dtype,
            weight_dtype=dtype,
        )
    )
    orders = flat_order(first, mul1), flat_order(second, mul2)
    flat1, flat2 = (torch.as_tensor(order, device=device) for order in orders)
    back = torch.as_tensor(np.argsort(flat_order(out, multiplicity)), device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": product(inputs["x"], inputs["y"], weights["w"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x, y = (inputs[name].flatten(1) for name in "xy")
        native = {"x": x.index_select(1, flat1), "y": y.index_select(1, flat2)}
        w = weights["w"].flatten(1) if own else weights["w"].flatten()
        return native, {"w": product.reorder_weights_from_e3nn(w, own)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(-1, multiplicity, out.dim)}

    kernel = f"openequivariance {version('openequivariance')} TensorProduct"
    runs = ("libtorch_tp_jit::jit_tp*",)
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel, runs=runs)


IMPLEMENTATIONS = tuple(
    implementation(
        operation=mode.operation,
        build=partial(torch_openequivariance, mode),
        growth=Growth(),
    )
    for mode in MODES
    if mode.name in ("uvu", "uvw")
)
