"""Radial network as it is written, for each length. O(64^2 + 64 functions) for each."""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.layers.radial import RadialNetwork, lengths
from impls.points.harmonics import supports_vectors
from impls.points.radial_network.operation import radial_of
from impls.problem import Problem


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    network = RadialNetwork(radial_of(problem), problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": network(lengths(inputs["v"]), weights)}

    return Built(call, kernel="matrix products")


ALGORITHM = Algorithm(
    "radial_network",
    "direct",
    "network of each length",
    direct,
    supports=supports_vectors,
    papers=("batzner2022",),
    baseline=True,
)
