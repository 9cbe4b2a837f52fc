"""e3nn's `uvu` product between a gather and a scatter [@geiger2022], as NequIP [@batzner2022] does.

One generated contraction per path, O(L^6) dense; the whole message array is in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.families.convolution import channels_of, graph_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import labels, torch_kernel, torch_module
from impls.problem import Problem, Scalar
from impls.products.channelwise.merged import merged
from impls.products.channelwise.operation import paths_of


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import numpy as np
    import torch
    from e3nn import o3

    node, edge, _ = irreps_of(problem)
    paths, channels, nodes = paths_of(problem), channels_of(problem), graph_of(problem).nodes
    plan, dim = merged(node, paths, channels), paths[-1].out.stop
    jit_mode = str(options.get("jit_mode", "default"))
    product = torch_module(
        lambda: o3.TensorProduct(
            labels(plan.node, channels),
            labels(edge),
            labels(plan.out, channels),
            [(*line, "uvu", True) for line in plan.lines],
            shared_weights=False,
            internal_weights=False,
        ),
        problem.dtype,
        target.device,
        jit_mode,
    )
    flat = torch.as_tensor(plan.flat, device=target.device)
    order = None if plan.weights is None else torch.as_tensor(plan.weights, device=target.device)
    back = torch.as_tensor(np.argsort(plan.rows), device=target.device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        sent = inputs["x"].index_select(0, inputs["src"])
        message = product(sent, inputs["sh"], weights["w"])
        zeros = message.new_zeros(nodes, message.shape[1])
        return {"z": zeros.index_add(0, inputs["dst"], message)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        w = weights["w"].reshape(len(inputs["src"]), -1)
        return {**inputs, "x": x}, {"w": w if order is None else w.index_select(1, order)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(nodes, channels, dim)}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


IMPLEMENTATION = Implementation(
    operation="channelwise",
    name="torch_e3nn",
    framework="torch",
    build=_build,
    options={"jit_mode": ("default", "script")},
    requires=("e3nn",),
    papers=("geiger2022", "batzner2022"),
    licence="MIT",
    baseline=True,
    growth=Growth({"lmax": 6, "channels": 1}),
)
