"""The layer of e3nn modules, as SEGNN is made of them [@geiger2022] [@brandstetter2022].

o3.FullyConnectedTensorProduct for each steerable map, both ends of an edge and its squared length
as multiplicities of one input, and nn.Gate. e3nn divides activations by the roots of their second
moments: the weights that meet them are scaled, so that the map is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impls.algorithm import Options
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.layers.segnn.operation import gated_of, maps_of, trivial
from impls.layers.steerable import Steerable
from impls.peers.e3nn import JIT, flat_order, in_torch, label, labels, torch_kernel, torch_module
from impls.points.convolution.e3nn import torch_supports
from impls.problem import Problem
from impls.so3.irreps import Irreps

Ends = tuple[tuple[int, ...], ...]
"""The items of a feature, in the order in which it comes, for each feature that a map takes."""


@dataclass(frozen=True)
class Map:
    """A steerable map as e3nn has it: what it takes, and its outputs in groups of one irrep."""

    spec: Steerable
    ends: Ends
    groups: tuple[tuple[int, ...], ...]
    scaled: Mapping[int, Any]
    """What e3nn has multiplied the items of the last feature with."""

    @property
    def channels(self) -> int:
        """Return the channels of each feature."""
        return self.spec.channels[0] // len(self.ends)

    def module(self) -> Any:
        """Return the product of e3nn."""
        from e3nn import o3

        items, out, channels = self.spec.inside.items, self.spec.out.items, self.channels
        inside = [
            labels(Irreps(tuple(items[i] for i in order)), channels) for order in self.ends
        ] + ["1x0e"] * bool(self.spec.scales)
        outside = [f"{len(group) * channels}x{label(out[group[0]][1])}" for group in self.groups]
        return o3.FullyConnectedTensorProduct(
            "+".join(inside),
            labels(self.spec.attribute),
            "+".join(outside),
            path_normalization="none",
            shared_weights=True,
            internal_weights=False,
        )

    def native(self, module: Any, weights: Tensors) -> Tensors:
        """Return the weights by name as the product has them, each in one axis, those of s last."""
        import torch

        spec, parts, straight = self.spec, [], []
        w = weights[f"{spec.name}_W"]
        inside = [(end, i) for end, order in enumerate(self.ends) for i in order]
        paths = {(path.i1, path.i2, path.ir3): k for k, path in enumerate(spec.paths)}
        for line in module.instructions:
            group = self.groups[line.i_out]
            if line.i_in1 == len(inside):
                d = weights[f"{spec.name}_D"]
                straight += [d[spec.straight.index((o, line.i_in2))] for o in group]
                continue
            end, item = inside[line.i_in1]
            k = paths[item, line.i_in2, spec.out.items[group[0]][1]]
            taken = slice(end * self.channels, (end + 1) * self.channels)
            scale = self.scaled.get(item, 1.0) if end == len(self.ends) - 1 else 1.0
            rows = [w[spec.pairs.index((o, k)), taken] / scale for o in group]
            parts.append(torch.cat(rows, 1).reshape(-1))
        found = {f"{spec.name}_W": torch.cat(parts)}
        if straight:
            found[f"{spec.name}_D"] = torch.cat(straight)
        if spec.biased:
            found[f"{spec.name}_b"] = torch.cat(self._biases(weights[f"{spec.name}_b"]))
        return found

    def _biases(self, b: Any) -> list[Any]:
        """Return biases of all components of z, zeros where an item is not invariant."""
        spec = self.spec
        return [
            b[spec.biased.index(o)]
            if o in spec.biased
            else b.new_zeros(self.channels * spec.out.items[o][1].dim)
            for group in self.groups
            for o in group
        ]


class Product:
    """A steerable map by the product of e3nn, with what it takes in one axis."""

    def __init__(self, step: Map, module: Any) -> None:
        """Take the map and its product."""
        self.step, self.module, self.name = step, module, step.spec.name

    def __call__(self, h: Any, a: Any, weights: Tensors) -> Any:
        """Return z of the features h, with s behind them, and of a."""
        import torch

        w, d = weights[f"{self.name}_W"], weights.get(f"{self.name}_D")
        z = self.module(h, a, w if d is None else torch.cat([w, d]))
        return z + weights[f"{self.name}_b"] if self.step.spec.biased else z


def _gate(problem: Problem, shown: tuple[int, ...]) -> Any:
    import torch
    from e3nn.nn import Gate

    items, gated, c = irreps_of(problem)[0].items, gated_of(problem), channels_of(problem)
    plain = [i for i in shown if i not in gated]

    def named(chosen: Any) -> str:
        found = Irreps(tuple(items[i] for i in chosen))
        return labels(found, c) if len(found) else ""

    silu, sigmoid = torch.nn.functional.silu, torch.sigmoid
    gates = "+".join([f"{c}x0e"] * len(gated))
    return Gate(named(plain), [silu] * len(plain), gates, [sigmoid] * len(gated), named(gated))


def constants() -> Any:
    """Return what e3nn multiplies silu and the sigmoid with [2]."""
    import torch
    from e3nn.math import normalize2mom

    return torch.as_tensor(
        [normalize2mom(f).cst for f in (torch.nn.functional.silu, torch.sigmoid)]
    )


def maps(problem: Problem, cst: Any) -> tuple[tuple[Map, ...], tuple[int, ...]]:
    """Return the four maps, and the items of a feature in the order in which a gate gives them.

    `cst` has the constants of the activations [2], as `constants` returns them.
    """
    specs, gated = maps_of(problem), gated_of(problem)
    count, every = len(irreps_of(problem)[0]), specs[0].out.items
    plain, gates = tuple(i for i in range(count) if i not in gated), range(count, len(every))
    shown, own = (*plain, *gated), tuple(range(count))
    order = (*plain, *gates, *gated)
    groups = tuple(
        tuple(i for i in order if every[i][1] == ir)
        for ir in sorted({every[i][1] for i in order})  # as a gate takes them
    )
    scaled = {i: cst[int(i in gated)] for i in own}
    single = tuple((i,) for i in own)
    ends: tuple[Ends, ...] = ((own, own), (shown,), (own, shown), (shown,))
    found = tuple(
        Map(spec, end, single if spec.name == "U2" else groups, {} if n == 0 else scaled)
        for n, (spec, end) in enumerate(zip(specs, ends, strict=True))
    )
    return found, shown


def torch_e3nn(problem: Problem, target: Target, options: Options) -> Built:
    """Build the layer; all messages are in memory."""
    import torch
    from e3nn import o3

    jit_mode, device = str(options.get("jit_mode", "default")), target.device

    def module(make: Any) -> Any:
        return torch_module(make, problem.dtype, device, jit_mode)

    node, edge, _ = irreps_of(problem)
    channels, nodes = channels_of(problem), counts_of(problem)[0]
    steps, shown = maps(problem, module(constants))
    products = [Product(step, module(step.module)) for step in steps]
    first, second, update, last = products
    gate = module(lambda: _gate(problem, shown))
    harmonics = module(
        lambda: o3.SphericalHarmonics(
            [ir.l for _, ir in edge], normalize=True, normalization="component"
        )
    )
    flat = torch.as_tensor(flat_order(node, channels), device=device)
    back = torch.argsort(flat)
    alone = module(lambda: torch.as_tensor(trivial(problem)))

    def summed(rows: Any, dst: Any) -> Any:
        return rows.new_zeros(nodes, rows.shape[1]).index_add(0, dst, rows)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, v, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))
        sh, squares = harmonics(v), (v * v).sum(-1, keepdim=True)
        h = torch.cat([x.index_select(0, dst), x.index_select(0, src), squares], 1)
        m = gate(second(gate(first(h, sh, weights)), sh, weights))
        found = summed(torch.ones_like(squares), dst)
        isolated = (found < 0.5).to(found.dtype)
        a = (summed(sh, dst) + isolated * alone) / (found + isolated)
        h = torch.cat([x, summed(m, dst)], 1)
        return {"z": x + last(gate(update(h, a, weights)), a, weights)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x = inputs["x"].reshape(nodes, -1).index_select(1, flat)
        native: dict[str, Any] = {}
        for product in products:
            native |= product.step.native(product.module, weights)
        return {**inputs, "x": x}, native

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(nodes, channels, node.dim)}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


TORCH = in_torch(
    operation="segnn_layer",
    build=torch_e3nn,
    supports=torch_supports,
    options=JIT,
    papers=("geiger2022", "brandstetter2022"),
    growth=Growth({"lmax": 6, "channels": 2}),
)
