r"""Messages of two SO(2) maps in the frame of each edge, with something that is not linear between.

    x'[i] = (R_im(|v|) + c_im) D x_i i over the items of x[src], then of x[dst]; |m| <= m_max
    y     = h1 x'                    an SO(2) map to features as those of nodes, the hidden ones,
                                     and to invariants behind them
    z[n]  = sum over (e with dst[e] = n) of s[e] D^T h2 f(y)

D takes the edge to the polar axis, and h1, h2 are maps as those of `escn`, h before k, free for
each pair of items and of channels. R_im are radial functions of each item, order and channel, and
c_im their offsets: at the cutoff R is zero and x' is not. f and the factors s are what a layer has
of its own. Orders above the knob `m_max` are cut at all three places.

Neither the edge nor the rows know of inversion: h and k are there for all irreps, so that rotations
alone are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import channels_of, irreps_of
from impls.inputs.named import counts_of
from impls.layers import radial as functions
from impls.layers.features import no_layer, scalar
from impls.layers.radial import Radial, matrix
from impls.points.circle import feature_of, numbers_of, turned
from impls.points.escn.in_frame import Rows
from impls.points.escn.operation import ESCN, M_MAX, paths_of
from impls.problem import Problem, Refusal
from impls.so3.irreps import Irreps, natural
from impls.so3.rotations import representation
from impls.spaces import Array, Arrays, Space

Numbers = dict[tuple[int, int], Array]
"""The complex number x[+m] + i x[-m] [edges, channels] of each item and order in the frame."""


def top_of(problem: Problem) -> int:
    """Return the largest order that is used."""
    top: int = M_MAX.of(problem)
    return top


def first_of(problem: Problem, invariants: int) -> Problem:
    """Return the question of h1: both ends in, hidden features and so many invariants out."""
    node = irreps_of(problem)[0]
    both = Irreps((*node.items, *node.items))
    out = Irreps((*node.items, *((1, scalar(problem)) for _ in range(invariants))))
    sizes = {"irreps_node": str(both), "irreps_out": str(out)}
    return problem.with_sizes(**sizes).at(m_max=top_of(problem))


def second_of(problem: Problem) -> Problem:
    """Return the question of h2."""
    return problem.at(m_max=top_of(problem))


def orders_of(problem: Problem) -> tuple[tuple[int, int], ...]:
    """Return the items and orders of x' in which radial functions differ."""
    node, top = irreps_of(first_of(problem, 0))[0], top_of(problem)
    return tuple((i, m) for i, (_, ir) in enumerate(node) for m in range(min(ir.l, top) + 1))


def parts_of(problem: Problem) -> list[slice]:
    """Return where the rows of each item of the hidden features lie in y."""
    rows = Rows(irreps_of(problem)[0], top_of(problem))
    return [slice(rows.start(i), rows.start(i + 1)) for i in range(len(rows.irreps))]


def radial_of(problem: Problem, p: int) -> Radial:
    """Return the radial functions, with an envelope of order p."""
    return Radial(len(orders_of(problem)) * channels_of(problem), p)


def no_maps(problem: Problem) -> Refusal | None:
    """Refuse what has no such maps, with the knob m_max as it is."""
    return no_layer(problem) or ESCN.supports(problem)


def weights_of(problem: Problem, invariants: int, p: int, near: float) -> Mapping[str, Space]:
    """Return the Spaces of R, c, h1 and h2; the last are drawn for sums of `near` edges."""
    channels, items = channels_of(problem), len(irreps_of(problem)[0])

    def maps(asked: Problem, terms: float) -> Space:
        return matrix((len(paths_of(asked, False)), channels, channels), terms)

    return {
        **radial_of(problem, p).weights(),
        "c": Space((radial_of(problem, p).outputs,)),
        "h1": maps(first_of(problem, invariants), 2 * items * channels),
        "h2": maps(second_of(problem), items * channels * near),
    }


def near_of(problem: Problem) -> float:
    """Return the mean number of edges into a node, at least one."""
    nodes, edges = counts_of(problem)
    return max(edges / nodes, 1.0)


def mapped(problem: Problem, numbers: Numbers, h: Array) -> Numbers:
    """Return the numbers that an SO(2) map makes of others: h times c, and i k times c."""
    found: Numbers = {}
    for path, w in zip(paths_of(problem, False), h, strict=True):
        term = (1j if path.odd else 1) * (numbers[path.i, path.m] @ w)
        place = path.o, path.m
        found[place] = found[place] + term if place in found else term
    return found


def any_turns(v: Array) -> Array:
    """Return R [edges, 3, 3] that take v [edges, 3] to the polar axis, turned about it somehow."""
    return turned(natural([1]), v)


def smallest_turns(v: Array) -> Array:
    """Return the smallest R [edges, 3, 3] that take v [edges, 3] to the polar axis y.

    R = 1 + K + K^2 / (1 + n_y), K the cross product with n x y for n = v / |v|; where n_y < 0,
    after a turn by pi about x.
    """
    n = v / np.linalg.norm(v, axis=1, keepdims=True)
    half = np.diag([1.0, -1.0, -1.0])
    below = n[:, 1] < 0
    n = np.where(below[:, None], n @ half, n)
    axis = np.cross(n, [0.0, 1.0, 0.0])
    across = np.cross(np.eye(3)[None], axis[:, None])  # rows e_i x axis, so that K = across
    turns = np.eye(3) + across + across @ across / (1 + n[:, 1])[:, None, None]
    return np.where(below[:, None, None], turns @ half, turns)


def hidden(
    problem: Problem, invariants: int, p: int, inputs: Arrays, weights: Arrays, turns: Array
) -> Numbers:
    """Return y by item and order in float64; the invariants are items behind the hidden ones."""
    node = irreps_of(problem)[0]
    plain = functions_of(node)
    turn = representation(plain, turns)
    ends = [
        numbers_of(plain, np.einsum("eij,ecj->eci", turn, inputs["x"][inputs[end]]))
        for end in ("src", "dst")
    ]
    both = {(i + n * len(node), m): c for n, end in enumerate(ends) for (i, m), c in end.items()}
    r = functions.oracle(radial_of(problem, p), problem, inputs, weights) + weights["c"]
    places = orders_of(problem)
    scaled = {
        place: both[place] * part
        for place, part in zip(places, np.split(r, len(places), axis=1), strict=True)
    }
    return mapped(first_of(problem, invariants), scaled, weights["h1"])


def functions_of(irreps: Irreps) -> Irreps:
    """Return the same degrees as of functions on the sphere, which is what rotations see."""
    return natural(ir.l for _, ir in irreps)


def summed(
    problem: Problem, numbers: Numbers, factors: Array, inputs: Arrays, turns: Array
) -> Array:
    """Return z [nodes, channels, dim]: what h2 gives, times `factors` [edges, channels or 1]."""
    out = functions_of(irreps_of(problem)[2])
    message = feature_of(out, numbers) * factors[:, :, None]
    z = np.zeros((*inputs["x"].shape[:-1], out.dim))
    np.add.at(z, inputs["dst"], np.einsum("eji,ecj->eci", representation(out, turns), message))
    return z


def flops_of(problem: Problem, invariants: int, p: int) -> float:
    """Return the operations of one edge, but for f and s; D itself is not counted."""
    channels, top = channels_of(problem), top_of(problem)
    node, _, out = irreps_of(problem)
    turned_by = sum(
        times * ir.dim * (2 * min(ir.l, top) + 1) for times, part in ((2, node), (1, out))
        for _, ir in part
    )  # fmt: skip
    asked = first_of(problem, invariants), second_of(problem)
    mixed = sum(1 if path.m == 0 else 2 for each in asked for path in paths_of(each, False))
    rows = sum(1 if m == 0 else 2 for _, m in orders_of(problem))
    each = 2 * (turned_by + channels * mixed) + rows + out.dim
    return float(radial_of(problem, p).flops + channels * each)


def numbers_moved(problem: Problem, invariants: int, p: int) -> float:
    """Return how many numbers x, v, the weights R, c, h1, h2 and z are."""
    (nodes, edges), channels = counts_of(problem), channels_of(problem)
    node, _, out = irreps_of(problem)
    asked = first_of(problem, invariants), second_of(problem)
    weights = sum(len(paths_of(each, False)) for each in asked) * channels**2
    features, radial = nodes * channels * (node.dim + out.dim), radial_of(problem, p)
    return float(features + 3 * edges + weights + radial.numbers + radial.outputs)
