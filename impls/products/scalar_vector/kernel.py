"""Products of scalars and vectors by the kernel of trilinear forms, all in one pass.

10 multiplications for each channel, 16 with the cross product; no degree 2 [@schutt2021]
[@jing2021].
"""

from __future__ import annotations

import numpy as np

from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.scalar_vector.operation import crosses


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    one, three = np.ones((1, 1, 1)), np.eye(3)
    blocks = [
        (0, 0, 0, one),
        (1, 1, 1, three[:, :, None]),
        (0, 1, 2, three[None]),
        (1, 0, 5, three[:, None]),
    ]
    if crosses(problem):
        turns = np.array([(i, j, 3 - i - j) for i, j in ((0, 1), (1, 2), (2, 0))]).T
        cross = np.zeros((3, 3, 3))
        cross[turns[0], turns[1], turns[2]], cross[turns[1], turns[0], turns[2]] = 1.0, -1.0
        blocks.append((1, 1, 8, cross))
    return TrilinearForm.of((4, 4, 11 if crosses(problem) else 8), blocks)


ALGORITHM = forms.algorithm(
    "scalar_vector", form_of, papers=("schutt2021", "jing2021", "satorras2021")
)
