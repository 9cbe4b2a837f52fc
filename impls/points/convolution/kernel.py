"""Convolutions by the kernel of graphs: gather, product, weights and sum in one pass.

No message is stored: for each edge the harmonics make one small matrix a path, which serves all
channels, and the products are summed at their receivers at once. Edges are sorted by receiver in
the call. In `mixing_convolution` channels are mixed at nodes. O(L^5) a channel and edge
[@geiger2022].
"""

from __future__ import annotations

from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.implementation import Built, Tensors
from impls.kernels import memory, support
from impls.kernels.graph import Convolution
from impls.points.convolution.mixing import Mixed
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem


def form_of(problem: Problem, *, weighted: bool) -> Convolution:
    """Return the convolution of all paths."""
    node, edge, _ = irreps_of(problem)
    paths = paths_of(problem)
    blocks = tuple((p.in1.start, p.in2.start, p.out.start, p.tensor) for p in paths)
    return Convolution((node.dim, edge.dim, paths[-1].out.stop), blocks, weighted)


def channelwise(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for weights of each edge."""
    convolution = b.convolution(form_of(problem, weighted=True))
    harmonics = EdgeHarmonics(problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        ends = inputs["src"], inputs["dst"]
        return {"z": convolution(inputs["x"], harmonics(inputs), weights["w"], *ends)}

    return Built(call, kernel="native, messages not stored", runs=support.RUNS, **lies(b))


def mixing(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for weights that all edges share."""
    convolution = b.convolution(form_of(problem, weighted=False))
    harmonics, mixed = EdgeHarmonics(problem, b), Mixed(problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        ends = inputs["src"], inputs["dst"]
        sums = convolution(inputs["x"], harmonics(inputs), *ends)
        return {"z": mixed(sums.swapaxes(1, 2), weights["w"])}

    kernel = "native, messages not stored, channels mixed at nodes"
    return Built(call, kernel=kernel, runs=support.RUNS, **lies(b))


def lies(b: Backend) -> dict[str, Any]:
    """Return how features of nodes lie on a GPU."""
    return memory.packed(b.target, {"x": memory.CHANNELS_INNERMOST})


TITLE = "messages not stored, one kernel"

ALGORITHMS = (
    Algorithm(
        "channelwise",
        "kernel",
        TITLE,
        channelwise,
        refuses=support.refuses,
        papers=("geiger2022",),
    ),
    Algorithm(
        "mixing_convolution",
        "kernel",
        TITLE,
        mixing,
        refuses=support.refuses,
        papers=("geiger2022",),
    ),
)
