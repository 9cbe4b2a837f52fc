r"""Norm activation: each irrep keeps its direction and is scaled by a function of its norm.

    z[l] = eta(|x[l]| + b[l]) x[l],      z[0] = eta(x[0] + b[0]) for invariants (0e, or 0)

for each item l and channel, with a learned offset b [item, channel] and eta the activation
[@thomas2018]. Norms are invariant under O(3), so the map is equivariant under rotations and
inversion for any eta; 0o counts as an irrep with a direction, since eta(0o) would mix parities.
Items do not mix: no degree can arise that is not in x. Cost: O(dim) for each channel.
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
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"b": Space((len(irreps_in_of(problem)), shape_of(problem)[1]))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    irreps, x = irreps_in_of(problem), inputs["x"]
    name, z = activation_of(problem), np.empty(x.shape)
    for (_, ir), part, offset in zip(irreps, irreps.slices(), weights["b"], strict=True):
        a = x[..., part]
        if invariant(ir):
            z[..., part] = activate(name, a + offset[:, None])
        else:
            norm = np.sqrt(np.einsum("bci,bci->bc", a, a))[..., None]
            z[..., part] = activate(name, norm + offset[:, None]) * a
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count three operations for each component, and ten for each activation and each root."""
    batch, channels, dim = shape_of(problem)
    items = len(irreps_in_of(problem))
    numbers = 2 * batch * channels * dim + items * channels
    return {
        "flops": float(batch * channels * (3 * dim + 20 * items)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="norm_activation",
    title="Norm activation",
    family="feature",
    summary="each irrep scaled by a function of its norm",
    papers=("thomas2018",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    supports=no_layer,
    oracle=_oracle,
    cost=_cost,
    weights=_weights,
    users=("thomas2018",),
    growth=Growth({"lmax": 2, "channels": 1}),
)
