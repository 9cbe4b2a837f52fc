r"""The elementwise product of multivectors of Cl(3,0), as Clifford networks have it.

Of the irreps 0e+1o+1e+0o the 20 paths are the 20 triples of grades of the geometric product, so
that `uuu_collapsed` is there the layer of [@ruhe2023] (`clifford`) in other weights: a triple is
its path times REDUCED / sqrt(2 l3 + 1). z[k] = sum_i c[k, i] w[path of (k, i)] x[i] y[partner of
(k, i)]: 64 products and no zeros, as one gather and one batched product of an 8 x 8 matrix with x.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import MULTIVECTORS
from impls.families.weighted import irreps_of
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.channel_modes.modes import paths_of
from impls.products.clifford.algebra import table
from impls.products.clifford.operation import REDUCED, TRIPLES
from impls.so3.irreps import Irreps

Array = np.ndarray


def of_triples(problem: Problem) -> tuple[Array, Array]:
    """Return the path of each triple of grades, and what its weight is multiplied by."""
    paths = paths_of(problem)
    grade = {ir: k for k, (_, ir) in enumerate(irreps_of(problem)[2])}
    where = {(path.i1, path.i2, grade[path.ir3]): k for k, path in enumerate(paths)}
    number = np.array([where[triple] for triple in TRIPLES])
    scales = [np.sqrt(paths[where[t]].ir3.dim) / REDUCED[t] for t in TRIPLES]
    return number, np.array(scales)


def blades(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    host_partner, sign, triple = table()
    path, scale = of_triples(problem)
    partner, number = b.index(host_partner.ravel()), b.index(path[triple].ravel())
    signed = b.table(sign * scale[triple])

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        matrix = b.take(y, partner).reshape(*y.shape[:-1], 8, 8)
        w = b.take(weights["w"].swapaxes(-1, -2), number)
        own = w.reshape(*w.shape[:-1], 8, 8) * signed
        return {"z": ((matrix * own) @ x[..., None])[..., 0]}

    return Built(call, kernel="gather, batched 8 x 8 matrix times vector")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse what are no multivectors."""
    wanted = Irreps.parse(MULTIVECTORS)
    if all(irreps == wanted for irreps in irreps_of(problem)):
        return None
    names = " | ".join(str(irreps) for irreps in irreps_of(problem))
    return Refusal(f"{names} are not multivectors of Cl(3,0)", f"use {MULTIVECTORS} everywhere")


ALGORITHM = Algorithm(
    "uuu_collapsed",
    "blades",
    "signed products of components",
    blades,
    supports=supports,
    papers=("ruhe2023",),
)
