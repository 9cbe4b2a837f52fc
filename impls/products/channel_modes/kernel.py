r"""Channel modes by the kernels of forms and of graphs.

Where weights mix channels of one input and keep those of the other (uvu, uvv), they are applied
first, and each channel is coupled with its own mixture: a form in which every path has a copy of
its mixed irrep. If there is one channel to mix, nothing is: samples are then edges that end where
they start, and the kernel of graphs takes the weights along. In the other modes the kernel couples
each pair of channels, all paths at once; weights follow, in uuw as one matrix product for each
irrep of the output [@geiger2022]. O(L^5) for each channel or pair. There is none for uvw: its work
is that of matrix products, which `weights_first` leaves to the framework, and pairs of channels
that are written and read again take longer than all of these.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.weighted import batch_of, irreps_of, multiplicities_of, per_sample
from impls.implementation import Built, Target, Tensors
from impls.kernels import memory, support
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution
from impls.problem import Problem, Refusal
from impls.products import forms
from impls.products.channel_modes.dense import runs_of
from impls.products.channel_modes.modes import MODES, Mode, paths_of


def pairs(mode: Mode, problem: Problem, b: Backend, options: Options) -> Built:
    """Build a mode that couples pairs of channels, then applies weights."""
    first, second, _ = irreps_of(problem)
    paths, runs = paths_of(problem), runs_of(problem, mode)
    (mul1, mul2, _), batch = multiplicities_of(problem), batch_of(problem)

    def pair(inputs: Tensors) -> tuple[Any, Any]:
        """Return x and y as [batch, channels, dim], channels being u or the pairs u, v."""
        x, y = inputs["x"], inputs["y"]
        if mode.second == "v":
            shape = batch, mul1, mul2
            x = b.broadcast(x[:, :, None], (*shape, first.dim)).reshape(batch, -1, first.dim)
            y = b.broadcast(y[:, None], (*shape, second.dim)).reshape(batch, -1, second.dim)
        return x, y

    if mode.summed:
        into = [[paths[k] for k in run] for run in runs]
        couplings = [[(p.in1.start, p.in2.start, p.tensor) for p in run] for run in into]
        couple = b.trilinear(forms.of_runs((first.dim, second.dim), couplings))
        dims, inner = [run[0].ir3.dim for run in into], len(mode.letters)

        def call(inputs: Tensors, weights: Tensors) -> Tensors:
            mine = [own(problem, weights["w"], run) for run in runs]
            mine = [w.reshape(*w.shape[: -inner - 1], -1, w.shape[-1]) for w in mine]
            return {"z": forms.mixed(couple(*pair(inputs)), dims, mine, b)}

        kernel = "native for each pair of channels, then one matrix product per irrep"
        return Built(call, kernel=kernel, runs=support.RUNS)

    couple = b.trilinear(forms.of_paths((first.dim, second.dim), paths))
    path_of = b.index(np.repeat(np.arange(len(paths)), [path.ir3.dim for path in paths]))

    def weighted(inputs: Tensors, weights: Tensors) -> Tensors:
        rows, w = couple(*pair(inputs)), weights["w"]
        w = w.reshape(*w.shape[: -len(mode.letters)], rows.shape[1]).swapaxes(-1, -2)
        return {"z": rows * b.take(w, path_of)}

    kernel = "native for each pair of channels, then weights"
    return Built(weighted, kernel=kernel, runs=support.RUNS)


def mixed_first(mode: Mode, problem: Problem, b: Backend, options: Options) -> Built:
    """Build uvu or uvv: channels of one input are mixed, and meet those that stay."""
    first, second, _ = irreps_of(problem)
    paths, keeps_first = paths_of(problem), mode.out == "u"
    mul1, mul2, _ = multiplicities_of(problem)
    if (mul2 if keeps_first else mul1) == 1:
        return _one_to_mix(mode, problem, b)
    blocks, start = [], 0
    for path in paths:
        at = (path.in1.start, start) if keeps_first else (start, path.in2.start)
        blocks.append((*at, path.out.start, path.tensor))
        start += path.ir2.dim if keeps_first else path.ir1.dim
    dims = (first.dim, start) if keeps_first else (start, second.dim)
    couple = b.trilinear(TrilinearForm.of((*dims, paths[-1].out.stop), blocks))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y, w = inputs["x"], inputs["y"], weights["w"]
        if keeps_first:
            parts = [own(problem, w, k) @ y[..., path.in2] for k, path in enumerate(paths)]
            return {"z": couple(x, b.concatenate(parts, -1))}
        parts = [
            own(problem, w, k).swapaxes(-1, -2) @ x[..., path.in1] for k, path in enumerate(paths)
        ]
        return {"z": couple(b.concatenate(parts, -1), y)}

    kernel = "weights first, then native for each channel"
    return Built(call, kernel=kernel, runs=support.RUNS)


def _one_to_mix(mode: Mode, problem: Problem, b: Backend) -> Built:
    """Build uvu with one channel of y, or uvv with one of x: a convolution of samples alone."""
    irreps, keeps_first, batch = irreps_of(problem), mode.out == "u", batch_of(problem)
    blocks = []
    for path in paths_of(problem):
        kept, single, tensor = path.in1.start, path.in2.start, path.tensor
        if not keeps_first:
            kept, single, tensor = single, kept, tensor.swapaxes(0, 1)
        blocks.append((kept, single, path.out.start, np.ascontiguousarray(tensor)))
    dims = irreps[:2] if keeps_first else irreps[1::-1]
    out = paths_of(problem)[-1].out.stop
    convolution = b.convolution(Convolution((dims[0].dim, dims[1].dim, out), tuple(blocks)))
    kept, single = ("x", "y") if keeps_first else ("y", "x")
    channels = multiplicities_of(problem)[0 if keeps_first else 1]
    itself = b.index(np.arange(batch))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        w = weights["w"].reshape(-1, len(blocks), channels)
        w = b.broadcast(w, (batch, len(blocks), channels))
        return {"z": convolution(inputs[kept], inputs[single][:, 0], w, itself, itself)}

    lies = memory.packed(b.target, {kept: memory.CHANNELS_INNERMOST})
    return Built(call, kernel="native, weights taken along", runs=support.RUNS, **lies)


def own(problem: Problem, w: Any, paths: int | range) -> Any:
    """Return the weights of one path, or of some that follow each other."""
    which = paths if isinstance(paths, int) else slice(paths.start, paths.stop)
    return w[:, which] if per_sample(problem) else w[which]


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse tables that take seconds to make."""
    return forms.fits(*irreps_of(problem)[:2])


ALGORITHMS = tuple(
    Algorithm(
        mode.name,
        "kernel",
        "sparse coefficients, one kernel",
        partial(mixed_first if mode.name in ("uvu", "uvv") else pairs, mode),
        supports=supports,
        refuses=support.refuses,
        papers=("geiger2022",),
    )
    for mode in MODES
    if mode.name != "uvw"
)
