r"""PONITA: convolution over positions and orientations, of scalars and vectors of nodes.

A feature f_i(o) of a node i is a function on the sphere, at `orientations` = N points o of a grid
that the icosahedron keeps (`grid`). What goes in is lifted, what comes out is a mean
[@bekkers2024]:

    f_i(o) = s_i A + (V_i . o) B,       s'_i = (1/N) sum_o g_i(o) P + p,
                                        V'_i = (1/N) sum_o (g_i(o) Q) o

and between them stands one block, with v = r_j - r_i in units of the cutoff of the graph,

    y_i(o) = k(0, 0) f_i(o) + sum_j u(|v|) k(v . o, |v - (v . o) o|) f_j(o)
    z_i(p) = (1/N) sum_o q(o . p) y_i(o)
    g_i(p) = f_i(p) + c * mlp(norm(z_i(p) + b))

Kernels k and q are functions of these invariants with a value for each channel: a linear map of a
perceptron of their monomials of degrees 1 .. 3. All products but maps of channels are channel by
channel. u is the polynomial envelope of order 6, norm layer norm of channels, eps = 1e-5, and mlp
two linear maps by way of 4 times as many channels. The node itself is one of its neighbours.

    ponita_layer        as above: the kernel of positions, and then that of orientations
    ponita_full_layer   one kernel of both, for N times the work,
                        z_i(p) = (1/N) sum_j,o u k(v . p, |v - (v . p) p|, o . p) f_j(o)
    pnita_layer         positions alone: features are scalars, and k a function of |v|

silu stands for the paper's GELU, and c is drawn of order one, where training begins at 1e-6.

**What is exact.** On R^3 x S^2 all would be equivariant under E(3), since these invariants do not
tell mirror images apart. On a grid, it is under the 120 elements that keep it, inversion among
them; other rotations are approximate, the better the more orientations there are. pnita_layer has
no grid.

**What the invariants leave out.** Pairs of positions and orientations have 5 + 5 - 6 = 4
invariants, and three are used: v . o of the sender is not among them. Pairs that no motion makes
equal share a kernel. In ponita_layer k sees that of the sender, and q the last: v . p is not there.

It answers questions that ask for one 0e and one 1o of each channel, in and out; pnita_layer for one
0e; of 4 channels or more, since layer norm of fewer is nearly a step.

Cost: N perceptrons of O(C^2) for each edge and node, and O(N^2 C) for each node; with one kernel
N^2 perceptrons for each edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from impls.families.points import channels_of, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.perceptron import Perceptron, oracle
from impls.layers.ponita.grid import COUNTS, orientations
from impls.layers.radial import envelope, matrix
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps, standard
from impls.spaces import Array, Arrays, Space

ORDER = 6
"""p of the envelope."""
EPSILON = 1e-5
"""What is added to the variance, so that nothing is divided by zero."""
FEWEST = 4
"""Channels that layer norm can be taken of."""
WIDENING = 4
"""How many times as many channels the perceptron of a node has between its maps."""
MONOMIALS = {1: 3, 2: 9, 3: 19}
"""How many monomials of degrees 1 .. 3 so many invariants have."""

AT_ONCE = 2**13
"""Pairs of orientations of edges of which the oracle takes a kernel at once."""

ORIENTATIONS = Knob("orientations", lambda problem: 20, lambda problem: COUNTS)
FEWER = Knob("orientations", lambda problem: 12, lambda problem: COUNTS[:3])
"""Those of one kernel, which take the square."""


def monomials(*invariants: Array) -> Array:
    """Return those of degrees 1 .. 3 [..., MONOMIALS] of invariants that broadcast, in one order.

    Each is a product of one before it with an invariant not before its last: a, b, aa, ab, bb ...
    """
    level = [(i, a) for i, a in enumerate(invariants)]
    found = list(level)
    for _ in range(2):
        level = [(j, m * b) for i, m in level for j, b in enumerate(invariants) if j >= i]
        found += level
    return np.stack(np.broadcast_arrays(*(m for _, m in found)), axis=-1)


def kernel_of(name: str, invariants: int, channels: int) -> Perceptron:
    """Return the perceptron of a kernel of so many invariants: its values are linear in it.

    Of monomials of what is within the cutoff the squares add up to about one.
    """
    return Perceptron(name, (MONOMIALS[invariants], channels, channels), active=True, terms=1)


def kernels_of(name: str, problem: Problem) -> tuple[Perceptron, ...]:
    """Return the perceptrons of the kernels of an operation."""
    invariants = {
        "ponita_layer": {"spatial": 2, "spherical": 1},
        "ponita_full_layer": {"kernel": 3},
        "pnita_layer": {"spatial": 1},
    }[name]
    c = channels_of(problem)
    return tuple(kernel_of(kernel, count, c) for kernel, count in invariants.items())


def too_few(channels: int) -> Refusal | None:
    """Refuse what layer norm makes a step of: of two channels it leaves little more than a sign."""
    if channels >= FEWEST:
        return None
    return Refusal(
        f"channels={channels}: layer norm of so few is nearly a step", f"use {FEWEST} or more"
    )


def mlp_of(channels: int) -> Perceptron:
    """Return the perceptron of a node at an orientation."""
    return Perceptron("mlp", (channels, WIDENING * channels, channels))


def block_weights(kernels: tuple[Perceptron, ...], channels: int) -> dict[str, Space]:
    """Return the Spaces of the weights of kernels, b, layer norm, the mlp and c."""
    found: dict[str, Space] = {n: Space((channels,)) for n in ("b", "norm_g", "norm_b", "c")}
    for kernel in kernels:
        found |= kernel.weights()
        found[f"{kernel.name}_K"] = matrix((channels, channels), channels)
    return found | dict(mlp_of(channels).weights())


def _weights(name: str, problem: Problem) -> Mapping[str, Space]:
    """Return A, B, P, Q and p of lift and mean, and those of the block."""
    c = channels_of(problem)
    found: dict[str, Space] = {"A": matrix((c, c), c), "P": matrix((c, c), c), "p": Space((c,))}
    if name != "pnita_layer":
        found |= {"B": matrix((c, c), c), "Q": matrix((c, c), c)}
    return found | block_weights(kernels_of(name, problem), c)


def kernel_values(kernel: Perceptron, weights: Arrays, *invariants: Array) -> Array:
    """Return values [..., C] of a kernel at invariants [...]."""
    return oracle(kernel, monomials(*invariants), weights) @ weights[f"{kernel.name}_K"]


def _edges(problem: Problem, inputs: Arrays) -> tuple[Array, Array]:
    """Return v [edges, 3] in units of the cutoff, and u(|v|) [edges, 1]."""
    v = inputs["v"] / cutoff_of(problem)
    return v, envelope(np.linalg.norm(v, axis=-1), ORDER)[:, None]


def _pairs(v: Array, o: Array) -> tuple[Array, Array]:
    """Return v . o and |v - (v . o) o| of v [edges, 3] and o [N, 3], both [edges, N]."""
    along = v @ o.T
    return along, np.linalg.norm(v[:, None] - along[..., None] * o, axis=-1)


def some_of(grid: Array, edges: int) -> Iterator[slice]:
    """Yield places of orientations that are taken at once as receivers: few of many edges."""
    some = max(1, AT_ONCE // (max(edges, 1) * len(grid)))
    yield from (slice(start, start + some) for start in range(0, len(grid), some))


def separable(grid: Array, problem: Problem, inputs: Arrays, f: Array, w: Arrays) -> Array:
    """Return z [nodes, N, C]: in each orientation, and then over all of a node."""
    spatial, spherical = kernels_of("ponita_layer", problem)
    (v, u), zero = _edges(problem, inputs), np.zeros(())
    y = kernel_values(spatial, w, zero, zero) * f
    sent = u[..., None] * kernel_values(spatial, w, *_pairs(v, grid)) * f[inputs["src"]]
    np.add.at(y, inputs["dst"], sent)
    q = kernel_values(spherical, w, grid @ grid.T)
    return np.einsum("poc,noc->npc", q, y) / len(grid)


def full(grid: Array, problem: Problem, inputs: Arrays, f: Array, w: Arrays) -> Array:
    """Return z [nodes, N, C]: for each orientation of a receiver, over all of each sender."""
    (kernel,) = kernels_of("ponita_full_layer", problem)
    (v, u), z, zero = _edges(problem, inputs), np.zeros(f.shape), np.zeros(())
    for some in some_of(grid, len(v)):
        turned = grid[some] @ grid.T
        z[:, some] = np.einsum("poc,noc->npc", kernel_values(kernel, w, zero, zero, turned), f)
        pairs = (a[..., None] for a in _pairs(v, grid[some]))
        k = kernel_values(kernel, w, *pairs, turned)
        sent = u[..., None] * np.einsum("epoc,eoc->epc", k, f[inputs["src"]])
        np.add.at(z[:, some], inputs["dst"], sent)
    return z / len(grid)


def _positions(problem: Problem, inputs: Arrays, f: Array, w: Arrays) -> Array:
    """Return z [nodes, C] of functions of distances."""
    (kernel,) = kernels_of("pnita_layer", problem)
    v, u = _edges(problem, inputs)
    z = kernel_values(kernel, w, np.zeros(())) * f
    sent = u * kernel_values(kernel, w, np.linalg.norm(v, axis=-1)) * f[inputs["src"]]
    np.add.at(z, inputs["dst"], sent)
    return z


def block(f: Array, z: Array, w: Arrays) -> Array:
    """Return g [..., C] of f and z [..., C] in float64."""
    z = z + w["b"]
    z = (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + EPSILON)
    return f + w["c"] * oracle(mlp_of(f.shape[-1]), z * w["norm_g"] + w["norm_b"], w)


Convolution = Callable[[Array, Problem, Arrays, Array, Arrays], Array]
"""Given a grid [N, 3], a problem, its inputs, f [nodes, N, C] and weights: z [nodes, N, C]."""


def on_grid(
    convolution: Convolution, grid: Array, problem: Problem, inputs: Arrays, weights: Arrays
) -> Arrays:
    """Return the map with orientations [N, 3] of any grid, in float64."""
    s, vectors = inputs["x"][..., 0], inputs["x"][..., 1:]
    along = np.einsum("ncx,ox->noc", vectors, grid)
    f = (s @ weights["A"])[:, None] + along @ weights["B"]
    g = block(f, convolution(grid, problem, inputs, f, weights), weights)
    scalars = g.mean(axis=1) @ weights["P"] + weights["p"]
    turned = np.einsum("noc,ox->ncx", g @ weights["Q"], grid) / len(grid)
    return {"z": np.concatenate([scalars[..., None], turned], axis=-1)}


def _oracle(
    convolution: Convolution, knob: Knob, problem: Problem, inputs: Arrays, weights: Arrays
) -> Arrays:
    return on_grid(convolution, orientations(knob.of(problem)), problem, inputs, weights)


def _positions_oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    f = inputs["x"][..., 0] @ weights["A"]
    g = block(f, _positions(problem, inputs, f, weights), weights)
    return {"z": (g @ weights["P"] + weights["p"])[..., None]}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _supports(scalars_alone: bool, problem: Problem) -> Refusal | None:
    found = irreps_of(problem)
    wanted = standard("o3" if found[0].parity else "so3", range(1 if scalars_alone else 2))
    if found != (wanted, wanted, wanted):
        what = "a scalar" if scalars_alone else "a scalar and a vector"
        return Refusal(
            f"{' | '.join(map(str, found))}: there is {what} in each channel",
            f"ask for {_plain(wanted)} of nodes, edges and outputs",
        )
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: kernels need their vectors", "ask with given=vectors"
        )
    return too_few(channels_of(problem))


def _plain(irreps: Irreps) -> str:
    return "+".join(str(ir) for _, ir in irreps)


def _cost(name: str, knob: Knob | None, problem: Problem) -> Mapping[str, float]:
    """Count kernels and a product for each monomial, sums, and the block at orientations."""
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    n = int(knob.of(problem)) if knob else 1
    kernels, mlp = kernels_of(name, problem), mlp_of(c)
    each = [one.flops + 2 * c * c + one.widths[0] for one in kernels]
    spatial = {
        "ponita_layer": edges * n * (each[0] + 15 + 3 * c),
        "ponita_full_layer": edges * n * n * (each[0] + 4 * c) + edges * n * 15,
        "pnita_layer": edges * (each[0] + 15 + 3 * c),
    }[name]
    spherical = n * n * (each[1] + 2 * nodes * c) if name == "ponita_layer" else 0
    itself = n * n * (each[0] + 2 * nodes * c) if name == "ponita_full_layer" else each[0]
    own = 2 * c * c + (0 if knob is None else 2 * c * c)
    block = nodes * n * (mlp.flops + 14 * c + (0 if knob is None else 2 * 2 * c * c + 16 * c))
    numbers = (
        nodes * 2 * c * (1 if knob is None else 4)
        + 3 * edges
        + sum(one.numbers + c * c for one in kernels)
        + mlp.numbers
        + (2 if knob is None else 4) * c * c
        + 5 * c
    )
    return {
        "flops": float(spatial + spherical + itself + block + nodes * own),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


Oracle = Callable[[Problem, Arrays, Arrays], Arrays]


def _operation(
    name: str, title: str, summary: str, oracle: Oracle, knob: Knob | None = None
) -> Operation:
    by_knob = (SymmetryClaim("rotation", "by_knob", knob.name),) if knob else exact("rotation")
    return Operation(
        name=name,
        title=title,
        family="points",
        reads=("x", "v", "src", "dst"),
        summary=summary,
        papers=("bekkers2024",),
        claims=(*by_knob, *exact("inversion", "translation", "permutation")),
        knobs=(knob,) if knob else (),
        outputs=_outputs,
        oracle=oracle,
        cost=partial(_cost, name, knob),
        supports=partial(_supports, knob is None),
        weights=partial(_weights, name),
        users=("bekkers2024",),
        growth=Growth({"lmax": 0, "channels": 2}),
    )


SEPARABLE = _operation(
    "ponita_layer",
    "PONITA layer",
    "features at orientations: a kernel of positions, and then one of orientations",
    partial(_oracle, separable, ORIENTATIONS),
    ORIENTATIONS,
)

FULL = _operation(
    "ponita_full_layer",
    "PONITA layer, one kernel",
    "features at orientations: one kernel of positions and orientations together",
    partial(_oracle, full, FEWER),
    FEWER,
)

POSITIONS = _operation(
    "pnita_layer",
    "PNITA layer",
    "features at positions alone: a kernel of distances, and a perceptron at nodes",
    _positions_oracle,
)
