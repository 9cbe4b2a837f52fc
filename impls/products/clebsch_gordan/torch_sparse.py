"""Clebsch-Gordan in PyTorch on the nonzero coefficients: one sparse matrix times x outer y.

z^T = S (x^T outer y^T) with S in compressed rows, samples along the contiguous axis: O(L^5)
multiplications, O(L^4) memory. It can express all paths [@cobb2021] [@xie2025]. The gradient is
the product with the transpose of S, which is stored too.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from impls.implementation import Built, Implementation, Target, Tensors
from impls.problem import Problem, Refusal, Scalar
from impls.products.clebsch_gordan.sparse import sparse_matrix


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import torch

    dtype, device = getattr(torch, problem.dtype), torch.device(target.device)

    def compressed(matrix: csr_array) -> Any:
        with warnings.catch_warnings():  # "Sparse CSR tensor support is in beta state"
            warnings.simplefilter("ignore")
            return torch.sparse_csr_tensor(
                torch.tensor(matrix.indptr.astype(np.int64)),
                torch.tensor(matrix.indices.astype(np.int64)),
                torch.tensor(matrix.data),
                matrix.shape,
                dtype=dtype,
                device=device,
                check_invariants=False,
            )

    class Multiply(torch.autograd.Function):
        """Product of a sparse and a dense matrix, given the transpose of the sparse one."""

        @staticmethod
        def forward(ctx: Any, dense: Any, matrix: Any, transpose: Any) -> Any:
            ctx.matrices = transpose, matrix
            return matrix @ dense

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return Multiply.apply(grad.contiguous(), *ctx.matrices), None, None

    table = sparse_matrix(problem)
    matrix, transpose = compressed(table), compressed(csr_array(table.T))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = inputs["x"].reshape(-1, inputs["x"].shape[-1]).t().contiguous()
        y = inputs["y"].reshape(-1, inputs["y"].shape[-1]).t().contiguous()
        pairs = (x[:, None] * y[None]).reshape(-1, x.shape[-1])
        z = Multiply.apply(pairs, matrix, transpose)
        return {"z": z.t().reshape(*shape, z.shape[0]).contiguous()}

    return Built(call, kernel="sparse (CSR) matrix product")


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16":
        return Refusal("PyTorch's sparse matrix product has no bfloat16", "use torch_dense")
    return None


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="torch_sparse",
    framework="torch",
    build=_build,
    supports=_supports,
    papers=("cobb2021", "xie2025"),
)
