r"""Local frame by Gram and Schmidt, with D built degree by degree.

No angles, hence no poles (`impls.pointwise.wigner`) [@du2022]. Items of equal degree share one D.
O(L^4) to build D for each channel, O(L^3) to apply it.
"""

from __future__ import annotations

from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import activation_of, irreps_in_of, vectors_of
from impls.implementation import Built, Tensors
from impls.pointwise.wigner import Wigner
from impls.problem import Problem


def recursion(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    irreps = irreps_in_of(problem)
    activation = b.activation(activation_of(problem))
    first, second = vectors_of(irreps)[:2]
    items = [(ir.l, part) for (_, ir), part in zip(irreps, irreps.slices(), strict=True)]
    wigner = Wigner(irreps.lmax, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"].reshape(-1, irreps.dim)
        turns = wigner(_frame(x[:, first], x[:, second], b))
        parts = []
        for degree, part in items:
            column = x[:, part, None]
            if degree == 0:
                parts.append(activation(x[:, part]))
            else:
                turn = turns[degree]
                local = activation(turn @ column)
                parts.append((turn.swapaxes(1, 2) @ local)[:, :, 0])
        return {"z": b.concatenate(parts, -1).reshape(inputs["x"].shape)}

    return Built(call, kernel="Gram-Schmidt frame, D by recursion in the degree")


def _frame(u: Any, v: Any, b: Backend) -> Any:
    """Return the rows e1, e2, e3 [n, 3, 3] of the frame of u and v [n, 3]."""
    e1 = u / b.norm(u)
    rest = v - (v * e1).sum(-1)[:, None] * e1
    e2 = rest / b.norm(rest)
    crossed = [e1[:, i] * e2[:, j] - e1[:, j] * e2[:, i] for i, j in ((1, 2), (2, 0), (0, 1))]
    e3 = b.concatenate([c[:, None] for c in crossed], -1)
    return b.concatenate([e[:, None, :] for e in (e1, e2, e3)], 1)


ALGORITHM = Algorithm(
    "local_frame",
    "recursion",
    "Gram-Schmidt frame, D by recursion",
    recursion,
    papers=("du2022", "lippmann2025"),
)
