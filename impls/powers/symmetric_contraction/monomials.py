r"""The basis U^eta as polynomials: coefficients of monomials, all products in one matrix product.

A symmetric tensor with nu equal slots is a polynomial: B[m3] = sum_k u[k, m3] A_k1 .. A_knu over
ascending indices k, with u = (number of distinct orders of k) U[k1, .., knu, m3]. Monomials are
made degree by degree, each from one of a degree less: d^nu / nu! products instead of d^nu, and
O(n d^nu / nu!) multiplications for n outputs of d components [@drautz2019]. In order of their last
component those of a degree are the first of those of a degree less, times a component; samples are
innermost. So nothing is gathered. The monomials of the last degree are never held: their last
component k is multiplied after the others m were summed, in groups of m by their last component,
which k is not below:

    u[c] = sum_eta W[eta, c] u^eta,   z[b, c] = sum_k x_k[b, c] sum_(m <= k) u[c, k, m] m(x[b, c])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_of, nu_of
from impls.implementation import Built, Tensors
from impls.powers.symmetric_contraction.operation import NEW, Sector, sectors_of
from impls.problem import Problem
from impls.so3.irreps import Irreps
from impls.so3.wigner import clebsch_gordan

GROUP = 4
"""So many components are the last of the monomials of one matrix product: with more of them it sums
zeros, with fewer it is small."""


@dataclass(frozen=True)
class Basis:
    """All U^eta: `monomials` [n, nu] ascending component indices and one table for each output.

    A table holds the coefficients [2l3+1, n, weights of that output].
    """

    monomials: np.ndarray
    tables: tuple[np.ndarray, ...]

    @property
    def orders(self) -> np.ndarray:
        """Return in how many distinct orders each monomial's components can be written [n]."""
        return _orders(self.monomials)


def basis_of(problem: Problem) -> Basis:
    """Return the basis of a problem."""
    inside, out = irreps_of(problem)
    return _basis(inside, out, nu_of(problem), sectors_of(problem))


@lru_cache(maxsize=8)
def _basis(inside: Irreps, out: Irreps, nu: int, sectors: tuple[Sector, ...]) -> Basis:
    parts = [(sector, *_polynomials(inside, sector)) for sector in sectors]
    every = np.concatenate([keys for _, keys, _ in parts])
    monomials, where = np.unique(every, axis=0, return_inverse=True)
    where = where.ravel()
    rows = np.split(where, np.cumsum([len(keys) for _, keys, _ in parts])[:-1])
    tables = []
    for i3, (_, ir3) in enumerate(out):
        columns = []
        for (sector, _, values), row in zip(parts, rows, strict=True):
            if sector.out == i3:
                column = np.zeros((ir3.dim, len(monomials), sector.count))
                column[:, row] = values.transpose(2, 1, 0)
                columns.append(column)
        tables.append(np.concatenate(columns, axis=-1))
    return Basis(monomials, tuple(tables))


def _polynomials(inside: Irreps, sector: Sector) -> tuple[np.ndarray, np.ndarray]:
    """Return the monomials [n, nu] of a sector and its basis [count, n, 2l3+1]."""
    irreps = [inside.items[i][1] for i in sector.items]
    slices = inside.slices()
    starts = [slices[i].start for i in sector.items]
    grid = np.indices([ir.dim for ir in irreps]).reshape(len(irreps), -1).T + starts
    keys, where = np.unique(np.sort(grid, axis=1), axis=0, return_inverse=True)
    weight = 1 / np.sqrt(_orders(keys))[:, None]  # makes |u weight| the norm of the tensor
    found: list[np.ndarray] = []
    for chain in sector.chains:
        values = nested_coupling(irreps, chain).reshape(len(grid), -1)
        summed = np.zeros((len(keys), values.shape[1]))
        np.add.at(summed, where.ravel(), values)
        rest = summed * weight
        for _ in range(2):
            for other in found:
                rest = rest - np.sum(other * rest) * other
        left = float(np.linalg.norm(rest))
        if left > NEW * float(np.linalg.norm(values)):
            found.append(rest / left)
    norm = math.sqrt(2 * sector.chains[0][-1] + 1)
    return keys, np.array(found) * (norm / weight)


def nested_coupling(irreps: Sequence[Any], chain: tuple[int, ...]) -> np.ndarray:
    """Return the nested coupling [2l1+1, .., 2lnu+1, 2l3+1]."""
    tensor = clebsch_gordan(irreps[0].l, irreps[1].l, chain[0])
    for ir, before, after in zip(irreps[2:], chain, chain[1:], strict=False):
        tensor = np.einsum("...i,ijk->...jk", tensor, clebsch_gordan(before, ir.l, after))
    return tensor


def _orders(monomials: np.ndarray) -> np.ndarray:
    orders = np.full(len(monomials), float(math.factorial(monomials.shape[1])))
    run = np.ones(len(monomials))
    for left, right in zip(monomials.T, monomials.T[1:], strict=False):
        run = np.where(left == right, run + 1, 1.0)
        orders /= run
    return orders


def prefixes(dim: int, degree: int) -> list[int]:
    """Return how many monomials of a degree have no component above each of `dim`.

    In the order that is used here, by the last component, then as those of a degree less, these
    are the first: a monomial whose last component is j is one of the first of a degree less, times
    component j.
    """
    return [math.comb(last + degree, degree) for last in range(dim)]


def places(monomials: np.ndarray) -> np.ndarray:
    """Return where ascending `monomials` [n, nu] are among all of their degree."""
    found = np.zeros(len(monomials), np.int64)
    for n, column in enumerate(monomials.T.tolist(), start=1):
        found += [math.comb(last - 1 + n, n) for last in column]
    return found


def monomials(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    basis, nu, dim = basis_of(problem), nu_of(problem), irreps_of(problem)[0].dim
    before = [prefixes(dim, degree) for degree in range(1, nu)]
    sizes, outs = before[-1], sum(len(table) for table in basis.tables)
    rest, last = places(basis.monomials[:, :-1]), basis.monomials[:, -1]
    tables = []
    for table in basis.tables:  # [outputs, last component, the others]
        every = np.zeros((len(table), dim, sizes[-1], table.shape[2]))
        every[:, last, rest] = table
        tables.append(every)
    firsts = range(0, dim, GROUP)
    ends = [0, *(sizes[min(first + GROUP, dim) - 1] for first in firsts)]
    widths = np.diff(ends).tolist()
    folds = [
        Folding([t[:, first:, start:end].reshape(-1, t.shape[3]) for t in tables], b)
        for first, (start, end) in zip(firsts, pairwise(ends), strict=True)
    ]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        a = products = inputs["x"]
        components = b.split(a, [1] * dim, 1)
        for counts in before[:-1]:
            parts = [products[:, :n] * c for n, c in zip(counts, components, strict=True)]
            products = b.concatenate(parts, 1)
        found = []
        for first, fold, width, part in zip(
            firsts, folds, widths, b.split(products, widths, 1), strict=True
        ):
            table = fold(weights["W"]).swapaxes(0, 1).reshape(len(a), -1, width)
            rows = b.bmm(table, part).reshape(len(a), outs, dim - first, -1)
            found.append((rows * a[:, None, first:]).sum(2))
        return {"z": sum(found[1:], found[0])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {"x": b.contiguous(inputs["x"].swapaxes(0, 1).swapaxes(1, 2))}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": b.contiguous(outputs["z"].swapaxes(1, 2).swapaxes(0, 1))}

    kernel = f"{len(basis.monomials)} monomials, batched matrix products"
    return Built(call, pack, unpack, layout="[channels, components, batch]", kernel=kernel)


class Folding:
    """Sum tables [rows, weights of an output] with the weights; rows of all outputs follow."""

    def __init__(self, tables: Sequence[np.ndarray], backend: Backend) -> None:
        """Take one table for each output irrep, in their order."""
        self.tables = [backend.table(table) for table in tables]
        ends = np.cumsum([0, *(table.shape[1] for table in tables)])
        self.parts = [slice(a, b) for a, b in pairwise(ends)]
        self.concatenate = backend.concatenate

    def __call__(self, weights: Any) -> Any:
        """Return [sum of rows, channels]."""
        rows = [t @ weights[part] for t, part in zip(self.tables, self.parts, strict=True)]
        return rows[0] if len(rows) == 1 else self.concatenate(rows, 0)


ALGORITHM = Algorithm(
    "symmetric_contraction",
    "monomials",
    "each monomial once",
    monomials,
    papers=("drautz2019",),
)
