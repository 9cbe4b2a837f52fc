"""The fused convolution of OpenEquivariance in PyTorch on CUDA [@bharadwaj2025].

It takes e3nn's irreps, instructions and order of channels, so that the plan is that of `e3nn`; its
own function turns weights into its order. Messages are not stored: sums at receivers are atomic.
Harmonics are those of this suite.

It was written against the source of release 0.6.6 and tested with a stand-in: it has not run here.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from impls.algorithm import Options
from impls.backends import load
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.peers.e3nn import labels
from impls.peers.openequivariance import implementation
from impls.points.convolution.e3nn import channelwise
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem


def torch_openequivariance(problem: Problem, target: Target, options: Options) -> Built:
    """Build its TensorProductConv."""
    import openequivariance as oeq
    import torch

    edge, channels, nodes = irreps_of(problem)[1], channels_of(problem), counts_of(problem)[0]
    plan, dtype = channelwise(problem), getattr(np, problem.dtype)
    asked = oeq.TPProblem(
        oeq.Irreps(labels(plan.node, channels)),
        oeq.Irreps(labels(edge)),
        oeq.Irreps(labels(plan.out, channels)),
        [(*line, plan.mode, True) for line in plan.lines],
        path_normalization="none",
        shared_weights=False,
        internal_weights=False,
        irrep_dtype=dtype,
        weight_dtype=dtype,
    )
    product = oeq.TensorProductConv(asked)
    harmonics = EdgeHarmonics(problem, load("torch", problem, target))
    flat = torch.as_tensor(plan.flat, device=target.device)
    order = None if plan.weights is None else torch.as_tensor(plan.weights, device=target.device)
    back = torch.as_tensor(plan.back, device=target.device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        ends = inputs["dst"], inputs["src"]
        return {"z": product(inputs["x"], harmonics(inputs), weights["w"], *ends)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        w = weights["w"].flatten(1)
        w = w if order is None else w.index_select(1, order)
        return {**inputs, "x": x}, {"w": product.reorder_weights_from_e3nn(w)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(nodes, channels, plan.dim)}

    kernel = f"openequivariance {version('openequivariance')} TensorProductConv, atomic sums"
    runs = ("libtorch_tp_jit::jit_conv*",)
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel, runs=runs)


IMPLEMENTATION = implementation(
    operation="channelwise",
    build=torch_openequivariance,
    growth=Growth(),
)
