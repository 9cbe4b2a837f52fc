"""e3nn-jax's `uvu` product between a gather and a scatter [@geiger2022], as in NequIP-JAX.

One einsum per path, O(L^6) dense, fused by XLA as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impls.families.convolution import channels_of, graph_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import labels
from impls.problem import Problem, Scalar
from impls.products.channelwise.merged import merged
from impls.products.channelwise.operation import paths_of


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import e3nn_jax as e3nn
    import jax
    import numpy as np
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


IMPLEMENTATION = Implementation(
    operation="channelwise",
    name="jax_e3nn",
    framework="jax",
    build=_build,
    requires=("e3nn_jax",),
    papers=("geiger2022",),
    licence="Apache-2.0",
    growth=Growth({"lmax": 6, "channels": 1}),
)
