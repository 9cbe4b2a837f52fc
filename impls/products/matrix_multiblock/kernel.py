"""Matrix product with all blocks as a bilinear map, by the kernel of trilinear forms.

The conversions are multiplied out once, as in `matrix`: O(L^5) multiplications where they have
O(L^6) [@xie2025].
"""

from __future__ import annotations

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.matrix.dense import multiplied
from impls.products.matrix_multiblock.dense import conversion
from impls.products.matrix_multiblock.operation import largest_block, reached


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    parts, largest = irreps_of(problem), largest_block(problem)
    x, y = (conversion(irreps, largest) for irreps in parts[:2])
    table = multiplied(x, y, conversion(parts[2], largest, reached(problem)))
    return TrilinearForm.dense(table)


ALGORITHM = forms.algorithm(
    "matrix_multiblock", form_of, papers=("xie2025",), growth=Growth({"lmax": 5, "channels": 1})
)
