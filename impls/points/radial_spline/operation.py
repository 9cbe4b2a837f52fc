r"""Radial spline: the radial network in a table, and a cubic spline between its entries.

    z(v) = S(|v|) for |v| < r_c, 0 beyond;   S(x_i) = w(x_i),  x_i = i r_c / (knots - 1),
    S cubic between neighbouring knots, with two continuous derivatives, and S'(0) = S'(r_c) = 0,

with w the functions of the radial network and its weights [@miklaucic2025]. A function of one
number needs no network for each edge: between the knots four entries of the table do. The table is
made in the call, from the weights, so that these have gradients: the network is evaluated at as
many lengths as there are knots, whatever the number of edges. (A model may store it, or learn it.)

The ends are those of the network: w is even at zero up to the sixth order, and has two derivatives
that vanish at the cutoff, of which S keeps the first. What S loses of w is of fourth order in the
spacing of the knots, and is measured (`approximates`). Its third derivative jumps at the knots:
second gradients exist, but differences of the oracle can't judge them there, and they are refused.

Cost: 8 operations for each length and function.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.distances import batch_of, functions_of
from impls.growth import Growth
from impls.inputs.named import cutoff_of
from impls.layers.radial import oracle
from impls.operation import Knob, Operation, exact
from impls.points.radial_network.operation import outputs, radial_of, supports, weights
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Array, Arrays

KNOTS = Knob("knots", lambda problem: 32, lambda problem: (8, 16, 24, 32, 64))
"""The number of knots, both ends included."""
FIRST = 1e-9
"""Where the first knot is evaluated, in units of the cutoff: at zero the network divides by it."""


def knots_of(problem: Problem) -> Array:
    """Return the knots [knots] in units of the cutoff, as the network is evaluated there."""
    return np.asarray(np.linspace(0, 1, KNOTS.of(problem)).clip(FIRST))


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Interpolate the network at the knots."""
    from scipy.interpolate import CubicSpline  # not at import: it takes a quarter of a second

    cutoff, at = cutoff_of(problem), knots_of(problem)
    lengths = np.stack([at * cutoff, 0 * at, 0 * at], axis=1)
    table = oracle(radial_of(problem), problem, {"v": lengths}, weights)
    x = np.linalg.norm(inputs["v"], axis=1) / cutoff
    spline = CubicSpline(np.linspace(0, 1, len(at)), table, bc_type="clamped")
    return {"z": np.where(x[:, None] < 1, spline(np.minimum(x, 1)), 0.0)}


def _supports(problem: Problem) -> Refusal | None:
    knots = KNOTS.of(problem)
    if isinstance(knots, bool) or not isinstance(knots, int) or knots < 4:
        return Refusal(f"knob knots={knots!r} is not an integer >= 4", "use 16, or 32")
    return supports(problem)


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the spline of each length, and the network and the spline's equations of each knot."""
    batch, functions, radial = batch_of(problem), functions_of(problem), radial_of(problem)
    knots = KNOTS.of(problem)
    numbers = batch * (3 + functions) + radial.numbers
    table = knots * (radial.flops + 2 * (knots + 2) * functions)
    return {
        "flops": float(batch * (8 * functions + 40) + table),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="radial_spline",
    title="Radial spline",
    family="distances",
    summary="the radial network at some knots, and a cubic spline between them",
    papers=("miklaucic2025",),
    claims=exact("rotation", "inversion"),
    knobs=(KNOTS,),
    approximates="radial_network",
    outputs=outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=weights,
    refused={
        "grad2": "its second derivative has corners at the knots, near which differences of the "
        "oracle, by which second gradients are judged, are none"
    },
    users=("miklaucic2025",),
    growth=Growth({"lmax": 0, "channels": 0}),
)
