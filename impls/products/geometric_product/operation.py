r"""Geometric product: two multivectors of Cl(3,0), multiplied as the algebra says.

    z = x y,   z[k] = sum_{ij} < x[i] y[j] >_k

over grades, channel by channel, as in [@brehmer2023] (which uses a larger algebra): `clifford` with
all weights one, whose docstring has the formula in components. It couples all 20 triples of the
irreps 0e, 1o, 1e, 0o, but with fixed coefficients: with linear maps of each grade before and after
it reaches a set of dimension 10, whose span is all 20. No degree 2. Cost: 64 products.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.multivector import GRADES, multivectors, sizes_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import BYTES, Problem
from impls.products.clifford.operation import REDUCED, TRIPLES, product_of_grades
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": multivectors(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    z = np.zeros(inputs["x"].shape)
    for triple in TRIPLES:
        z[..., GRADES[triple[2]]] += product_of_grades(inputs["x"], inputs["y"], triple)
    return {"z": z}


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    return REDUCED


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count one multiplication and one addition for each of 64 pairs."""
    batch, channels = sizes_of(problem)
    return {
        "flops": 2.0 * 64 * batch * channels,
        "bytes": float(3 * 8 * batch * channels * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="geometric_product",
    family="multivector",
    summary="geometric product of Cl(3,0), all coefficients fixed",
    papers=("brehmer2023", "ruhe2023"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    users=("brehmer2023",),
    growth=Growth({"lmax": 0, "channels": 1}),
)
