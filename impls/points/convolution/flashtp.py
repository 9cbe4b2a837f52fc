"""The fused convolution of FlashTP in PyTorch on CUDA [@lee2025].

It takes e3nn's irreps, instructions and order of channels, and makes e3nn's product of them with
the normalisation "element": where every path has an output of its own, as here, that is this
suite's. Its weights are in the order of the instructions. One kernel gathers by `src`, multiplies,
and adds to rows of `dst` by atomic sums; messages are not stored. Harmonics are those of this
suite.

What its source says else (SNU-ARC/flashTP at d52e414, MIT: flashTP_e3nn/flashTP.py, and
fused_e3nn_exp_opt_large.py with its kernels):

* couplings are rounded to float32, in float64 too, where it would be wrong by that;
* a warp takes 32 channels of an item, and each item of x needs a path;
* tables in constant memory, written in each call, hold 31 items and 256 paths, to degree 5;
* indices are int32, and arrays lie side by side;
* it knows the shared memory of two cards by name, and takes 48 KiB of others: here it is told;
* kernels start on the default stream, so that no CUDA graph can hold them.

It was tested with a stand-in: it has not run here.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from impls.algorithm import Options
from impls.backends import load
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.inputs.named import counts_of
from impls.peers.e3nn import labels, torch_module
from impls.points.convolution.e3nn import Plan, channelwise
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem, Refusal

WARP = 32
LARGEST = 5
ITEMS = 31
PATHS = 256


def shared_memory(device: str) -> int:
    """Return how many KiB of shared memory a block may ask for on a card."""
    import torch

    properties: Any = torch.cuda.get_device_properties(device)  # its stubs lack this one
    return int(properties.shared_memory_per_block_optin) // 1024


def torch_flashtp(problem: Problem, target: Target, options: Options) -> Built:
    """Build its product for channels, gathered and summed."""
    import torch
    from e3nn import o3
    from flashTP_e3nn import uvu_TP

    edge, channels, nodes = irreps_of(problem)[1], channels_of(problem), counts_of(problem)[0]
    plan, device = channelwise(problem), target.device
    product = torch_module(
        lambda: uvu_TP(
            o3.Irreps(labels(plan.node, channels)),
            o3.Irreps(labels(edge)),
            o3.Irreps(labels(plan.out, channels)),
            [(*line, plan.mode, True) for line in plan.lines],
            smem_size=shared_memory(device),
            device=device,
            dtype=getattr(torch, problem.dtype),
        ),
        problem.dtype,
        device,
        "default",
    )
    harmonics = EdgeHarmonics(problem, load("torch", problem, target))
    flat = torch.as_tensor(plan.flat, device=device)
    order = None if plan.weights is None else torch.as_tensor(plan.weights, device=device)
    back = torch.as_tensor(plan.back, device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        ends = inputs["src"], inputs["dst"]
        return {"z": product(inputs["x"], harmonics(inputs), weights["w"], *ends)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        ends = {name: inputs[name].int() for name in ("src", "dst")}
        w = weights["w"].flatten(1)
        given = {name: a.contiguous() for name, a in inputs.items()}
        w = w if order is None else w.index_select(1, order)
        return {**given, **ends, "x": x}, {"w": w}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(nodes, channels, plan.dim)}

    kernel = f"FlashTP {version('flashTP_e3nn')} uvu_TP, atomic sums"
    runs = ("flashtp_*_kernel::sptp_linear_fwd*",)
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel, runs=runs)


def flashtp_supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse a CPU, other precisions than float32, and what its kernels do not take."""
    if target.device != "cuda":
        return Refusal("FlashTP runs on CUDA alone", "use --device cuda")
    if problem.dtype != "float32":
        return Refusal(
            "FlashTP rounds couplings to float32 in every precision, and has no bfloat16",
            "use float32",
        )
    largest = max(irreps.lmax for irreps in irreps_of(problem))
    if largest > LARGEST:
        return Refusal(f"degree {largest}: FlashTP has tables up to {LARGEST}", "ask for less")
    return _too_many(channelwise(problem), channels_of(problem))


def _too_many(plan: Plan, channels: int) -> Refusal | None:
    """Refuse channels, items and paths that do not fit its kernels."""
    if any(copies * channels % WARP for copies, _ in plan.node):
        return Refusal(
            f"FlashTP's kernels for cuda take {WARP} channels at a time, not {channels}",
            f"use a multiple of {WARP}",
        )
    if len(plan.node) > ITEMS or len(plan.lines) > PATHS:
        return Refusal(
            f"{len(plan.node)} items and {len(plan.lines)} paths: FlashTP has tables of {ITEMS} "
            f"and {PATHS}",
            "ask for less",
        )
    used = {line[0] for line in plan.lines}
    idle = [str(ir) for n, (_, ir) in enumerate(plan.node) if n not in used]
    if idle:
        return Refusal(
            f"FlashTP wants a path for each item of x, and {', '.join(idle)} has none",
            "leave it out of irreps_node",
        )
    return None


IMPLEMENTATION = Implementation(
    operation="channelwise",
    name="torch_flashtp",
    title="FlashTP",
    framework="torch",
    build=torch_flashtp,
    supports=flashtp_supports,
    requires=("flashTP_e3nn",),
    remedy="pip install --no-build-isolation git+https://github.com/SNU-ARC/flashTP@d52e414",
    papers=("lee2025",),
    licence="MIT",
    growth=Growth(),
)
