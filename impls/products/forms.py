"""Products of two features as trilinear forms, for the kernel that takes these."""

from __future__ import annotations

from collections.abc import Sequence

from impls.backends import Backend
from impls.families.product import irreps_of
from impls.implementation import Built, Target, Tensors
from impls.kernels import compiler
from impls.kernels.form import TrilinearForm
from impls.problem import Problem, Refusal
from impls.products.paths import Path

LARGEST = 6561
"""The kernel takes up to so many pairs of components: degrees 0..8 times 0..8."""


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse what the kernel lacks, and tables that take seconds to make."""
    first, second, _ = irreps_of(problem)
    return refused(first.dim * second.dim) or compiler.supports(problem, target)


def refused(pairs: int) -> Refusal | None:
    """Refuse more pairs of components than LARGEST."""
    if pairs <= LARGEST:
        return None
    return Refusal(
        f"{pairs} pairs of components are more than the {LARGEST} that the kernel takes",
        "use another algorithm, or degrees up to 8",
    )


def of_paths(dims: tuple[int, int], paths: Sequence[Path]) -> TrilinearForm:
    """Return the form of a product of features of these dimensions, each path its own output."""
    blocks = ((p.in1.start, p.in2.start, p.out.start, p.tensor) for p in paths)
    return TrilinearForm.of((*dims, paths[-1].out.stop), blocks)


def product(form: TrilinearForm, b: Backend) -> Built:
    """Build z = the bilinear map of a form, of x and y."""
    bilinear = b.trilinear(form)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": bilinear(inputs["x"], inputs["y"])}

    return Built(call, kernel=f"C, {len(form.values)} coefficients")
