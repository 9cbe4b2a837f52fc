"""e3nn's full tensor product [@geiger2022]: one generated contraction per path, O(L^6).

Channels are part of the batch. The library sorts paths by (l3, parity, position of l1, position of
l2), which `unpack` carries to the canonical order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import Slot, canonical_order, label, labels, torch_kernel, torch_module
from impls.problem import Problem, Scalar
from impls.products.clebsch_gordan.operation import paths_of


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
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


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="torch_e3nn",
    framework="torch",
    build=_build,
    options={"jit_mode": ("default", "script")},
    requires=("e3nn",),
    papers=("geiger2022",),
    licence="MIT",
    baseline=True,
    growth=Growth({"lmax": 6, "channels": 1}),
)
