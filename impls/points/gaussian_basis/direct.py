"""Gaussian basis as it is written: an exponential for each length and function. O(1) for each."""

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
    count = functions_of(problem)
    centres = b.table(np.arange(count))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = lengths(inputs["v"]) / cutoff
        away = x * (count - 1) - centres
        return {"z": b.exp(away * away * -0.5) * u(x)}

    return Built(call, kernel="elementwise")


ALGORITHM = Algorithm(
    "gaussian_basis",
    "direct",
    "elementwise",
    direct,
    supports=supports_vectors,
    papers=("schutt2017",),
    baseline=True,
)
