"""Signal product on its nonzero coefficients, by the C kernel of trilinear forms [@xie2026].

O(L^5) multiplications for each pair of components of the values.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.field import irreps_of
from impls.implementation import Built, Target
from impls.kernels import compiler
from impls.kernels.form import TrilinearForm
from impls.problem import Problem, Refusal
from impls.products import forms
from impls.products.signal_product.coefficients import coefficient_matrix


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    return forms.product(TrilinearForm.dense(coefficient_matrix(problem)), b)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse what the kernel lacks, and tables that take seconds to make."""
    return forms.fits(*irreps_of(problem)[:2]) or compiler.supports(problem, target)


ALGORITHM = Algorithm(
    "signal_product",
    "kernel",
    "sparse coefficients in C",
    kernel,
    supports=supports,
    papers=("xie2026",),
)
