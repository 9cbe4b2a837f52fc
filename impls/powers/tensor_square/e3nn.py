"""The squares of e3nn (PyTorch) and e3nn-jax: other channels (u < v) and the same (u = v) apart.

Where an irrep meets itself they have two lines, "u<vw" for all l3 and "uuw" for even l3; two
irreps meet once, as "uvw" [@geiger2022]. `Line` says which canonical weights are those of a line. A
contraction per line, O(L^6) dense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.families.feature import channels_of, irreps_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import JIT, flat_order, in_jax, in_torch, labels, torch_kernel, torch_module
from impls.powers.tensor_square.operation import Square, reached, squares_of
from impls.problem import Problem, Scalar


@dataclass(frozen=True)
class Line:
    """A line of the library: items (i1, i2, output), mode, and rows of the canonical weights."""

    items: tuple[int, int, int]
    mode: str
    rows: NDArray[np.int64]
    norm: float


def lines_of(problem: Problem) -> list[Line]:
    """Return the lines of all paths, in canonical order."""
    ends = {ir: i3 for i3, (_, ir) in enumerate(reached(problem))}
    return [
        line for square in squares_of(problem) for line in _lines(square, ends[square.path.ir3])
    ]


def _lines(square: Square, end: int) -> list[Line]:
    path, rows = square.path, np.arange(square.rows.start, square.rows.stop)
    items, norm = (path.i1, path.i2, end), float(np.sqrt(path.ir3.dim))
    if path.i1 < path.i2:
        return [Line(items, "uvw", rows, norm)]
    apart = np.array([u < v for u, v in square.pairs])
    both = (("u<vw", rows[apart]), ("uuw", rows[~apart]))
    return [Line(items, mode, chosen, norm) for mode, chosen in both if len(chosen)]


def _torch(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    """Build e3nn's TensorSquare."""
    import torch
    from e3nn import o3

    jit_mode, device = str(options.get("jit_mode", "default")), target.device
    inside, out, (mul, mul3) = irreps_of(problem)[0], reached(problem), channels_of(problem)
    product = torch_module(
        lambda: o3.TensorSquare(
            labels(inside, mul),
            labels(out, mul3),
            shared_weights=not per_sample(problem),
            internal_weights=False,
        ),
        problem.dtype,
        device,
        jit_mode,
    )
    known = {(line.items, line.mode): line for line in lines_of(problem)}
    used = [
        (known[(i.i_in1, i.i_in2, i.i_out), i.connection_mode], i.path_weight)
        for i in product.instructions
    ]
    rows = torch.as_tensor(np.concatenate([line.rows for line, _ in used]), device=device)
    scales = np.concatenate([np.full(len(line.rows), line.norm / norm) for line, norm in used])
    scale = torch.as_tensor(scales[:, None], dtype=getattr(torch, problem.dtype), device=device)
    flat = torch.as_tensor(flat_order(inside, mul), device=device)
    back = torch.as_tensor(np.argsort(flat_order(out, mul3)), device=device)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": product(inputs["x"], weights["w"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x, w = inputs["x"].reshape(len(inputs["x"]), -1), weights["w"]
        native = w.index_select(-2, rows) * scale
        return {"x": x.index_select(1, flat)}, {"w": native.reshape(*w.shape[:-2], -1)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].index_select(1, back).reshape(-1, mul3, out.dim)}

    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=torch_kernel(jit_mode))


def _jax(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    """Build e3nn-jax's product of x with itself on the same lines as e3nn's square."""
    import e3nn_jax as e3nn
    import jax
    from e3nn_jax.legacy import FunctionalTensorProduct

    inside, out, (mul, mul3) = irreps_of(problem)[0], reached(problem), channels_of(problem)
    lines = lines_of(problem)
    ends = [line.items[2] for line in lines]
    product = FunctionalTensorProduct(
        e3nn.Irreps(labels(inside, mul)),
        e3nn.Irreps(labels(inside, mul)),
        e3nn.Irreps(labels(out, mul3)),
        # "path" divides by the pairs and the lines that are summed: multiply by them
        [
            (*line.items, line.mode, True, float(len(line.rows) * ends.count(line.items[2])))
            for line in lines
        ],
        irrep_normalization="component",
        path_normalization="path",
        gradient_normalization="path",  # "element" would leave the norm to the weights
    )
    rows = np.concatenate([line.rows for line in lines])
    flat, back = flat_order(inside, mul), np.argsort(flat_order(out, mul3))

    def sample(w: Any, x: Any) -> Any:
        feature = e3nn.IrrepsArray(product.irreps_in1, x)
        return product.left_right(w, feature, feature).array

    mapped = jax.vmap(sample, (0 if per_sample(problem) else None, 0))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": mapped(weights["w"], inputs["x"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        x, w = inputs["x"].reshape(len(inputs["x"]), -1), weights["w"]
        return {"x": x[:, flat]}, {"w": w[..., rows, :].reshape(*w.shape[:-2], -1)}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, back].reshape(-1, mul3, out.dim)}

    kernel = f"e3nn-jax {e3nn.__version__} FunctionalTensorProduct, vmap over samples, XLA"
    return Built(call, pack, unpack, layout="mul_ir, one axis", kernel=kernel)


TORCH = in_torch(
    operation="tensor_square",
    build=_torch,
    options=JIT,
    growth=Growth({"lmax": 6, "channels": 3}),
)

JAX = in_jax(
    operation="tensor_square",
    build=_jax,
    growth=Growth({"lmax": 6, "channels": 3}),
)
