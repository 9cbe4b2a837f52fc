"""An operation with a knob: a scalar times a feature, of which degrees above `cut` are left out."""

import numpy as np

from impls.families.product import irreps_of, shape_of
from impls.implementation import Built, Implementation
from impls.operation import Knob, Operation, exact
from impls.so3.space import irreps_space

CUT = Knob(
    "cut",
    default=lambda problem: irreps_of(problem)[1].lmax,
    values=lambda problem: tuple(range(irreps_of(problem)[1].lmax + 1)),
)


def _outputs(problem):
    irreps = irreps_of(problem)[1]
    return {"z": irreps_space(shape_of(problem, irreps), irreps)}


def _kept(problem):
    """Return 1 for each entry of y that is kept, 0 for the others."""
    cut = CUT.of(problem)
    return np.repeat(*np.array([(ir.l <= cut, ir.dim) for _, ir in irreps_of(problem)[1]]).T)


def _product(problem, inputs, weights):
    return {"z": inputs["x"][..., :1] * inputs["y"] * _kept(problem)}


def _coefficients(problem):
    irreps = irreps_of(problem)[1]
    kept = [(i, ir.l) for i, (_, ir) in enumerate(irreps) if ir.l <= CUT.of(problem)]
    return {(0, i, i): float(np.sqrt(2 * l + 1)) for i, l in kept}  # noqa: E741


OPERATION = Operation(
    name="cut_product",
    family="product",
    summary="a scalar times a feature up to degree cut",
    papers=(),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_product,
    cost=lambda problem: {"flops": 2.0 * np.prod(shape_of(problem, irreps_of(problem)[1]))},
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    knobs=(CUT,),
)
IMPLEMENTATION = Implementation(
    operation="cut_product",
    name="direct",
    framework="numpy",
    build=lambda problem, target, options: Built(
        lambda inputs, weights: _product(problem, inputs, weights)
    ),
)
