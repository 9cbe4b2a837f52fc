"""Clebsch-Gordan in JAX on the nonzero coefficients: gathers and sums, no scatter.

z_o = sum_k S[o, k] (x outer y)[column(o, k)], samples along the contiguous axis: O(L^5)
multiplications, O(L^4) memory. It can express all paths [@cobb2021] [@xie2025]. Rows of equal
length are summed together, so that nothing is padded. The gradient is the same with the transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from impls.implementation import Built, Implementation, Target, Tensors
from impls.problem import Problem, Scalar
from impls.products.clebsch_gordan.sparse import sparse_matrix


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import jax

    table = sparse_matrix(problem)
    forward = _product(table, problem.dtype)
    transposed = _product(csr_array(table.T), problem.dtype)
    # Reverse mode of a gather is a scatter: the transpose as a gather of its own is faster.
    multiply = jax.custom_vjp(forward)
    multiply_transposed = jax.custom_vjp(transposed)
    multiply.defvjp(lambda a: (multiply(a), None), lambda _, g: (multiply_transposed(g),))
    multiply_transposed.defvjp(
        lambda a: (multiply_transposed(a), None), lambda _, g: (multiply(g),)
    )

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = inputs["x"].reshape(-1, inputs["x"].shape[-1]).T
        y = inputs["y"].reshape(-1, inputs["y"].shape[-1]).T
        z = multiply((x[:, None] * y[None]).reshape(-1, x.shape[-1]))
        return {"z": z.T.reshape(*shape, z.shape[0])}

    return Built(call, kernel="gather and sum, fused by XLA")


def _product(matrix: csr_array, dtype: str) -> Callable[[Any], Any]:
    """Return the product of a sparse matrix [rows, columns] with a dense one [columns, n]."""
    import jax.numpy as jnp

    lengths = np.diff(matrix.indptr)
    buckets, rows = [], []
    for length in np.unique(lengths):
        rows.append(np.flatnonzero(lengths == length))
        entries = matrix.indptr[rows[-1]][:, None] + np.arange(length)
        buckets.append((matrix.indices[entries], jnp.asarray(matrix.data[entries], dtype)))
    order = np.argsort(np.concatenate(rows))

    def multiply(dense: Any) -> Any:
        parts = []
        for columns, values in buckets:
            part = jnp.zeros((len(columns), dense.shape[-1]), dense.dtype)
            for k in range(columns.shape[1]):
                part = part + values[:, k, None] * dense[columns[:, k]]
            parts.append(part)
        return jnp.concatenate(parts)[order]

    return multiply


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="jax_sparse",
    framework="jax",
    build=_build,
    papers=("cobb2021", "xie2025"),
)
