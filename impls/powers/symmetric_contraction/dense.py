r"""Contraction of the dense tensor, one slot at a time [@batatia2022].

The weights make one tensor U[c] = sum_eta W[eta, c] U^eta of every channel; then

    T[b, c, m1 .. m(nu-1), m3] = sum_mnu U[c][m1 .. mnu, m3] x[b, c][mnu]

and so on for the other slots: n d^nu multiplications in the first, d less in each that follows,
and n d^(nu-1) numbers to keep for each sample. It does not use that the slots are alike.

The option `basis` decides only the speed: "nested" sums the nested couplings of every order of the
input irreps, most of them dependent, as first published, instead of the U^eta. Their weights are
those of the U^eta times a constant matrix, so that the map is the same.
"""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_of, nu_of
from impls.implementation import Built, Target, Tensors
from impls.powers.symmetric_contraction.monomials import (
    Basis,
    Folding,
    basis_of,
    nested_coupling,
)
from impls.powers.symmetric_contraction.operation import chains_between, weights_per_output
from impls.problem import Problem, Refusal

BASES = ("minimal", "nested")
"""Values of the option `basis`, the default first."""
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


def nested_tensors(problem: Problem) -> list[np.ndarray]:
    """Return, for each output irrep, all nested couplings as [2l3+1, dim, .., dim, couplings].

    The input irreps come in every order, with every chain of intermediate degrees.
    """
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    slices, found = inside.slices(), []
    for _, ir3 in out:
        columns = []
        for items in product(range(len(inside)), repeat=nu):
            irreps = [inside.items[i][1] for i in items]
            if math.prod(ir.p for ir in irreps) != ir3.p:
                continue
            for chain in chains_between([ir.l for ir in irreps], ir3.l):
                column = np.zeros((ir3.dim, *(inside.dim,) * nu))
                place = (slice(None), *(slices[i] for i in items))
                column[place] = np.moveaxis(nested_coupling(irreps, chain), -1, 0)
                columns.append(column)
        found.append(np.stack(columns, axis=-1))
    return found


def expansion(nested: np.ndarray, basis: Basis, table: np.ndarray) -> np.ndarray:
    """Return E [couplings, weights]: U^eta is the symmetric part of sum_k E[k, eta] nested_k.

    `table` is that of the basis for one output irrep. Of all such E it is the smallest.
    """
    orders = list(permutations(range(basis.monomials.shape[1])))
    summed = sum(nested[(slice(None), *basis.monomials[:, order].T)] for order in orders)
    polynomials = summed * (basis.orders / len(orders))[:, None]
    flat = polynomials.reshape(-1, nested.shape[-1])
    found: np.ndarray = np.linalg.lstsq(flat, table.reshape(len(flat), -1), rcond=1e-9)[0]
    return found


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    name = options["basis"]
    nu, dim, basis = nu_of(problem), irreps_of(problem)[0].dim, basis_of(problem)
    found = tensors(basis, dim) if name == "minimal" else nested_tensors(problem)
    fold = Folding([t.reshape(-1, t.shape[-1]) for t in found], b)
    expand = None
    if name == "nested":
        pairs = zip(found, basis.tables, strict=True)
        expand = Folding([expansion(t, basis, table) for t, table in pairs], b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        a = inputs["x"].swapaxes(0, 1)
        channels, batch = a.shape[:2]
        w = weights["W"] if expand is None else expand(weights["W"])
        table = fold(w).swapaxes(0, 1).reshape(channels, -1, dim)
        result = a @ table.swapaxes(1, 2)
        for _ in range(nu - 1):
            result = (result.reshape(channels, batch, -1, dim) @ a[..., None])[..., 0]
        return {"z": result.swapaxes(0, 1)}

    kernel = f"{nu} contractions of a {dim}^{nu} tensor per channel, {name} basis"
    return Built(call, kernel=kernel)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that would not fit."""
    inside, out = irreps_of(problem)
    counts = weights_per_output(problem)
    columns = sum(ir.dim * n for (_, ir), n in zip(out, counts, strict=True))
    numbers = inside.dim ** nu_of(problem) * columns
    if numbers > LARGEST:
        return Refusal(f"dense tables of {numbers} numbers, over {LARGEST}", "use monomials")
    return None


ALGORITHM = Algorithm(
    "symmetric_contraction",
    "dense",
    "dense tensor, slot by slot",
    dense,
    supports=supports,
    options={"basis": BASES},
    papers=("batatia2022",),
)
