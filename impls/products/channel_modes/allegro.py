"""The strided product of Allegro in PyTorch [@musaelian2023]: weights sum its paths first.

Its `Contracter` takes the irreps, the paths in the order of this suite and the same normalisation,
so that only the axes of the weights are turned. It gathers y by an index in each call, for in a
network many edges meet the sum at one centre: here each sample meets its own.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version

from impls.algorithm import Options
from impls.families.weighted import irreps_of, multiplicities_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import labels, torch_module
from impls.problem import Problem, Refusal
from impls.products.channel_modes.modes import COLLAPSED, paths_of, reached


def torch_allegro(problem: Problem, target: Target, options: Options) -> Built:
    """Build the Contracter, its weights an argument."""
    import torch
    from e3nn import o3

    with warnings.catch_warnings():  # of what nequip reads its configurations with
        warnings.filterwarnings("ignore", message=r"(?s)register_new_resolver\(\) is deprecated")
        from allegro.nn._strided import Contracter

    (first, second, _), paths, out = irreps_of(problem), paths_of(problem), reached(problem)
    ends = {ir: i3 for i3, (_, ir) in enumerate(out)}
    several = len(paths) > 1

    def made() -> torch.nn.Module:
        irreps = [o3.Irreps(labels(i)) for i in (first, second, out)]
        lines = [(p.i1, p.i2, ends[p.ir3]) for p in paths]
        return Contracter(*irreps, multiplicities_of(problem)[0], lines)

    module = torch_module(made, problem.dtype, target.device, "default").requires_grad_(False)
    itself = torch.arange(int(str(problem.sizes["batch"])), device=target.device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        arguments = inputs["x"], inputs["y"], itself
        return {"z": torch.func.functional_call(module, {"weights": weights["w"]}, arguments)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        w = weights["w"]
        return inputs, {"w": w.T.contiguous() if several else w[0]}

    kernel = f"nequip-allegro {version('nequip-allegro')} Contracter"
    return Built(call, pack, layout="mul_ir, paths of a weight innermost", kernel=kernel)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse weights of each sample."""
    if per_sample(problem):
        return Refusal("Allegro has weights that all samples share", "ask for weights=shared")
    return None


IMPLEMENTATION = Implementation(
    operation=COLLAPSED.operation,
    name="torch_allegro",
    title="Allegro",
    framework="torch",
    build=torch_allegro,
    supports=supports,
    requires=("allegro", "nequip", "e3nn"),
    remedy="make bench-peers",
    papers=("musaelian2023",),
    growth=Growth({"lmax": 6, "channels": 1}),
)
