r"""Clebsch-Gordan by dense matrices: outer products times concatenated coupling tensors.

The irreps of both inputs are cut into blocks [@geiger2022]; for each block of pairs (l1, l2)

    z[block] = (x[block1] outer y[block2]) C[block],   C [dim1 dim2, sum of 2 l3 + 1]

with all paths of the block side by side in C: one matrix product per block. The blocks decide only
the speed: "pair" (one l1, one l2) does no work outside the paths, 16/9 L^6 multiplications; "row"
(one l1, all l2) O(L^7) and "whole" O(L^8) multiply zeros too, in fewer and larger matrix products.
It can express all paths. Its own order of paths is block after block; `unpack` sorts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
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


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    cut = str(options["block"])
    blocks, order = blocks_of(problem, cut)
    matrices = [b.table(block.matrix) for block in blocks]
    index = b.index(order)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = inputs["x"].reshape(-1, inputs["x"].shape[-1])
        y = inputs["y"].reshape(-1, inputs["y"].shape[-1])
        parts = [
            b.outer(x[:, block.in1], y[:, block.in2]) @ matrix
            for block, matrix in zip(blocks, matrices, strict=True)
        ]
        z = parts[0] if len(parts) == 1 else b.concatenate(parts, -1)
        return {"z": z.reshape(*shape, z.shape[-1])}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": b.take(outputs["z"], index)}

    kernel = f"matrix product per {cut}"
    if np.all(np.diff(order) == 1):
        return Built(call, kernel=kernel)
    return Built(call, unpack=unpack, layout="mul_ir, paths block by block", kernel=kernel)


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


ALGORITHM = Algorithm(
    "clebsch_gordan",
    "dense",
    "dense coupling matrices",
    dense,
    options={"block": BLOCKS},
    papers=("geiger2022",),
    growth=Growth({"lmax": 7, "channels": 1}),
)
