"""The full tensor products of e3nn (PyTorch) and e3nn-jax [@geiger2022]: O(L^6).

e3nn generates one contraction per path; e3nn-jax calls one einsum per path, which XLA fuses.
Channels are part of the batch. Both sort paths by (l3, parity, position of l1, position of l2),
which `unpack` carries to the canonical order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import (
    JIT,
    Slot,
    canonical_order,
    in_jax,
    in_torch,
    label,
    labels,
    torch_kernel,
    torch_module,
)
from impls.problem import Problem, Scalar
from impls.products.clebsch_gordan.operation import paths_of


def _torch(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import torch
    from e3nn import o3

    first, second, out = irreps_of(problem)
    jit_mode = str(options.get("jit_mode", "default"))
    product = torch_module(
        lambda: o3.FullTensorProduct(
            labels(first), labels(second), filter_ir_out=[label(ir) for _, ir in out]
        ),
        problem.dtype,
        target.device,
        jit_mode,
    )
    index = canonical_order(_slots(product), paths_of(problem))
    order = None if index is None else torch.as_tensor(index, device=target.device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": product(inputs["x"], inputs["y"])}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(-1, order)}

    return Built(
        call,
        unpack=None if order is None else unpack,
        layout="mul_ir" if order is None else "mul_ir, paths in e3nn's order",
        kernel=torch_kernel(jit_mode),
    )


def _slots(product: Any) -> list[Slot]:
    """List the paths as written, seen from single copies (e3nn merges equal neighbours)."""
    first, second = product.irreps_in1, product.irreps_in2
    starts1, starts2 = (np.cumsum([0, *(mul for mul, _ in irreps)]) for irreps in (first, second))
    return [
        (int(starts1[i.i_in1]) + u, int(starts2[i.i_in2]) + v, product.irreps_out[i.i_out].ir.l)
        for i in sorted(product.instructions, key=lambda instruction: instruction.i_out)
        for u in range(first[i.i_in1].mul)
        for v in range(second[i.i_in2].mul)
    ]


def _jax(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import e3nn_jax as e3nn

    first, second, out = irreps_of(problem)
    asked = [e3nn.Irrep(label(ir)) for _, ir in out]
    paths = paths_of(problem)
    # The library enumerates (i1, i2, l3) and then sorts by irrep, stably.
    found = sorted(paths, key=lambda path: (path.i1, path.i2, path.ir3.l))
    written = e3nn.Irreps([(1, label(path.ir3)) for path in found]).sort().inv
    order = canonical_order([(found[i].i1, found[i].i2, found[i].ir3.l) for i in written], paths)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = e3nn.IrrepsArray(labels(first), inputs["x"])
        y = e3nn.IrrepsArray(labels(second), inputs["y"])
        z = e3nn.tensor_product(x, y, filter_ir_out=asked, regroup_output=False)
        return {"z": z.array}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][..., order]}

    return Built(
        call,
        unpack=None if order is None else unpack,
        layout="mul_ir" if order is None else "mul_ir, paths in e3nn's order",
        kernel=f"e3nn-jax {e3nn.__version__} einsum per path, XLA",
    )


TORCH = in_torch(
    operation="clebsch_gordan",
    build=_torch,
    options=JIT,
    growth=Growth({"lmax": 6, "channels": 1}),
)

JAX = in_jax(
    operation="clebsch_gordan",
    build=_jax,
    growth=Growth({"lmax": 6, "channels": 1}),
)
