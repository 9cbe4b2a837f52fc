"""Each degree from the one before by the coupling with the vector, as a matrix product.

Fewer operations on arrays than the recurrence, and O(L^3) arithmetic for each degree, O(L^4) in
all. It is what convolutions here use between a gather and a scatter (`impls.points.harmonics`)
[@varshalovich1988] ch. 5.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.vectors import degrees_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.harmonics import Harmonics, supports_vectors
from impls.problem import Problem


def coupled(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    harmonics = Harmonics(degrees_of(problem), b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": harmonics(inputs["v"])}

    return Built(call, kernel="one matrix product a degree")


ALGORITHM = Algorithm(
    "spherical_harmonics",
    "coupled",
    "coupling with the vector, dense",
    coupled,
    supports=supports_vectors,
    papers=("varshalovich1988",),
    growth=Growth({"lmax": 4, "channels": 0}),
)
