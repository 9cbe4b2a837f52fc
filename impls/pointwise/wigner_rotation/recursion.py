"""D built degree by degree without angles, then one small matrix product for each sample.

Items of equal degree share one D. O(L^4) to build it, O(L^3) for each channel to apply it
[@varshalovich1988] ch. 4.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.turned import irreps_of
from impls.implementation import Built, Tensors
from impls.pointwise.wigner import Wigner
from impls.problem import Problem


def recursion(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    irreps = irreps_of(problem)
    degrees, dims = [ir.l for _, ir in irreps], [ir.dim for _, ir in irreps]
    wigner = Wigner(irreps.lmax, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        matrices, turned = wigner(inputs["R"]), []
        for degree, part in zip(degrees, b.split(inputs["x"], dims, 2), strict=True):
            turned.append(part @ matrices[degree].swapaxes(1, 2) if degree else part)
        return {"z": b.concatenate(turned, 2)}

    return Built(call, kernel="D by recursion, one batched product an irrep")


ALGORITHM = Algorithm(
    "wigner_rotation",
    "recursion",
    "D by recursion in the degree",
    recursion,
    papers=("varshalovich1988",),
)
