"""The fused convolution of LunaEquivariance in PyTorch on CUDA [@zhou2026].

It takes e3nn's irreps, instructions, order of channels and of weights, so that the plan is that of
`e3nn`. It walks edges by rows of receivers and of senders: tables that `make_graph` makes of edges
which must be sorted by `dst`. A network makes them once for all layers; here edges are inputs, so
that each call makes them, and sorts edges, harmonics and weights where they are not sorted. What
`make_graph` reads back from the device keeps the call out of CUDA graphs. Harmonics are those of
this suite.
"""

from __future__ import annotations

from importlib.metadata import version

from impls.algorithm import Options
from impls.backends import load
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.peers.e3nn import labels
from impls.peers.lunaequivariance import implementation
from impls.points.convolution.e3nn import channelwise
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem


def torch_lunaequivariance(problem: Problem, target: Target, options: Options) -> Built:
    """Build its tensor_product_conv, with the graph in the call."""
    import torch
    from LunaEquivariance import make_graph, prepare_tensor_product, tensor_product_conv

    edge, channels, nodes = irreps_of(problem)[1], channels_of(problem), counts_of(problem)[0]
    plan, device = channelwise(problem), target.device
    prepared = prepare_tensor_product(
        labels(plan.node, channels),
        labels(edge),
        labels(plan.out, channels),
        [(*line, plan.mode, True) for line in plan.lines],
        path_normalization="none",
        shared_weights=False,
        dtype=getattr(torch, problem.dtype),
        convolution=True,
    )
    harmonics = EdgeHarmonics(problem, load("torch", problem, target))
    flat = torch.as_tensor(plan.flat, device=device)
    order = None if plan.weights is None else torch.as_tensor(plan.weights, device=device)
    back = torch.as_tensor(plan.back, device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, sh, w = inputs["src"], inputs["dst"], harmonics(inputs), weights["w"]
        if bool((dst[1:] < dst[:-1]).any()):
            by_receiver = torch.argsort(dst)
            src, dst, sh, w = (a.index_select(0, by_receiver) for a in (src, dst, sh, w))
        graph = make_graph(src, dst, nodes)
        return {"z": tensor_product_conv(inputs["x"], sh, w, graph=graph, config=prepared)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        w = weights["w"].flatten(1)
        return {**inputs, "x": x}, {"w": w if order is None else w.index_select(1, order)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(nodes, channels, plan.dim)}

    found = version("LunaEquivariance")
    kernel = f"LunaEquivariance {found} tensor_product_conv, graph in the call"
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel)


IMPLEMENTATION = implementation(
    operation="channelwise",
    build=torch_lunaequivariance,
    growth=Growth(),
)
