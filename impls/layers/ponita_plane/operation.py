r"""PONITA in the plane: convolution over positions and angles, of scalars and vectors of nodes.

As in space (`impls.layers.ponita`), with N = `orientations` equidistant points o of the circle, and
o' the orientation o turned by a right angle [@bekkers2024]:

    f_i(o) = s_i A + (V_i . o) B,       s'_i = (1/N) sum_o g_i(o) P + p,
                                        V'_i = (1/N) sum_o (g_i(o) Q) o
    g_i(p) = f_i(p) + c * mlp(norm(z_i(p) + b))

    ponita_plane_layer       y_i(o) = k(0, 0) f_i(o) + sum_j u(|v|) k(v . o, v . o') f_j(o)
                             z_i(p) = (1/N) sum_o q(o . p) y_i(o)
    ponita_plane_full_layer  z_i(p) = (1/N) sum_j,o u(|v|) k(v . p, v . p', o . p) f_j(o)

Kernels, norm, perceptron and envelope are those of space, and the node itself is among its
neighbours. v . o' has a sign, so that the layers are equivariant under SE(2) where there is a
circle, and tell mirror images apart. o . p does not tell a turn from its reverse; those of v do.

At N orientations the N turns that keep them are exact, right angles among them, and others are
approximate. The mean over equidistant angles is exact for waves of order below N, so that the error
falls faster than any power of N where kernels are smooth.

Cost: as in space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from impls.families.plane import CUTOFF, node_space, shape_of
from impls.growth import Growth
from impls.layers.perceptron import Perceptron
from impls.layers.ponita.operation import (
    ORDER,
    block,
    block_weights,
    kernel_of,
    kernel_values,
    mlp_of,
    some_of,
    too_few,
)
from impls.layers.radial import envelope, matrix
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.problem import BYTES, Problem, Refusal, Scalar
from impls.spaces import Array, Arrays, Space


def _counts(problem: Problem) -> tuple[Scalar, ...]:
    return 4, 8, 16, 32


ORIENTATIONS = Knob("orientations", lambda problem: 8, _counts)


def orientations(count: int) -> Array:
    """Return unit vectors [count, 2] at multiples of 2 pi / count; count is a multiple of 4.

    Raises:
        ValueError: for another count.
    """
    if count < 4 or count % 4:
        raise ValueError(f"orientations={count}: quarter turns keep a multiple of 4, as 8")
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def turned(o: Array) -> Array:
    """Return orientations [.., 2] turned by a right angle."""
    return np.stack([-o[..., 1], o[..., 0]], axis=-1)


def kernels_of(name: str, problem: Problem) -> tuple[Perceptron, ...]:
    """Return the perceptrons of the kernels of an operation."""
    c = shape_of(problem)[2]
    if name == "ponita_plane_layer":
        return kernel_of("spatial", 2, c), kernel_of("circular", 1, c)
    return (kernel_of("kernel", 3, c),)


def _weights(name: str, problem: Problem) -> Mapping[str, Space]:
    c = shape_of(problem)[2]
    found: dict[str, Space] = {n: matrix((c, c), c) for n in ("A", "B", "P", "Q")}
    return found | {"p": Space((c,))} | block_weights(kernels_of(name, problem), c)


def _edges(inputs: Arrays) -> tuple[Array, Array]:
    """Return v [edges, 2] in units of the cutoff, and u(|v|) [edges, 1]."""
    v = inputs["v"] / CUTOFF
    return v, envelope(np.linalg.norm(v, axis=-1), ORDER)[:, None]


def _separable(grid: Array, problem: Problem, inputs: Arrays, f: Array, w: Arrays) -> Array:
    """Return z [nodes, N, C]: in each orientation, and then over all of a node."""
    spatial, circular = kernels_of("ponita_plane_layer", problem)
    (v, u), zero = _edges(inputs), np.zeros(())
    y = kernel_values(spatial, w, zero, zero) * f
    k = kernel_values(spatial, w, v @ grid.T, v @ turned(grid).T)
    np.add.at(y, inputs["dst"], u[..., None] * k * f[inputs["src"]])
    q = kernel_values(circular, w, grid @ grid.T)
    return np.einsum("poc,noc->npc", q, y) / len(grid)


def _full(grid: Array, problem: Problem, inputs: Arrays, f: Array, w: Arrays) -> Array:
    """Return z [nodes, N, C]: one orientation of a sender, seen from one of a receiver."""
    (kernel,) = kernels_of("ponita_plane_full_layer", problem)
    (v, u), z, zero = _edges(inputs), np.zeros(f.shape), np.zeros(())
    for some in some_of(grid, len(v)):
        p, angles = grid[some], grid[some] @ grid.T
        z[:, some] = np.einsum("poc,noc->npc", kernel_values(kernel, w, zero, zero, angles), f)
        pairs = (a[..., None] for a in (v @ p.T, v @ turned(p).T))
        k = kernel_values(kernel, w, *pairs, angles)
        sent = u[..., None] * np.einsum("epoc,eoc->epc", k, f[inputs["src"]])
        np.add.at(z[:, some], inputs["dst"], sent)
    return z / len(grid)


Convolution = Callable[[Array, Problem, Arrays, Array, Arrays], Array]


def _oracle(convolution: Convolution, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    grid = orientations(ORIENTATIONS.of(problem))
    s, vectors = inputs["x"][..., 0], inputs["x"][..., 1:]
    f = (s @ weights["A"])[:, None] + np.einsum("ncx,ox->noc", vectors, grid) @ weights["B"]
    g = block(f, convolution(grid, problem, inputs, f, weights), weights)
    scalars = g.mean(axis=1) @ weights["P"] + weights["p"]
    back = np.einsum("noc,ox->ncx", g @ weights["Q"], grid) / len(grid)
    return {"z": np.concatenate([scalars[..., None], back], axis=-1)}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem)}


def _supports(problem: Problem) -> Refusal | None:
    return too_few(shape_of(problem)[2])


def _cost(name: str, problem: Problem) -> Mapping[str, float]:
    """Count kernels and a product for each monomial, sums, and the block at orientations."""
    (nodes, edges, c), n = shape_of(problem), int(ORIENTATIONS.of(problem))
    kernels, mlp = kernels_of(name, problem), mlp_of(c)
    each = [one.flops + 2 * c * c + one.widths[0] for one in kernels]
    if name == "ponita_plane_layer":
        whole = edges * n * (each[0] + 6 + 3 * c) + each[0] + n * n * (each[1] + 2 * nodes * c)
    else:
        whole = n * n * (edges * (each[0] + 4 * c) + each[0] + 2 * nodes * c) + 6 * edges * n
    of_node = n * (mlp.flops + 4 * c * c + 26 * c) + 4 * c * c
    numbers = nodes * 6 * c + 2 * edges + mlp.numbers + 4 * c * c + 5 * c
    numbers += sum(one.numbers + c * c for one in kernels)
    return {
        "flops": float(whole + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def _operation(name: str, title: str, summary: str, convolution: Convolution) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="plane",
        summary=summary,
        papers=("bekkers2024",),
        claims=(
            SymmetryClaim("rotation", "by_knob", "orientations"),
            *exact("quarter_turn", "permutation"),
        ),
        knobs=(ORIENTATIONS,),
        outputs=_outputs,
        oracle=partial(_oracle, convolution),
        cost=partial(_cost, name),
        supports=_supports,
        weights=partial(_weights, name),
        users=("bekkers2024",),
        growth=Growth({"lmax": 0, "channels": 2}),
    )


SEPARABLE = _operation(
    "ponita_plane_layer",
    "PONITA layer, plane",
    "features at angles: a kernel of positions in the plane, and then one of angles",
    _separable,
)

FULL = _operation(
    "ponita_plane_full_layer",
    "PONITA layer, plane, one kernel",
    "features at angles: one kernel of positions in the plane and angles together",
    _full,
)
