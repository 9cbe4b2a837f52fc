"""PONITA with its kernels stored: perceptrons of the rows of edges and orientations.

Features at orientations are [nodes, N, C], and the sum over the orientations of a node is a matrix
product for each channel. What a kernel is at the node itself is computed once [@bekkers2024].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.features import innermost
from impls.layers.perceptron import Network, Perceptron
from impls.layers.ponita.grid import orientations
from impls.layers.ponita.operation import (
    EPSILON,
    FEWER,
    ORDER,
    ORIENTATIONS,
    kernels_of,
    mlp_of,
)
from impls.layers.radial import Envelope, lengths
from impls.points.harmonics import supports_vectors
from impls.problem import Problem

Convolution = Callable[[Any, Tensors, Tensors], Any]
"""z of f, both [nodes, N, C], of the inputs and the weights."""
Edges = Callable[[Any], tuple[Any, Any, Any]]
"""Two invariants [edges, N, 1] of the vectors of edges, and the envelope [edges, 1, 1]."""


class Kernel:
    """Values of a kernel at invariants, in any framework."""

    def __init__(self, kernel: Perceptron, b: Backend) -> None:
        """Take the perceptron that its values are linear in."""
        self.name, self.network, self.b = f"{kernel.name}_K", Network(kernel, b), b
        self.nothing = b.table(np.zeros((1, kernel.widths[0])))

    def __call__(self, weights: Tensors, *invariants: Any) -> Any:
        """Return values [..., C] at invariants [..., 1] of one shape."""
        level = list(enumerate(invariants))
        found = list(invariants)
        for _ in range(2):
            level = [(j, m * a) for i, m in level for j, a in enumerate(invariants) if j >= i]
            found += [m for _, m in level]
        return self._of(self.b.concatenate(found, -1), weights)

    def at_zero(self, weights: Tensors) -> Any:
        """Return its value [1, C] where all invariants are zero."""
        return self._of(self.nothing, weights)

    def _of(self, monomials: Any, weights: Tensors) -> Any:
        return self.network(monomials, weights) @ weights[self.name]


class Block:
    """What a node does at each of its orientations: layer norm and a perceptron of channels."""

    def __init__(self, channels: int, b: Backend) -> None:
        """Take the perceptron."""
        self.mlp = Network(mlp_of(channels), b)

    def __call__(self, f: Any, z: Any, w: Tensors) -> Any:
        """Return g [..., C] of f and z [..., C]."""
        z = z + w["b"]
        z = z - z.mean(-1)[..., None]
        z = z * (((z * z).mean(-1) + EPSILON) ** -0.5)[..., None]
        return f + w["c"] * self.mlp(z * w["norm_g"] + w["norm_b"], w)


def pairs_of(grid: np.ndarray, problem: Problem, b: Backend) -> Edges:
    """Return what gives v . o and |v - (v . o) o| [edges, N, 1] and u [edges, 1, 1] of vectors."""
    cutoff, within, points = cutoff_of(problem), Envelope(ORDER, b), b.table(grid)

    def pairs(vectors: Any) -> tuple[Any, Any, Any]:
        v = vectors / cutoff
        along = (v @ points.T)[..., None]
        return along, b.norm(v[:, None] - along * points), within(lengths(v))[:, None]

    return pairs


def two_kernels(
    kernels: Iterable[Kernel], pairs: Edges, grid: np.ndarray, nodes: int, b: Backend
) -> Convolution:
    """Return the convolution of positions, and then of orientations [N, 2 or 3]."""
    spatial, angular = kernels
    turned = b.table((grid @ grid.T)[..., None])

    def convolution(f: Any, inputs: Tensors, w: Tensors) -> Any:
        one, other, within = pairs(inputs["v"])
        sent = spatial(w, one, other) * within * b.gather(f, inputs["src"])
        y = spatial.at_zero(w) * f + b.segment_sum(sent, inputs["dst"], nodes)
        q = angular(w, turned).swapaxes(0, 2).swapaxes(1, 2)  # [C, p, o]
        return (q @ y.swapaxes(0, 2)).swapaxes(0, 2) / len(grid)

    return convolution


def one_kernel(
    kernels: Iterable[Kernel], pairs: Edges, grid: np.ndarray, counts: tuple[int, int], b: Backend
) -> Convolution:
    """Return the convolution of positions and orientations together, of so many nodes and edges."""
    (kernel,), (nodes, edges), count = kernels, counts, len(grid)
    turned, nothing = b.table((grid @ grid.T)[..., None]), b.table(np.zeros((count, count, 1)))
    shape = edges, count, count, 1

    def convolution(f: Any, inputs: Tensors, w: Tensors) -> Any:
        one, other, within = pairs(inputs["v"])
        wide = (b.broadcast(a, shape) for a in (one[:, :, None], other[:, :, None], turned[None]))
        sent = (kernel(w, *wide) * b.gather(f, inputs["src"])[:, None]).sum(2) * within
        own = (kernel(w, nothing, nothing, turned)[None] * f[:, None]).sum(2)
        return (own + b.segment_sum(sent, inputs["dst"], nodes)) / count

    return convolution


def at_grid(grid: np.ndarray, convolution: Convolution, channels: int, b: Backend) -> Built:
    """Build the layer that lifts to orientations [N, 2 or 3], and takes the mean over them."""
    block, points, back = Block(channels, b), b.table(grid), b.table(grid.T / len(grid))

    def call(inputs: Tensors, w: Tensors) -> Tensors:
        s, vectors = inputs["x"][:, 0], inputs["x"][:, 1:]
        f = (s @ w["A"])[:, None] + points @ (vectors @ w["B"])
        g = block(f, convolution(f, inputs, w), w)
        scalars = g.mean(1) @ w["P"] + w["p"]
        return {"z": b.concatenate([scalars[:, None], (back @ g) @ w["Q"]], 1)}

    return Built(call, kernel="kernels stored", **innermost(b, "x", "z"))


def separable(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with a kernel of positions, and then one of orientations."""
    grid = orientations(ORIENTATIONS.of(problem))
    kernels = (Kernel(one, b) for one in kernels_of("ponita_layer", problem))
    pairs, nodes = pairs_of(grid, problem, b), counts_of(problem)[0]
    convolution = two_kernels(kernels, pairs, grid, nodes, b)
    return at_grid(grid, convolution, channels_of(problem), b)


def full(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with one kernel of positions and orientations."""
    grid = orientations(FEWER.of(problem))
    kernels = (Kernel(one, b) for one in kernels_of("ponita_full_layer", problem))
    pairs, counts = pairs_of(grid, problem, b), counts_of(problem)
    convolution = one_kernel(kernels, pairs, grid, counts, b)
    return at_grid(grid, convolution, channels_of(problem), b)


def at_positions(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer of positions alone."""
    (one,) = kernels_of("pnita_layer", problem)
    kernel, block, within = Kernel(one, b), Block(channels_of(problem), b), Envelope(ORDER, b)
    nodes, cutoff = counts_of(problem)[0], cutoff_of(problem)

    def call(inputs: Tensors, w: Tensors) -> Tensors:
        r = lengths(inputs["v"]) / cutoff
        f = inputs["x"][..., 0] @ w["A"]
        sent = kernel(w, r) * within(r) * b.gather(f, inputs["src"])
        z = kernel.at_zero(w) * f + b.segment_sum(sent, inputs["dst"], nodes)
        return {"z": (block(f, z, w) @ w["P"] + w["p"])[..., None]}

    return Built(call, kernel="kernels stored")


ALGORITHMS = (
    Algorithm(
        "ponita_layer",
        "messages",
        "kernels of edges at each orientation stored",
        separable,
        supports=supports_vectors,
        papers=("bekkers2024",),
        baseline=True,
    ),
    Algorithm(
        "ponita_full_layer",
        "messages",
        "kernels of edges at each two orientations stored",
        full,
        supports=supports_vectors,
        papers=("bekkers2024",),
        baseline=True,
    ),
    Algorithm(
        "pnita_layer",
        "messages",
        "kernels of edges stored",
        at_positions,
        supports=supports_vectors,
        papers=("bekkers2024",),
        baseline=True,
    ),
)
