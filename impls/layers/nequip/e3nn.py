"""The layer of e3nn modules, as NequIP is made of them [@geiger2022] [@batzner2022].

o3.Linear, o3.TensorProduct between a gather and a scatter, o3.Linear and its self-connection, and
nn.Gate. The radial functions are those of this suite. e3nn divides by the roots of sums and by the
second moments of activations: weights and outputs are scaled, so that the map is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.backends import load
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.layers.mixing import Mixing
from impls.layers.nequip.operation import convolution_of, gated_of, mixings_of, radial_of
from impls.layers.radial import RadialNetwork, lengths
from impls.peers.e3nn import JIT, flat_order, in_torch, label, labels, torch_kernel, torch_module
from impls.points.convolution.e3nn import torch_supports
from impls.points.convolution.operation import paths_of
from impls.problem import Problem
from impls.products.paths import output_irreps
from impls.so3.irreps import Irreps


@dataclass(frozen=True)
class Items:
    """The items of what a gate takes: those of the output, scalars or gated, and the gates."""

    every: Irreps
    scalars: tuple[int, ...]
    gates: tuple[int, ...]
    gated: tuple[int, ...]

    @classmethod
    def of(cls, problem: Problem) -> Items:
        """Return the items of a problem."""
        count, gated = len(irreps_of(problem)[2]), gated_of(problem)
        every = mixings_of(problem)[1].out
        scalars = tuple(i for i in range(count) if i not in gated)
        return cls(every, scalars, tuple(range(count, len(every))), gated)

    def named(self, items: tuple[int, ...], channels: int) -> str:
        """Return e3nn's name of some of them, in this order."""
        chosen = Irreps(tuple(self.every.items[i] for i in items))
        return labels(chosen, channels) if items else ""

    def groups(self) -> list[list[int]]:
        """Return them by irrep, sorted as the gate takes them."""
        order = (*self.scalars, *self.gates, *self.gated)
        irreps = {i: self.every.items[i][1] for i in order}
        return [[i for i in order if irreps[i] == ir] for ir in sorted(set(irreps.values()))]


def _gate(problem: Problem, items: Items) -> Any:
    import torch
    from e3nn.nn import Gate

    channels, silu = channels_of(problem), torch.nn.functional.silu
    odd = [items.every.items[i][1].p < 0 for i in items.scalars]
    return Gate(
        items.named(items.scalars, channels),
        [torch.tanh if is_odd else silu for is_odd in odd],
        items.named(items.gates, channels),
        [silu] * len(items.gates),
        items.named(items.gated, channels),
    )


def _constants(problem: Problem, items: Items) -> np.ndarray:
    """Return what e3nn multiplies each component of the output with [dim]."""
    import torch
    from e3nn.math import normalize2mom

    out = irreps_of(problem)[2]
    silu, tanh = (normalize2mom(phi).cst for phi in (torch.nn.functional.silu, torch.tanh))
    odd = [i in items.scalars and ir.p < 0 for i, (_, ir) in enumerate(out)]
    return np.repeat([tanh if is_odd else silu for is_odd in odd], [ir.dim for _, ir in out])


def _linear(mixing: Mixing, groups: list[list[int]], channels: int) -> Any:
    """Return o3.Linear from the items of a mixing to groups of its others."""
    from e3nn import o3

    ends = "+".join(
        f"{len(group) * channels}x{label(mixing.out.items[group[0]][1])}" for group in groups
    )
    return o3.Linear(
        labels(mixing.inside, channels), ends, internal_weights=False, shared_weights=True
    )


def _native(mixing: Mixing, groups: list[list[int]], module: Any, w: Any) -> Any:
    """Return weights as a module has them: its instructions one after another."""
    import torch

    place = {pair: n for n, pair in enumerate(mixing.pairs)}
    parts = []
    for instruction in module.instructions:
        rows = [w[place[o, instruction.i_in]] for o in groups[instruction.i_out]]
        parts.append(torch.cat(rows, 1).reshape(-1) / instruction.path_weight)
    return torch.cat(parts)


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build the layer; the whole message array is in memory."""
    import torch
    from e3nn import o3

    jit_mode, device = str(options.get("jit_mode", "default")), target.device

    def module(make: Any) -> Any:
        return torch_module(make, problem.dtype, device, jit_mode)

    (node, edge, out), convolution = irreps_of(problem), convolution_of(problem)
    paths, channels, nodes = paths_of(convolution), channels_of(problem), counts_of(problem)[0]
    items, mixings = Items.of(problem), mixings_of(problem)
    groups = items.groups()
    single = [[i] for i in range(len(node))]
    into = {"A": single, "B": groups, "D": groups}
    linear = {
        m.name: module(lambda m=m: _linear(m, into[m.name], channels)) for m in mixings if m.pairs
    }
    product = module(
        lambda: o3.TensorProduct(
            labels(node, channels),
            labels(edge),
            labels(output_irreps(paths), channels),
            [(p.i1, p.i2, k, "uvu", True) for k, p in enumerate(paths)],
            path_normalization="none",
            shared_weights=False,
            internal_weights=False,
        )
    )
    harmonics = module(
        lambda: o3.SphericalHarmonics(
            [ir.l for _, ir in edge], normalize=True, normalization="component"
        )
    )
    gate = module(lambda: _gate(problem, items))
    network = RadialNetwork(radial_of(problem), problem, load("torch", problem, target))
    left = Irreps(tuple(out.items[i] for i in (*items.scalars, *items.gated)))
    starts = dict(zip((*items.scalars, *items.gated), left.slices(), strict=True))
    order = [np.arange(starts[i].start, starts[i].stop) for i in range(len(out))]
    flat = torch.as_tensor(flat_order(node, channels), device=device)
    back = torch.as_tensor(np.argsort(flat_order(left, channels)), device=device)
    place = torch.as_tensor(np.concatenate(order), device=device)
    scale = module(lambda: torch.as_tensor(1 / _constants(problem, items)))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, v = inputs["x"], inputs["v"]
        h = linear["A"](x, weights["A"])
        w = network(lengths(v), weights)
        message = product(h.index_select(0, inputs["src"]), harmonics(v), w)
        zeros = message.new_zeros(nodes, message.shape[1])
        s = linear["B"](zeros.index_add(0, inputs["dst"], message), weights["B"])
        if "D" in linear:
            s = s + linear["D"](x, weights["D"])
        return {"z": gate(s)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        native = {
            m.name: _native(m, into[m.name], linear[m.name], weights[m.name])
            for m in mixings
            if m.name in linear
        }
        return {**inputs, "x": x}, {**weights, **native}

    def unpack(outputs: Tensors) -> Tensors:
        z = outputs["z"].index_select(1, back).reshape(nodes, channels, left.dim)
        return {"z": z.index_select(2, place) * scale}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


TORCH = in_torch(
    operation="nequip_layer",
    build=torch_e3nn,
    supports=torch_supports,
    options=JIT,
    papers=("geiger2022", "batzner2022"),
    growth=Growth({"lmax": 6, "channels": 2}),
)
