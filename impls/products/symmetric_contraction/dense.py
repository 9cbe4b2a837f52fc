r"""Contraction of the dense tensor, one slot at a time [@batatia2022].

The weights make one tensor U[c] = sum_eta W[eta, c] U^eta of every channel; then

    T[b, c, m1 .. m(nu-1), m3] = sum_mnu U[c][m1 .. mnu, m3] A[b, c][mnu]

and so on for the other slots: n d^nu multiplications in the first, d less in each that follows,
and n d^(nu-1) numbers to keep for each sample. It does not use that the slots are alike.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from impls.families.power import irreps_of, nu_of
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.backend import Backend
from impls.products.symmetric_contraction.monomials import Basis, Folding, basis_of
from impls.products.symmetric_contraction.operation import weights_per_output

LARGEST = 20_000_000
"""Numbers in the tables of all U^eta."""


def tensors(basis: Basis, dim: int) -> list[np.ndarray]:
    """Return U of each output irrep as [2l3+1, dim, .., dim, weights of that output]."""
    nu = basis.monomials.shape[1]
    found = []
    for table in basis.tables:
        dense = np.zeros((table.shape[0], *(dim,) * nu, table.shape[2]))
        entry = table / basis.orders[:, None]
        for order in permutations(range(nu)):
            dense[(slice(None), *basis.monomials[:, order].T)] = entry
        found.append(dense)
    return found


def dense(problem: Problem, backend: Backend) -> Built:
    """Build the algorithm in a framework."""
    nu, dim = nu_of(problem), irreps_of(problem)[0].dim
    tables = [t.reshape(-1, t.shape[-1]) for t in tensors(basis_of(problem), dim)]
    fold = Folding(tables, backend)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        a = inputs["A"].swapaxes(0, 1)
        channels, batch = a.shape[:2]
        table = fold(weights["W"]).swapaxes(0, 1).reshape(channels, -1, dim)
        result = a @ table.swapaxes(1, 2)
        for _ in range(nu - 1):
            result = (result.reshape(channels, batch, -1, dim) @ a[..., None])[..., 0]
        return {"B": result.swapaxes(0, 1)}

    return Built(call, kernel=f"{nu} contractions of a {dim}^{nu} tensor per channel")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that would not fit."""
    inside, out = irreps_of(problem)
    counts = weights_per_output(problem)
    columns = sum(ir.dim * n for (_, ir), n in zip(out, counts, strict=True))
    numbers = inside.dim ** nu_of(problem) * columns
    if numbers > LARGEST:
        return Refusal(f"dense tables of {numbers} numbers, over {LARGEST}", "use monomials")
    return None
