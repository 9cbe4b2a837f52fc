r"""Clebsch-Gordan by dense matrices: outer products times concatenated coupling tensors.

The irreps of both inputs are cut into blocks; for each block of pairs (l1, l2)

    z[block] = (x[block1] outer y[block2]) C[block],   C [dim1 dim2, sum of 2 l3 + 1]

with all paths of the block side by side in C: one matrix product per block. The blocks decide only
the speed: "pair" (one l1, one l2) does no work outside the paths, O(L^6); "row" (one l1, all l2)
O(L^7) and "whole" O(L^8) multiply zeros too, in fewer and larger matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from impls.families.product import irreps_of
from impls.implementation import Built, Tensors
from impls.problem import Problem, Scalar
from impls.products.backend import Backend
from impls.products.clebsch_gordan.operation import paths_of
from impls.products.paths import Path
from impls.so3.irreps import Irreps

BLOCKS = ("row", "pair", "whole")
"""Values of the option `block`, the default first."""


@dataclass(frozen=True)
class Block:
    """Some irreps of x times some of y: their components, and `matrix` [dim1 dim2, outputs]."""

    in1: slice
    in2: slice
    matrix: np.ndarray


def blocks_of(problem: Problem, block: str) -> tuple[tuple[Block, ...], np.ndarray]:
    """Return the blocks that have a path, and where each canonical output lies among theirs."""
    first, second, _ = irreps_of(problem)
    paths = paths_of(problem)
    parts1 = _parts(first, whole=block == "whole")
    parts2 = _parts(second, whole=block in ("row", "whole"))
    blocks, written = [], []
    for (run1, in1), (run2, in2) in product(parts1, parts2):
        inside = [path for path in paths if path.i1 in run1 and path.i2 in run2]
        if inside:
            blocks.append(Block(in1, in2, _matrix(inside, in1, in2)))
            written += [np.arange(path.out.start, path.out.stop) for path in inside]
    return tuple(blocks), np.argsort(np.concatenate(written))


def dense(problem: Problem, backend: Backend, options: Mapping[str, Scalar]) -> Built:
    """Build the algorithm in a framework; ValueError for an unknown value of `block`."""
    block = str(options.get("block", BLOCKS[0]))
    if block not in BLOCKS:
        raise ValueError(f"unknown block {block!r}: choose one of {', '.join(BLOCKS)}")
    blocks, order = blocks_of(problem, block)
    matrices = [backend.table(b.matrix) for b in blocks]
    sorted_already = bool(np.all(np.diff(order) == 1))
    index = None if sorted_already else backend.index(order)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = inputs["x"].reshape(-1, inputs["x"].shape[-1])
        y = inputs["y"].reshape(-1, inputs["y"].shape[-1])
        parts = [
            (x[:, b.in1, None] * y[:, None, b.in2]).reshape(-1, matrix.shape[0]) @ matrix
            for b, matrix in zip(blocks, matrices, strict=True)
        ]
        z = parts[0] if len(parts) == 1 else backend.concatenate(parts, -1)
        if index is not None:
            z = backend.take(z, index)
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"matrix product per {block}")


def _parts(irreps: Irreps, *, whole: bool) -> list[tuple[range, slice]]:
    if whole:
        return [(range(len(irreps)), slice(0, irreps.dim))]
    return [(range(i, i + 1), part) for i, part in enumerate(irreps.slices())]


def _matrix(paths: list[Path], in1: slice, in2: slice) -> np.ndarray:
    dim1, dim2 = in1.stop - in1.start, in2.stop - in2.start
    ends = np.cumsum([0, *(path.ir3.dim for path in paths)])
    matrix = np.zeros((dim1, dim2, ends[-1]))
    for path, (start, stop) in zip(paths, pairwise(ends), strict=True):
        rows = slice(path.in1.start - in1.start, path.in1.stop - in1.start)
        inner = slice(path.in2.start - in2.start, path.in2.stop - in2.start)
        matrix[rows, inner, start:stop] = path.tensor
    return matrix.reshape(dim1 * dim2, -1)
