"""The `uvu` products of e3nn (PyTorch) and e3nn-jax between a gather and a scatter [@geiger2022].

So do NequIP [@batzner2022] and NequIP-JAX. One generated contraction for each path, O(L^6) dense;
the messages of all edges are formed, then summed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.families.convolution import channels_of, graph_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import labels, torch_kernel, torch_module
from impls.problem import Problem
from impls.products.channelwise.merged import merged
from impls.products.channelwise.operation import paths_of


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn's product; the whole message array is in memory."""
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


def jax_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn-jax's product, one einsum for each path, fused by XLA as it likes."""
    import e3nn_jax as e3nn
    import jax
    from e3nn_jax.legacy import FunctionalTensorProduct

    node, edge, _ = irreps_of(problem)
    paths, channels, nodes = paths_of(problem), channels_of(problem), graph_of(problem).nodes
    plan, dim = merged(node, paths, channels), paths[-1].out.stop
    product = FunctionalTensorProduct(
        e3nn.Irreps(labels(plan.node, channels)),
        e3nn.Irreps(labels(edge)),
        e3nn.Irreps(labels(plan.out, channels)),
        [(*line, "uvu", True) for line in plan.lines],
        irrep_normalization="component",
        path_normalization="element",
        gradient_normalization="path",  # "element" would leave sqrt(2l3+1) to the weights
    )
    flat, order, back = plan.flat, plan.weights, np.argsort(plan.rows)

    def message(w: Any, x: Any, sh: Any) -> Any:
        first = e3nn.IrrepsArray(product.irreps_in1, x)
        return product.left_right(w, first, e3nn.IrrepsArray(product.irreps_in2, sh)).array

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        messages = jax.vmap(message)(weights["w"], inputs["x"][inputs["src"]], inputs["sh"])
        return {"z": e3nn.scatter_sum(messages, dst=inputs["dst"], output_size=nodes)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1)[:, flat]
        w = weights["w"].reshape(len(inputs["src"]), -1)
        return {**inputs, "x": x}, {"w": w if order is None else w[:, order]}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, back].reshape(nodes, channels, dim)}

    return Built(
        call,
        pack,
        unpack,
        layout="mul_ir, one axis",
        kernel=f"e3nn-jax {e3nn.__version__} FunctionalTensorProduct, vmap over edges, XLA",
    )


TORCH = Implementation(
    operation="channelwise",
    name="torch_e3nn",
    title="e3nn",
    framework="torch",
    build=torch_e3nn,
    options={"jit_mode": ("default", "script")},
    requires=("e3nn",),
    papers=("geiger2022", "batzner2022"),
    licence="MIT",
    baseline=True,
    growth=Growth({"lmax": 6, "channels": 1}),
)

JAX = Implementation(
    operation="channelwise",
    name="jax_e3nn",
    title="e3nn-jax",
    framework="jax",
    build=jax_e3nn,
    requires=("e3nn_jax",),
    papers=("geiger2022",),
    licence="Apache-2.0",
    growth=Growth({"lmax": 6, "channels": 1}),
)
