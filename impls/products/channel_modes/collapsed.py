r"""The elementwise product with its paths summed by weights, before or after they are stored.

    z[b,u] = sum_p W[p,u] CG_p(x[b,u], y[b,u])

`dense` stores the paths: one outer product and one matrix of all couplings, then weights and sums.
The others collapse the paths first. With weights that samples share, `strided` sums the couplings
of each channel, T[u] = sum_p W[p,u] C_p, and is one matrix product for each channel
[@musaelian2023]: O(L^6) multiplications, whatever the number of paths, and no more numbers stored
than the output has. `kernel` scales y once for each path, and the kernel of forms couples and sums,
O(L^5).
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.weighted import irreps_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.kernels import support
from impls.kernels.form import TrilinearForm
from impls.problem import Problem, Refusal
from impls.products import forms
from impls.products.channel_modes.modes import paths_of, reached

Array = np.ndarray


def couplings(problem: Problem) -> Array:
    """Return the coupling of each path [paths, dim(x), dim(y), dim(z)], paths into one irrep."""
    (first, second, _), out = irreps_of(problem), reached(problem)
    ends = {ir: part for (_, ir), part in zip(out, out.slices(), strict=True)}
    paths = paths_of(problem)
    table = np.zeros((len(paths), first.dim, second.dim, out.dim))
    for k, path in enumerate(paths):
        table[k, path.in1, path.in2, ends[path.ir3]] = path.tensor
    return table


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm that stores each path."""
    paths, out = paths_of(problem), reached(problem)
    table = couplings(problem)
    stored = np.concatenate([path.tensor.shape[2] * [k] for k, path in enumerate(paths)])
    ends = {ir: part for (_, ir), part in zip(out, out.slices(), strict=True)}
    places = np.concatenate([np.r_[ends[path.ir3]] for path in paths])
    couple = b.table(np.moveaxis(table, 0, 2)[..., stored, places].reshape(-1, len(stored)))
    total = b.table(np.eye(out.dim)[places])
    path_of = b.index(stored)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        coupled = b.outer(inputs["x"], inputs["y"]) @ couple
        return {"z": (coupled * b.take(weights["w"].swapaxes(-1, -2), path_of)) @ total}

    return Built(call, kernel="outer product, all paths, weights, sums")


def strided(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm that sums the couplings of each channel first."""
    table = couplings(problem)
    paths, out = len(table), table.shape[3]
    couple = b.table(table.reshape(paths, -1))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        pairs = b.outer(inputs["x"], inputs["y"]).swapaxes(0, 1)
        own = (weights["w"].swapaxes(0, 1) @ couple).reshape(pairs.shape[0], -1, out)
        return {"z": (pairs @ own).swapaxes(0, 1)}

    return Built(call, kernel="couplings summed, one matrix product per channel")


def summed(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in which the kernel sums."""
    first, _, _ = irreps_of(problem)
    paths, out = paths_of(problem), reached(problem)
    ends = {ir: part.start for (_, ir), part in zip(out, out.slices(), strict=True)}
    starts = np.cumsum([0, *(path.ir2.dim for path in paths)]).tolist()
    blocks = [
        (path.in1.start, start, ends[path.ir3], path.tensor)
        for path, start in zip(paths, starts, strict=False)
    ]
    couple = b.trilinear(TrilinearForm.of((first.dim, starts[-1], out.dim), blocks))
    component = b.index(np.concatenate([np.r_[path.in2] for path in paths]))
    path_of = b.index(np.concatenate([path.ir2.dim * [k] for k, path in enumerate(paths)]))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        scales = b.take(weights["w"].swapaxes(-1, -2), path_of)
        return {"z": couple(inputs["x"], b.take(inputs["y"], component) * scales)}

    kernel = f"weights first, then native for each channel, {len(paths)} paths"
    return Built(call, kernel=kernel, runs=support.RUNS)


def shared(problem: Problem, target: Target) -> Refusal | None:
    """Refuse weights of each sample, which would make a table of couplings for each."""
    if per_sample(problem):
        return Refusal(
            "weights of each sample would make a table of couplings for each",
            "use dense or kernel, or weights=shared",
        )
    return None


def small(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that take seconds to make."""
    return forms.fits(*irreps_of(problem)[:2])


PAPERS = ("musaelian2023", "geiger2022")
ALGORITHMS = (
    Algorithm(
        "uuu_collapsed",
        "dense",
        "outer product, coupling, then weights",
        dense,
        papers=PAPERS,
        growth=Growth({"lmax": 6, "channels": 1}),
    ),
    Algorithm(
        "uuu_collapsed",
        "strided",
        "couplings summed by weights first",
        strided,
        supports=shared,
        papers=PAPERS,
        growth=Growth({"lmax": 6, "channels": 1}),
    ),
    Algorithm(
        "uuu_collapsed",
        "kernel",
        "sparse coefficients, one kernel",
        summed,
        supports=small,
        refuses=support.refuses,
        papers=PAPERS,
    ),
)
