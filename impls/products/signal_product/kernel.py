"""Signal product on its nonzero coefficients, by the kernel of trilinear forms [@xie2026].

O(L^5) multiplications for each pair of components of the values.
"""

from __future__ import annotations

from impls.families.field import irreps_of
from impls.implementation import Target
from impls.kernels.form import TrilinearForm
from impls.problem import Problem, Refusal
from impls.products import forms
from impls.products.signal_product.coefficients import coefficient_matrix


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    return TrilinearForm.dense(coefficient_matrix(problem))


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that take seconds to make."""
    return forms.fits(*irreps_of(problem)[:2])


ALGORITHM = forms.algorithm("signal_product", form_of, papers=("xie2026",), supports=supports)
