"""Envelope as it is written, elementwise. O(1) for each length."""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.distances import envelope_of
from impls.implementation import Built, Tensors
from impls.inputs.named import cutoff_of
from impls.layers.radial import lengths
from impls.points.envelopes import envelope
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    u, cutoff = envelope(envelope_of(problem), b), cutoff_of(problem)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": u(lengths(inputs["v"]) / cutoff)}

    return Built(call, kernel="elementwise")


ALGORITHM = Algorithm(
    "envelope",
    "direct",
    "elementwise",
    direct,
    supports=supports_vectors,
    papers=("gasteiger2020", "schutt2021", "unke2024"),
    baseline=True,
)
