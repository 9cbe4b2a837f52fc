"""The products of e3nn (PyTorch) and e3nn-jax between a gather and a scatter [@geiger2022].

So do NequIP [@batzner2022] and NequIP-JAX. Harmonics are the library's own where the problem gives
vectors. One generated contraction for each path, O(L^6) dense; the messages of all edges are
formed, in `mixing_convolution` with their channels mixed edge by edge, then summed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.families.points import channels_of, has_vectors, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.peers.e3nn import (
    JIT,
    Ints,
    flat_order,
    in_jax,
    in_torch,
    labels,
    torch_kernel,
    torch_module,
)
from impls.points.convolution.merged import merged
from impls.points.convolution.operation import paths_of, reached
from impls.points.harmonics import supports
from impls.problem import Problem, Refusal
from impls.so3.irreps import Irreps

LARGEST = 11
"""The largest degree of which e3nn has Wigner 3j symbols."""


@dataclass(frozen=True)
class Plan:
    """A product on e3nn's one axis, and what carries canonical arrays to it.

    `lines` are (item of x, of the harmonics, of the output). With one axis for all channels,
    native = canonical.reshape(n, -1)[:, index] for x (`flat`) and weights (`weights`, None where
    the order is the same), and canonical = native[:, back] for the output.
    """

    node: Irreps
    out: Irreps
    lines: tuple[tuple[int, int, int], ...]
    mode: str
    flat: Ints
    weights: Ints | None
    back: Ints
    dim: int


def channelwise(problem: Problem) -> Plan:
    """Return the plan of weights for each edge; equal neighbours in x are merged."""
    node, paths, channels = irreps_of(problem)[0], paths_of(problem), channels_of(problem)
    plan, dim = merged(node, paths, channels), paths[-1].out.stop
    back = np.argsort(plan.rows)
    return Plan(plan.node, plan.out, plan.lines, "uvu", plan.flat, plan.weights, back, dim)


def mixing(problem: Problem) -> Plan:
    """Return the plan of shared weights: a path is a line, all lines into one irrep are summed."""
    node, out, channels = irreps_of(problem)[0], reached(problem), channels_of(problem)
    place = {ir: i3 for i3, (_, ir) in enumerate(out)}
    lines = tuple((path.i1, path.i2, place[path.ir3]) for path in paths_of(problem))
    back = np.argsort(flat_order(out, channels))
    return Plan(node, out, lines, "uvw", flat_order(node, channels), None, back, out.dim)


PLANS: dict[str, Callable[[Problem], Plan]] = {
    "channelwise": channelwise,
    "mixing_convolution": mixing,
}


def torch_e3nn(operation: str, problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn's product; the whole message array is in memory."""
    import torch
    from e3nn import o3

    edge, channels, nodes = irreps_of(problem)[1], channels_of(problem), counts_of(problem)[0]
    plan, device = PLANS[operation](problem), target.device
    jit_mode = str(options.get("jit_mode", "default"))
    product = torch_module(
        lambda: o3.TensorProduct(
            labels(plan.node, channels),
            labels(edge),
            labels(plan.out, channels),
            [(*line, plan.mode, True) for line in plan.lines],
            path_normalization="none",
            shared_weights=plan.mode == "uvw",
            internal_weights=False,
        ),
        problem.dtype,
        device,
        jit_mode,
    )
    degrees = [ir.l for _, ir in edge]
    harmonics = torch_module(
        lambda: o3.SphericalHarmonics(degrees, normalize=True, normalization="component"),
        problem.dtype,
        device,
        jit_mode,
    )
    flat = torch.as_tensor(plan.flat, device=device)
    order = None if plan.weights is None else torch.as_tensor(plan.weights, device=device)
    back = torch.as_tensor(plan.back, device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        sh = harmonics(inputs["v"]) if "v" in inputs else inputs["sh"]
        message = product(inputs["x"].index_select(0, inputs["src"]), sh, weights["w"])
        zeros = message.new_zeros(nodes, message.shape[1])
        return {"z": zeros.index_add(0, inputs["dst"], message)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        w = _flat(plan, weights["w"])
        return {**inputs, "x": x}, {"w": w if order is None else w.index_select(1, order)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(nodes, channels, plan.dim)}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


def jax_e3nn(operation: str, problem: Problem, target: Target, options: Options) -> Built:
    """Build e3nn-jax's product, one einsum for each path, fused by XLA as it likes."""
    import e3nn_jax as e3nn
    import jax
    from e3nn_jax.legacy import FunctionalTensorProduct

    edge, channels, nodes = irreps_of(problem)[1], channels_of(problem), counts_of(problem)[0]
    plan = PLANS[operation](problem)
    ends = [line[2] for line in plan.lines]
    summed = channels if plan.mode == "uvw" else 1
    product = FunctionalTensorProduct(
        e3nn.Irreps(labels(plan.node, channels)),
        e3nn.Irreps(labels(edge)),
        e3nn.Irreps(labels(plan.out, channels)),
        # "path" divides by the channels and the paths that are summed: multiply by them
        [(*line, plan.mode, True, float(summed * ends.count(line[2]))) for line in plan.lines],
        irrep_normalization="component",
        path_normalization="path",
        gradient_normalization="path",  # "element" would leave sqrt(2l3+1) to the weights
    )
    natural = e3nn.Irreps([(1, (ir.l, (-1) ** ir.l)) for _, ir in edge])

    def harmonics(v: Any) -> Any:
        return e3nn.spherical_harmonics(natural, v, normalize=True, normalization="component").array

    def message(w: Any, x: Any, sh: Any) -> Any:
        first = e3nn.IrrepsArray(product.irreps_in1, x)
        return product.left_right(w, first, e3nn.IrrepsArray(product.irreps_in2, sh)).array

    mapped = jax.vmap(message, (None if plan.mode == "uvw" else 0, 0, 0))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        sh = harmonics(inputs["v"]) if has_vectors(problem) else inputs["sh"]
        messages = mapped(weights["w"], inputs["x"][inputs["src"]], sh)
        return {"z": e3nn.scatter_sum(messages, dst=inputs["dst"], output_size=nodes)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1)[:, plan.flat]
        w = _flat(plan, weights["w"])
        return {**inputs, "x": x}, {"w": w if plan.weights is None else w[:, plan.weights]}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, plan.back].reshape(nodes, channels, plan.dim)}

    return Built(
        call,
        pack,
        unpack,
        layout="mul_ir, one axis",
        kernel=f"e3nn-jax {e3nn.__version__} FunctionalTensorProduct, vmap over edges, XLA",
    )


def _flat(plan: Plan, w: Any) -> Any:
    """Return weights [edges, ...] with one axis for an edge, shared ones with one axis."""
    return w.reshape(-1) if plan.mode == "uvw" else w.reshape(len(w), w.shape[1] * w.shape[2])


def torch_supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees beyond the tables of e3nn, and bfloat16 where harmonics are computed."""
    largest = max(irreps.lmax for irreps in irreps_of(problem))
    if largest > LARGEST:
        return Refusal(f"degree {largest}: e3nn has couplings up to {LARGEST}", "ask for less")
    return supports(problem, target)


EXPONENTS = {"channelwise": 1, "mixing_convolution": 2}
"""How the arithmetic grows with the number of channels."""

TORCH = tuple(
    in_torch(
        operation=operation,
        build=partial(torch_e3nn, operation),
        supports=torch_supports,
        options=JIT,
        papers=("geiger2022", "batzner2022"),
        growth=Growth({"lmax": 6, "channels": power}),
    )
    for operation, power in EXPONENTS.items()
)

JAX = tuple(
    in_jax(
        operation=operation,
        build=partial(jax_e3nn, operation),
        supports=supports,
        growth=Growth({"lmax": 6, "channels": power}),
    )
    for operation, power in EXPONENTS.items()
)
