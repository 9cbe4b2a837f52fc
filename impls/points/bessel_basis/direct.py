"""Bessel basis as it is written: a sine for each length and function. O(1) for each."""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.distances import envelope_of, functions_of
from impls.implementation import Built, Tensors
from impls.inputs.named import cutoff_of
from impls.layers.radial import lengths
from impls.points.envelopes import envelope
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    u, cutoff = envelope(envelope_of(problem), b), cutoff_of(problem)
    frequencies = b.table(np.pi * np.arange(1, functions_of(problem) + 1))
    scale = (2 / cutoff) ** 0.5 / cutoff

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = lengths(inputs["v"]) / cutoff
        return {"z": b.sin(x * frequencies) * (u(x) / x * scale)}

    return Built(call, kernel="elementwise")


ALGORITHM = Algorithm(
    "bessel_basis",
    "direct",
    "elementwise",
    direct,
    supports=supports_vectors,
    papers=("gasteiger2020",),
    baseline=True,
)
