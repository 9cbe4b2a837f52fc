"""The products of e3nn (PyTorch) and e3nn-jax in the same modes [@geiger2022].

One generated contraction for each path, O(L^6) dense. Paths are given to them in canonical order,
so that weights keep theirs, and their normalisation of paths is switched off (e3nn) or undone
(e3nn-jax). Channels are multiplicities inside one axis.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.families.weighted import irreps_of, multiplicities_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import JIT, flat_order, in_jax, in_torch, labels, torch_kernel, torch_module
from impls.problem import Problem
from impls.products.channel_modes.modes import COLLAPSED, MODES, Mode, paths_of

Instruction = tuple[int, int, int, str, bool]


def instructions(mode: Mode, problem: Problem) -> list[Instruction]:
    """Return a line for each path: items of x, y and the output, the mode, that it has weights."""
    ends = {ir: i3 for i3, (_, ir) in enumerate(mode.irreps(problem))}
    return [
        (path.i1, path.i2, ends[path.ir3] if mode.summed else k, mode.name, True)
        for k, path in enumerate(paths_of(problem))
    ]


def torch_e3nn(mode: Mode, problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn's product; it forms the outer product of all pairs of channels."""
    import torch
    from e3nn import o3

    (first, second, _), (mul1, mul2, _) = irreps_of(problem), multiplicities_of(problem)
    out, multiplicity = mode.irreps(problem), mode.multiplicity(problem)
    device, jit_mode = target.device, str(options.get("jit_mode", "default"))
    product = torch_module(
        lambda: o3.TensorProduct(
            labels(first, mul1),
            labels(second, mul2),
            labels(out, multiplicity),
            instructions(mode, problem),
            path_normalization="none",
            shared_weights=not per_sample(problem),
            internal_weights=False,
        ),
        problem.dtype,
        device,
        jit_mode,
    )
    orders = flat_order(first, mul1), flat_order(second, mul2)
    flat1, flat2 = (torch.as_tensor(order, device=device) for order in orders)
    back = torch.as_tensor(np.argsort(flat_order(out, multiplicity)), device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": product(inputs["x"], inputs["y"], weights["w"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x, y = (inputs[name].reshape(len(inputs[name]), -1) for name in "xy")
        native = {"x": x.index_select(1, flat1), "y": y.index_select(1, flat2)}
        return native, {"w": _flat(problem, weights["w"])}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(-1, multiplicity, out.dim)}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


def jax_e3nn(mode: Mode, problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn-jax's product: one einsum per path, mapped over samples."""
    import e3nn_jax as e3nn
    import jax
    from e3nn_jax.legacy import FunctionalTensorProduct

    (first, second, _), (mul1, mul2, _) = irreps_of(problem), multiplicities_of(problem)
    out, multiplicity = mode.irreps(problem), mode.multiplicity(problem)
    lines = instructions(mode, problem)
    ends = [line[2] for line in lines]
    summed = prod(
        n for c, n in mode.sizes(problem).items() if c in set(mode.letters) - set(mode.out)
    )
    product = FunctionalTensorProduct(
        e3nn.Irreps(labels(first, mul1)),
        e3nn.Irreps(labels(second, mul2)),
        e3nn.Irreps(labels(out, multiplicity)),
        # "path" divides by the channels and the paths that are summed: multiply by them
        [(*line, float(summed * ends.count(line[2]))) for line in lines],
        irrep_normalization="component",
        path_normalization="path",
        gradient_normalization="path",  # "element" would leave the norm to the weights
    )
    flat1, flat2 = flat_order(first, mul1), flat_order(second, mul2)
    back = np.argsort(flat_order(out, multiplicity))

    def sample(w: Any, x: Any, y: Any) -> Any:
        left, right = (
            e3nn.IrrepsArray(product.irreps_in1, x),
            e3nn.IrrepsArray(product.irreps_in2, y),
        )
        return product.left_right(w, left, right).array

    mapped = jax.vmap(sample, (0 if per_sample(problem) else None, 0, 0))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": mapped(weights["w"], inputs["x"], inputs["y"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x, y = (inputs[name].reshape(len(inputs[name]), -1) for name in "xy")
        return {"x": x[:, flat1], "y": y[:, flat2]}, {"w": _flat(problem, weights["w"])}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, back].reshape(-1, multiplicity, out.dim)}

    kernel = f"e3nn-jax {e3nn.__version__} FunctionalTensorProduct, vmap over samples, XLA"
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel)


def _flat(problem: Problem, w: Any) -> Any:
    return w.reshape(len(w), -1) if per_sample(problem) else w.reshape(-1)


TORCH = tuple(
    in_torch(
        operation=mode.operation,
        build=partial(torch_e3nn, mode),
        options=JIT,
        growth=Growth({"lmax": 6, "channels": len(mode.letters)}),
    )
    for mode in (*MODES, COLLAPSED)
)

JAX = tuple(
    in_jax(
        operation=mode.operation,
        build=partial(jax_e3nn, mode),
        growth=Growth({"lmax": 6, "channels": len(mode.letters)}),
    )
    for mode in (*MODES, COLLAPSED)
)
