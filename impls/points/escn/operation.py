r"""Linear maps along edges that depend on the direction of the edge, in the edge's own frame.

A rotation R takes the edge to the polar axis, R v = |v| y. In that frame a map commutes with the
rotations that keep the edge where it mixes components of equal order m, as complex numbers:

    x' = D(R) x[src],   z' = sum over (l_in, channel u) of

    z'[+m] = h_m x'[+m] - k_m x'[-m],   z'[-m] = k_m x'[+m] + h_m x'[-m]     (1 <= m <= m_max)
    z'[0] = h_0 x'[0]

and z[n] is the sum of D(R)^T z' over the edges with dst = n [@passaro2023]. h_m and k_m are
weights, free for each pair (l_in, l_out) of degrees and each pair (u, w) of channels, the same for
all edges, up to m = min(l_in, l_out, m_max). R is defined up to a turn about the edge, which
cancels.

**What it is.** The 2 min(l_in, l_out) + 1 weights of a pair are a change of basis (see `bijection`)
of the weights of the Clebsch-Gordan products with the harmonics Y_l2(v) for all l2 = |l_in - l_out|
.. l_in + l_out: even degree sums give h, odd ones k. So it holds every equivariant map that is
linear in x and depends on the direction of v, harmonics up to degree 2L included, and answers only
questions that ask for all of these (setting full). The knob `m_max` approximates it: below L
combinations of paths are left out, and no symmetry.

**Symmetry.** Rotations. With k, features of natural parity (-1)^l lose inversion: it turns the
sense of rotation about the edge. `escn_o3` keeps only what inversion allows: h where
p_out = p_in (-1)^(l_in + l_out), which is everywhere for features of natural parity, and k only
elsewhere. A pair of degrees keeps min(l_in, l_out) + 1 weights of 2 min(l_in, l_out) + 1, the
Clebsch-Gordan paths of even l_in + l_out + l2.

**The rotation belongs to the operation.** R is computed in the call, from v, because the map is one
of v, and forces need its gradient. A model may compute D once for many layers; the time here is
that of a layer alone. Implementations avoid angles, whose derivatives diverge at the poles.

Weights: h [path, u, w], a path for each output irrep, input irrep, h before k, and m, in this
order. Cost: O(L^3) for each edge and channel in the rotations and O(L^3 C^2) in the linear maps,
where products with harmonics need O(L^5) and O(L^4 C^2); building D costs O(L^4) for each edge,
whatever the number of channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from impls.families.points import channels_of, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Knob, Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps
from impls.so3.wigner import clebsch_gordan, wigner_3j
from impls.spaces import Array, Arrays, Space

READS = ("x", "v", "src", "dst")
KEEPS_INVERSION = {"escn": False, "escn_o3": True}
"""The operations, and whether each is restricted to what inversion allows."""


def ends_of(problem: Problem) -> tuple[Irreps, Irreps]:
    """Return the irreps of nodes and of the output."""
    node, _, out = irreps_of(problem)
    return node, out


def top_of(problem: Problem) -> int:
    """Return the largest order that a map of these irreps can have."""
    return min(irreps.lmax for irreps in ends_of(problem))


M_MAX = Knob("m_max", top_of, lambda problem: tuple(range(top_of(problem) + 1)))
"""The largest order that is used in the frame of an edge; that of the irreps leaves nothing out."""


@dataclass(frozen=True)
class Path:
    """One weight per pair of channels: from input irrep `i` to output irrep `o` at order m.

    `odd` tells k from h: it belongs to the odd l_in + l_out + l2.
    """

    o: int
    i: int
    odd: bool
    m: int


def paths_of(problem: Problem, parity: bool) -> tuple[Path, ...]:
    """Return all paths in canonical order; with `parity`, those that inversion allows.

    The harmonic of degree l2 has parity (-1)^l2, so h needs p_out = p_in (-1)^(l_in + l_out) and k
    the opposite.
    """
    inside, out = ends_of(problem)
    found = []
    for o, (_, ir3) in enumerate(out):
        for i, (_, ir1) in enumerate(inside):
            top = min(ir1.l, ir3.l, M_MAX.of(problem))
            even = ir3.p == ir1.p * (-1) ** (ir1.l + ir3.l)
            if even or not parity:
                found += [Path(o, i, False, m) for m in range(top + 1)]
            if not (even and parity):
                found += [Path(o, i, True, m) for m in range(1, top + 1)]
    return tuple(found)


@lru_cache(maxsize=256)
def bijection(l_in: int, l_out: int) -> Array:
    """Return B [2 min + 1, 2 min + 1]: (h_0 .. h_min, k_1 .. k_min) = B (w_l2 of all l2 ascending).

    w_l2 is the weight of the "component" Clebsch-Gordan product of x with the "component"
    harmonics Y_l2. Columns are the products with the edge on the polar axis, where Y_l2 is
    sqrt(2 l2 + 1) in the component m = 0 and zero in the others; as matrices they are orthogonal.
    """
    columns = []
    for l2 in range(abs(l_in - l_out), l_in + l_out + 1):
        matrix = clebsch_gordan(l_in, l2, l_out)[:, l2] * np.sqrt(2 * l2 + 1)
        orders = np.arange(min(l_in, l_out) + 1)
        h, k = matrix[l_in + orders, l_out + orders], matrix[l_in + orders, l_out - orders]
        columns.append(np.concatenate([h, k[1:]]))
    return np.stack(columns, axis=1)


def harmonic_weights(problem: Problem, parity: bool, h: Array) -> dict[tuple[int, int], Array]:
    """Return the weights [l2 ascending, u, w] that `h` stands for, by pair (o, i) of irreps."""
    inside, out = ends_of(problem)
    full: dict[tuple[int, int], Array] = {}
    for path, value in zip(paths_of(problem, parity), h, strict=True):
        low = min(inside.items[path.i][1].l, out.items[path.o][1].l)
        rows = full.setdefault((path.o, path.i), np.zeros((2 * low + 1, *h.shape[1:])))
        rows[low + path.m if path.odd else path.m] = value
    return {
        (o, i): np.einsum(
            "lp,puw->luw", np.linalg.inv(bijection(inside.items[i][1].l, out.items[o][1].l)), rows
        )
        for (o, i), rows in full.items()
    }


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, ends_of(problem)[1])}


def _weights(parity: bool, problem: Problem) -> Mapping[str, Space]:
    channels = channels_of(problem)
    return {"h": Space((len(paths_of(problem, parity)), channels, channels))}


def _oracle(parity: bool, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Couple x with the harmonics of v, path by path; nothing is rotated."""
    inside, out = ends_of(problem)
    in1, in3 = inside.slices(), out.slices()
    x, dst = inputs["x"], inputs["dst"]
    sent = x[inputs["src"]]
    sh = spherical_harmonics(inside.lmax + out.lmax, inputs["v"], "component")
    message = np.zeros((*sent.shape[:-1], out.dim))
    for (o, i), rows in harmonic_weights(problem, parity, weights["h"]).items():
        l1, l3 = inside.items[i][1].l, out.items[o][1].l
        for l2, w in enumerate(rows, start=abs(l1 - l3)):
            tensor = np.sqrt(2 * l3 + 1) * wigner_3j(l1, l2, l3)
            kernel = np.tensordot(sh[:, l2**2 : (l2 + 1) ** 2], tensor, (1, 1))
            message[..., in3[o]] += w.T @ (sent[..., in1[i]] @ kernel)
    z = np.zeros((*x.shape[:-1], out.dim))
    np.add.at(z, dst, message)
    return {"z": z}


def harmonics_needed(problem: Problem, parity: bool) -> tuple[int, ...]:
    """Return the degrees l2 of the harmonics that the map contains, ascending."""
    inside, out = ends_of(problem)
    found = set()
    for path in paths_of(problem, parity):
        l1, l3 = inside.items[path.i][1].l, out.items[path.o][1].l
        found |= {l2 for l2 in range(abs(l1 - l3), l1 + l3 + 1) if (l1 + l2 + l3) % 2 == path.odd}
    return tuple(sorted(found))


def _supports(parity: bool, problem: Problem) -> Refusal | None:
    inside, out = ends_of(problem)
    top, m_max = top_of(problem), M_MAX.of(problem)
    if isinstance(m_max, bool) or not isinstance(m_max, int) or not 0 <= m_max <= top:
        return Refusal(f"knob m_max={m_max!r}: orders of these irreps are 0..{top}", "use these")
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: a frame needs their vectors", "ask with given=vectors"
        )
    if parity and not inside.parity:
        return Refusal("irreps without parity: inversion does not act on them", "use escn")
    if not paths_of(problem, parity):
        return Refusal(
            f"identically zero: inversion forbids every map of {inside} to {out} along an edge",
            "use natural parity, or escn",
        )
    edge = irreps_of(problem)[1]
    asked = {ir.l for _, ir in edge}
    missing = [l2 for l2 in harmonics_needed(problem, parity) if l2 not in asked]
    if missing:
        return Refusal(
            f"irreps_edge={edge}: the map contains harmonics of degree "
            f"{', '.join(map(str, missing))} too",
            "ask for all that can matter: setting full",
        )
    return None


def _cost(parity: bool, problem: Problem) -> Mapping[str, float]:
    """Count rotations within |m| <= m_max, linear maps and the sum; D itself is not counted."""
    inside, out = ends_of(problem)
    (nodes, edges), channels = counts_of(problem), channels_of(problem)
    rotated = sum(
        ir.dim * (2 * min(ir.l, M_MAX.of(problem)) + 1) for part in (inside, out) for _, ir in part
    )
    paths = paths_of(problem, parity)
    mixed = sum(1 if path.m == 0 else 2 for path in paths)
    numbers = nodes * channels * (inside.dim + out.dim) + 3 * edges + len(paths) * channels**2
    return {
        "flops": float(edges * channels * (2 * (rotated + channels * mixed) + out.dim)),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def convolution(name: str, title: str, summary: str, users: tuple[str, ...]) -> Operation:
    """Return one of the operations."""
    parity = KEEPS_INVERSION[name]
    both = ("rotation", "inversion") if parity else ("rotation",)
    return Operation(
        name=name,
        title=title,
        family="points",
        summary=summary,
        papers=("passaro2023", "liao2024"),
        claims=exact(*both, "translation", "permutation"),
        reads=READS,
        knobs=(M_MAX,),
        outputs=_outputs,
        oracle=partial(_oracle, parity),
        cost=partial(_cost, parity),
        supports=partial(_supports, parity),
        weights=partial(_weights, parity),
        linear_in=(("x", 1), ("h", 1)),
        users=users,
        growth=Growth({"lmax": 3, "channels": 2}),
    )


ESCN = convolution(
    "escn",
    "eSCN convolution",
    "SO(2) linear map of all orders in the frame of each edge, summed over neighbours: h and k",
    users=("passaro2023", "liao2024", "fu2025", "wood2025"),
)

ESCN_O3 = convolution(
    "escn_o3",
    "eSCN convolution that keeps inversion",
    "SO(2) linear map in the frame of each edge that keeps inversion, summed over neighbours",
    users=(),
)
