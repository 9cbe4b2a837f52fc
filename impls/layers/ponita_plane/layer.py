"""PONITA in the plane with its kernels stored: the algorithms of space, with other invariants."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.plane import CUTOFF, shape_of
from impls.implementation import Built
from impls.layers.ponita.layer import Edges, Kernel, at_grid, one_kernel, two_kernels
from impls.layers.ponita.operation import ORDER
from impls.layers.ponita_plane.operation import ORIENTATIONS, kernels_of, orientations, turned
from impls.layers.radial import Envelope, lengths
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def edges_of(grid: np.ndarray, b: Backend) -> Edges:
    """Return what gives v . o and v . o' [edges, N, 1] and u [edges, 1, 1] of vectors."""
    ahead, aside, within = b.table(grid.T), b.table(turned(grid).T), Envelope(ORDER, b)

    def edges(vectors: Any) -> tuple[Any, Any, Any]:
        v = vectors / CUTOFF
        return (v @ ahead)[..., None], (v @ aside)[..., None], within(lengths(v))[:, None]

    return edges


def build(name: str, problem: Problem, b: Backend, options: Options) -> Built:
    """Build an operation of the plane."""
    grid, (nodes, edges, channels) = orientations(ORIENTATIONS.of(problem)), shape_of(problem)
    kernels = [Kernel(one, b) for one in kernels_of(name, problem)]
    pairs = edges_of(grid, b)
    if name == "ponita_plane_layer":
        convolution = two_kernels(kernels, pairs, grid, nodes, b)
    else:
        convolution = one_kernel(kernels, pairs, grid, (nodes, edges), b)
    return at_grid(grid, convolution, channels, b)


ALGORITHMS = tuple(
    Algorithm(
        name,
        "messages",
        f"kernels of edges at each {what} stored",
        partial(build, name),
        supports=supports_vectors,
        papers=("bekkers2024",),
        baseline=True,
    )
    for name, what in (
        ("ponita_plane_layer", "angle"),
        ("ponita_plane_full_layer", "two angles"),
    )
)
