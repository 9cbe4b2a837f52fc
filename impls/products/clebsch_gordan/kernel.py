"""Clebsch-Gordan on the nonzero coefficients, by the kernel of trilinear forms.

Products x_i y_j are formed once for all paths of two irreps, and combined where coefficients agree
but for signs: m and -m, and in one degree both orders of the factors. O(L^5) multiplications; all
paths [@geiger2022] [@xie2025].
"""

from __future__ import annotations

from impls.families.product import irreps_of
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.clebsch_gordan.operation import paths_of


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    first, second, _ = irreps_of(problem)
    return forms.of_paths((first.dim, second.dim), paths_of(problem))


ALGORITHM = forms.algorithm("clebsch_gordan", form_of, papers=("geiger2022", "xie2025"))
