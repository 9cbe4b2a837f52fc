"""Clebsch-Gordan on the nonzero coefficients: one sparse matrix S times x outer y.

In the real basis C(l1,l2,l3)[m1,m2,m3] needs |m3| = |m1| + |m2| or ||m1| - |m2||, so that S has
O(L^5) entries on O(L^4) products, and that much memory. Its own layout has components first and
samples along the contiguous axis, [components, batch, channels]: what is sparse is then a matrix of
components, and nothing is turned in the call. It can express all paths [@cobb2021] [@xie2025].

PyTorch: z^T = S (x^T outer y^T) with S in compressed rows; the gradient is the product with the
transpose of S, which is stored too. JAX: z_o = sum_k S[o, k] (x outer y)[column(o, k)], gathers and
sums without a scatter; rows of equal length are summed together, so that nothing is padded, and the
gradient is the same with the transpose.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.implementation import Built, Implementation, Target, Tensors
from impls.problem import Problem, Refusal, Scalar
from impls.products.clebsch_gordan.operation import paths_of

LAYOUT = "[components, batch, channels]"
INDICES = ("int64", "int32")
"""Types of the indices of PyTorch's sparse matrix; cuSPARSE is faster with the shorter ones."""


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


def _torch(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import torch

    dtype, device = getattr(torch, problem.dtype), torch.device(target.device)
    index = str(options.get("index", INDICES[0]))

    def compressed(matrix: csr_array) -> Any:
        with warnings.catch_warnings():  # "Sparse CSR tensor support is in beta state"
            warnings.simplefilter("ignore")
            return torch.sparse_csr_tensor(
                torch.tensor(matrix.indptr.astype(index)),
                torch.tensor(matrix.indices.astype(index)),
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
        x, y = inputs["x"], inputs["y"]
        pairs = (x[:, None] * y[None]).reshape(matrix.shape[1], -1)
        return {"z": Multiply.apply(pairs, matrix, transpose).reshape(-1, *x.shape[1:])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {name: a.movedim(-1, 0).contiguous() for name, a in inputs.items()}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].movedim(0, -1).contiguous()}

    return Built(call, pack, unpack, layout=LAYOUT, kernel="sparse (CSR) matrix product")


def _torch_supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16":
        return Refusal("PyTorch's sparse matrix product has no bfloat16", "use torch_dense")
    return None


def _jax(problem: Problem, b: Backend, options: Options) -> Built:
    import jax
    import jax.numpy as jnp

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
        x, y = inputs["x"], inputs["y"]
        z = multiply(b.outer_first(x, y).reshape(table.shape[1], -1))
        return {"z": z.reshape(-1, *x.shape[1:])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {name: jnp.moveaxis(a, -1, 0) for name, a in inputs.items()}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": jnp.moveaxis(outputs["z"], 0, -1)}

    return Built(call, pack, unpack, layout=LAYOUT, kernel="gather and sum, fused by XLA")


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


TORCH = Implementation(
    operation="clebsch_gordan",
    name="torch_sparse",
    title="sparse coefficients",
    framework="torch",
    build=_torch,
    supports=_torch_supports,
    options={"index": INDICES},
    papers=("cobb2021", "xie2025"),
)

JAX = Algorithm(
    "clebsch_gordan",
    "sparse",
    "sparse coefficients",
    _jax,
    frameworks=("jax",),
    papers=("cobb2021", "xie2025"),
)
