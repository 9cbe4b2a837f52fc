"""Products of two features as trilinear forms, and algorithms by the kernel of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.kernels import memory, support
from impls.kernels.form import TrilinearForm
from impls.problem import Problem, Refusal
from impls.products.paths import Path
from impls.so3.irreps import Irreps

LARGEST = 6561
"""The kernel takes up to so many pairs of components: degrees 0..8 times 0..8."""

Coupling = tuple[int, int, NDArray[np.float64]]
"""Where x and y start, and the coupling tensor [dim1, dim2, dim3]."""


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that take seconds to make."""
    first, second, _ = irreps_of(problem)
    return fits(first, second)


def fits(first: Irreps, second: Irreps) -> Refusal | None:
    """Refuse more pairs of components than LARGEST."""
    pairs = first.dim * second.dim
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


def of_runs(dims: tuple[int, int], runs: Sequence[Sequence[Coupling]]) -> TrilinearForm:
    """Return the form of runs of couplings into one irrep, each ordered by (component, path)."""
    blocks, start = [], 0
    for run in runs:
        for place, (i, j, tensor) in enumerate(run):
            spread = np.zeros((*tensor.shape, len(run)))
            spread[..., place] = tensor
            blocks.append((i, j, start, spread.reshape(*tensor.shape[:2], -1)))
        start += run[0][2].shape[2] * len(run)
    return TrilinearForm.of((*dims, start), blocks)


def mixed(coupled: Any, dims: Sequence[int], weights: Sequence[Any], b: Backend) -> Any:
    """Return z [batch, channels, dim], one matrix product for each irrep of the output.

    `coupled` is [batch, pairs, ...] as `of_runs` orders it, `dims` are those of the irreps, and
    `weights` have for each [paths pairs, channels], perhaps with the samples in front.
    """
    rows = b.contiguous(coupled.swapaxes(1, 2))
    batch, _, pairs = rows.shape
    sizes = [dim * (w.shape[-2] // pairs) for dim, w in zip(dims, weights, strict=True)]
    parts = [
        part.reshape(batch, dim, -1) @ w
        for part, dim, w in zip(b.split(rows, sizes, 1), dims, weights, strict=True)
    ]
    return b.concatenate(parts, 1).swapaxes(1, 2)


def algorithm(
    operation: str,
    form_of: Callable[[Problem], TrilinearForm],
    *,
    papers: tuple[str, ...],
    title: str = "sparse coefficients, one kernel",
    supports: Callable[[Problem, Target], Refusal | None] = supports,
    growth: Growth | None = None,
) -> Algorithm:
    """Return the algorithm "kernel" of an operation that is one form of x and y."""

    def build(problem: Problem, b: Backend, options: Options) -> Built:
        form = form_of(problem)
        bilinear = b.trilinear(form)

        def call(inputs: Tensors, weights: Tensors) -> Tensors:
            return {"z": bilinear(inputs["x"], inputs["y"])}

        lies = memory.packed(b.target, dict.fromkeys("xy", memory.SAMPLES_INNERMOST))
        kernel = f"native, {len(form.values)} coefficients"
        return Built(call, kernel=kernel, runs=support.RUNS, **lies)

    return Algorithm(
        operation,
        "kernel",
        title,
        build,
        supports=supports,
        refuses=support.refuses,
        papers=papers,
        growth=growth or Growth(),
    )
