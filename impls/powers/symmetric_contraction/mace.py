r"""MACE's SymmetricContraction in PyTorch [@batatia2022], with its own tables of couplings.

It contracts a dense tensor of couplings with the weights and one slot after another with the
feature. The option `basis` decides only the speed, it is the library's: "reduced" has as many
couplings as there are independent maps (of cuEquivariance, what MACE takes where that is
installed), "nested" all nested ones. Weights of the U^eta are multiplied by a constant matrix in
the call, found from its tables, so that the map is the same. The module adds all orders up to nu:
the weights of the lower ones are zero here, and their work is done all the same.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.families.feature import channels_of, irreps_of, nu_of, shape_of
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import flat_order, labels, torch_module
from impls.powers.symmetric_contraction.dense import expansion, supports
from impls.powers.symmetric_contraction.monomials import basis_of
from impls.powers.symmetric_contraction.operation import weights_per_output
from impls.problem import Problem, Refusal

BASES = ("reduced", "nested")
LARGEST_NU = 3
"""At nu = 4 its nested couplings leave out those of the other parity between."""


def torch_mace(problem: Problem, target: Target, options: Options) -> Built:
    """Build the module, without parameters of its own."""
    import torch
    from mace.modules.symmetric_contraction import SymmetricContraction

    name, nu = str(options.get("basis", BASES[0])), nu_of(problem)
    (inside, out), (channels, _) = irreps_of(problem), channels_of(problem)
    module = torch_module(
        partial(
            SymmetricContraction,
            labels(inside, channels),
            labels(out, channels),
            nu,
            use_reduced_cg=name == "reduced",
            num_elements=1,
        ),
        problem.dtype,
        target.device,
        "default",
    ).requires_grad_(False)
    put = {"dtype": getattr(torch, problem.dtype), "device": target.device}
    basis, expands = basis_of(problem), []
    for contraction, table in zip(module.contractions, basis.tables, strict=True):
        for lower in contraction.weights:
            lower.zero_()
        couplings = contraction.U_tensors(nu).double().cpu().numpy()
        couplings = couplings.reshape(-1, *(inside.dim,) * nu, couplings.shape[-1])
        expands.append(torch.as_tensor(expansion(couplings, basis, table), **put))
    counts, element = weights_per_output(problem), torch.ones(shape_of(problem)[0], 1, **put)
    back = torch.as_tensor(np.argsort(flat_order(out, channels)), device=target.device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        parts = zip(expands, weights["W"].split(counts), strict=True)
        own: dict[str, Any] = {
            f"contractions.{i}.weights_max": (expand @ w)[None]
            for i, (expand, w) in enumerate(parts)
        }
        return {"z": torch.func.functional_call(module, own, (inputs["x"], element))}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(-1, channels, out.dim)}

    kernel = f"mace-torch {version('mace-torch')} SymmetricContraction, {name} basis"
    return Built(call, unpack=unpack, layout="mul_ir, one axis out", kernel=kernel)


def mace_supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse what the module cannot count or lacks, and tables that would not fit."""
    inside, nu = irreps_of(problem)[0], nu_of(problem)
    if nu > LARGEST_NU:
        return Refusal(f"nu={nu}: MACE has all couplings up to nu={LARGEST_NU}", "use monomials")
    if not any(ir.l == 0 and ir.p >= 0 for _, ir in inside) or inside.dim == 1:
        return Refusal(
            f"irreps_in={inside}: MACE counts channels by the scalars of a feature with more",
            "ask for 0e and others",
        )
    return supports(problem, target)


IMPLEMENTATION = Implementation(
    operation="symmetric_contraction",
    name="torch_mace",
    title="MACE",
    framework="torch",
    build=torch_mace,
    supports=mace_supports,
    options={"basis": BASES},
    requires=("mace", "e3nn", "cuequivariance"),
    remedy="make bench-peers",
    papers=("batatia2022",),
)
