"""The nonzero Clebsch-Gordan coefficients of a problem, as one sparse matrix.

Acting on the outer product of x and y it gives z, with O(L^5) multiplications on O(L^4) products:
in the real basis C(l1,l2,l3)[m1,m2,m3] needs |m3| = |m1| + |m2| or ||m1| - |m2||.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from impls.families.product import irreps_of
from impls.problem import Problem
from impls.products.clebsch_gordan.operation import paths_of


def sparse_matrix(problem: Problem) -> csr_array:
    """Return the nonzero coefficients [dim(z), dim(x) dim(y)]; column i dim(y) + j is x_i y_j."""
    first, second, _ = irreps_of(problem)
    paths = paths_of(problem)
    rows, columns, values = [], [], []
    for path in paths:
        m1, m2, m3 = np.nonzero(path.nonzero)
        rows.append(path.out.start + m3)
        columns.append((path.in1.start + m1) * second.dim + path.in2.start + m2)
        values.append(path.tensor[m1, m2, m3])
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_array(entries, shape=(paths[-1].out.stop, first.dim * second.dim))
