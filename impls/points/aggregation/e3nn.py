"""The sums over edges of e3nn's networks (PyTorch) and of e3nn-jax [@geiger2022]."""

from __future__ import annotations

from impls.algorithm import Options
from impls.families.points import channels_of, irreps_of
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.peers.e3nn import in_jax, in_torch
from impls.problem import Problem


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build `scatter` of e3nn's point convolution, which takes one axis beside that of edges."""
    import e3nn
    from e3nn.nn.models.v2106.points_convolution import scatter

    nodes, (channels, dim) = (
        counts_of(problem)[0],
        (channels_of(problem), irreps_of(problem)[0].dim),
    )

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        messages = inputs["x"].index_select(0, inputs["src"]) * inputs["a"][:, :, None]
        flat = messages.reshape(len(messages), channels * dim)
        return {"z": scatter(flat, inputs["dst"], nodes).reshape(nodes, channels, dim)}

    return Built(call, kernel=f"e3nn {e3nn.__version__} scatter of its point convolution")


def jax_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn-jax's scatter_sum."""
    import e3nn_jax as e3nn

    nodes = counts_of(problem)[0]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        messages = inputs["x"][inputs["src"]] * inputs["a"][:, :, None]
        return {"z": e3nn.scatter_sum(messages, dst=inputs["dst"], output_size=nodes)}

    return Built(call, kernel=f"e3nn-jax {e3nn.__version__} scatter_sum, XLA")


TORCH = in_torch(
    operation="aggregation",
    build=torch_e3nn,
)

JAX = in_jax(
    operation="aggregation",
    build=jax_e3nn,
)
