r"""Radial network: weights of an edge as a network of a Bessel basis has them of its length.

    z(v) = W_3 phi(W_2 phi(W_1 B(|v|))),     B_k, k = 1 .. 8, the Bessel basis with its envelope

phi = silu, 64 neurons in each of two layers, no bias, so that z is zero from the cutoff on with two
derivatives [@batzner2022]. The functions asked for are the outputs: in a convolution one for each
path and channel.

Cost: 2 (8 64 + 64^2 + 64 functions) for each length.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.families.distances import batch_of, envelope_of, functions_of, output_space
from impls.growth import Growth
from impls.layers.radial import Radial, oracle
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Arrays, Space


def radial_of(problem: Problem) -> Radial:
    """Return the network."""
    return Radial(functions_of(problem))


def outputs(problem: Problem) -> Mapping[str, Space]:
    """Return the functions [batch, functions]."""
    return {"z": output_space(problem)}


def weights(problem: Problem) -> Mapping[str, Space]:
    """Return W_1, W_2 and W_3, as R1 [8, 64], R2 [64, 64] and R3 [64, functions]."""
    return radial_of(problem).weights()


def supports(problem: Problem) -> Refusal | None:
    """Refuse other envelopes than the polynomial."""
    if envelope_of(problem) == "polynomial":
        return None
    return Refusal(
        f"envelope={envelope_of(problem)}: radial networks have the polynomial one",
        "ask for envelope=polynomial",
    )


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    return {"z": oracle(radial_of(problem), problem, inputs, weights)}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the basis and the network of each length."""
    batch, radial = batch_of(problem), radial_of(problem)
    numbers = batch * (3 + functions_of(problem)) + radial.numbers
    return {
        "flops": float(batch * (radial.flops + 20)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="radial_network",
    title="Radial network",
    family="distances",
    summary="a network of two layers of the Bessel basis of a distance",
    papers=("batzner2022", "gasteiger2020"),
    claims=exact("rotation", "inversion"),
    outputs=outputs,
    oracle=_oracle,
    cost=_cost,
    supports=supports,
    weights=weights,
    users=("batzner2022", "batatia2022", "park2024"),
    growth=Growth({"lmax": 0, "channels": 0}),
)
