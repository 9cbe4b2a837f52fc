r"""Gate: invariants pass through an activation, and scale all other irreps.

    z[s] = phi(x[s]),     z[l] = sigmoid(x[g(l)]) x[l]

for invariants s (0e, or 0) and all other items l of a channel [@weiler2018]. With n such items and
at least n invariants, the last n invariants are the gates, in order: g(l) is one of its own for
each item; with a single invariant it gates all items. (Libraries drop the gates from the output;
here z has the irreps of x.) Equivariant under rotations and inversion for any phi, since only
invariants meet it. Items do not mix. Cost: O(dim) for each channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import (
    activation_of,
    feature_space,
    invariant,
    irreps_in_of,
    no_layer,
    shape_of,
)
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.pointwise.activations import activate, sigmoid
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space


def gates_of(irreps: Irreps) -> Mapping[int, int]:
    """Return the item that gates each item that is no invariant; ValueError says what is missing.

    Items are counted from 0.
    """
    items = [ir for _, ir in irreps]
    scalars = [i for i, ir in enumerate(items) if invariant(ir)]
    others = [i for i, ir in enumerate(items) if not invariant(ir)]
    if len(scalars) == 1:
        return dict.fromkeys(others, scalars[0])
    if len(scalars) < len(others):
        found = f"irreps={irreps} has {len(scalars)} invariants for {len(others)} other irreps"
        raise ValueError(found)
    return dict(zip(others, scalars[len(scalars) - len(others) :], strict=True))


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem)
    if refusal:
        return refusal
    try:
        gates_of(irreps_in_of(problem))
    except ValueError as error:
        return Refusal(str(error), "give one invariant (0e, or 0) for all, or one for each")
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    irreps, x = irreps_in_of(problem), inputs["x"]
    slices = irreps.slices()
    z = np.array(activate(activation_of(problem), x))
    for item, gate in gates_of(irreps).items():
        z[..., slices[item]] = sigmoid(x[..., slices[gate]]) * x[..., slices[item]]
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count one operation for each component, and ten for each activation."""
    batch, channels, dim = shape_of(problem)
    samples = batch * channels
    return {
        "flops": float(samples * (dim + 10 * len(irreps_in_of(problem)))),
        "bytes": float(2 * samples * dim * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="gate",
    title="Gate",
    family="feature",
    summary="invariants through an activation, all other irreps scaled by the sigmoid of one",
    papers=("weiler2018", "geiger2022"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    users=("weiler2018", "batzner2022", "brandstetter2022", "liao2023"),
    growth=Growth({"lmax": 2, "channels": 1}),
)
