"""Family `positions`: features of nodes in space, sent along edges with a weight each.

x:   [nodes, channels, dim(irreps_node)]  features, standard normal
r:   [nodes, 3]                           positions, about 1 apart
a:   [edges, channels]                    weights, as attention gives them, standard normal
src: [edges]                              node that sends, int64
dst: [edges]                              node that receives, int64

The nodes are sites of a cubic lattice of spacing 1 around the origin, each moved at random by up to
0.25 along each axis; data "lattice" is the one generator. Each node receives from its `neighbours`
nearest nodes. The relative position of an edge points from `dst` to `src`. The other sizes are the
irreps (one copy of each; channels are an axis), `channels` and `nodes`: `irreps_edge` says which
harmonics of the relative position are used, `irreps_out` which outputs are asked for.

The group is E(3), or SE(3) for irreps without parity, times the permutations of the nodes, which
move rows of x and r and relabel the values of src and dst. Translations move r alone; gradients
with respect to r are differences of points and only turn. An element is
{"space": [[R, t], [0, 1]], "nodes": permutation}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Literal

import numpy as np

from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family, sampled
from impls.groups import Element, Group, direct_product, euclidean, orthogonal, rotations, symmetric
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.irreps import Irreps, standard
from impls.spaces import Array, Space

IRREPS = ("irreps_node", "irreps_edge", "irreps_out")
SIZES = (*IRREPS, "channels", "nodes", "neighbours")
SETTINGS = ("truncated", "mimo")
DATA = "lattice"
JITTER = 0.25
"""Largest move of a site along an axis, in spacings: no two nodes come closer than 0.5."""


def problem(
    lmax: int,
    symmetry: str = "o3",
    *,
    setting: str = "truncated",
    nodes: int = 64,
    neighbours: int = 16,
    channels: int = 16,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return nodes and harmonics of degrees 0..lmax.

    The setting "truncated" asks for outputs 0..lmax and "mimo" for all, 0..2 lmax. Symmetry "o3"
    has natural parity, (-1)^l, everywhere; "so3" has degrees only.

    Raises:
        ValueError: for an unknown setting or symmetry, or a negative lmax.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: choose {' or '.join(SETTINGS)}")
    if lmax < 0:
        raise ValueError(f"lmax must be an integer >= 0, not {lmax}")
    inputs = str(standard(symmetry, range(lmax + 1)))
    sizes: dict[str, Size] = {
        "irreps_node": inputs,
        "irreps_edge": inputs,
        "irreps_out": str(standard(symmetry, range((2 * lmax if setting == "mimo" else lmax) + 1))),
        "channels": channels,
        "nodes": nodes,
        "neighbours": neighbours,
    }
    return Problem("positions", sizes, dtype=dtype, data=DATA, seed=seed)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (node, edge, out) as Irreps."""
    node, edge, out = (Irreps.parse(str(problem.sizes[name])) for name in IRREPS)
    return node, edge, out


def counts_of(problem: Problem) -> tuple[int, int, int]:
    """Return the numbers of channels, nodes and edges."""
    channels, nodes, near = (int(problem.sizes[name]) for name in SIZES[3:])  # type: ignore[arg-type]
    return channels, nodes, nodes * near


@lru_cache(maxsize=16)
def _cloud(nodes: int, neighbours: int, seed: int) -> tuple[Array, Array, Array]:
    """Return (r, src, dst), read-only; edges are sorted by (dst, distance)."""
    from scipy.spatial import cKDTree  # a quarter of a second: not at import

    side = int(np.ceil(round(nodes ** (1 / 3), 6)))
    sites = np.array(list(product(range(side), repeat=3)))[:nodes] - (side - 1) / 2
    r = sites + np.random.default_rng([seed, nodes]).uniform(-JITTER, JITTER, sites.shape)
    near = np.asarray(cKDTree(r).query(r, neighbours + 1)[1])[:, 1:]
    cloud = r, near.ravel().astype(np.int64), np.repeat(np.arange(nodes), neighbours)
    for array in cloud:
        array.setflags(write=False)
    return cloud


def _cloud_of(problem: Problem) -> tuple[Array, Array, Array]:
    sizes = problem.sizes
    return _cloud(int(sizes["nodes"]), int(sizes["neighbours"]), problem.seed)  # type: ignore[arg-type]


def node_space(problem: Problem, irreps: Irreps) -> Space:
    """Return the Space of features [nodes, channels, dim] with these irreps."""
    channels, nodes, _ = counts_of(problem)
    return _of_nodes((nodes, channels, irreps.dim), irreps)


def _of_nodes(shape: tuple[int, ...], irreps: Irreps) -> Space:
    rotate = irreps_space(shape, irreps).act

    def act(g: Element, a: Array) -> Array:
        moved = np.empty(a.shape)
        moved[g["nodes"]] = rotate(g["space"][:3, :3], a)
        return moved

    return Space(shape, act, irreps=str(irreps))


def _position_space(r: Array, vector: Irreps) -> Space:
    """Return the Space of positions [nodes, 3], whose gradients are not translated."""
    turned = _of_nodes(r.shape, vector)

    def act(g: Element, a: Array) -> Array:
        return np.asarray(turned.act(g, a) + g["space"][:3, 3])

    return replace(turned, act=act, dual=turned.act, draw=lambda rng: r.copy())


def _index_space(ends: Array) -> Space:
    def act(g: Element, a: Array) -> Array:
        return np.asarray(g["nodes"])[a]

    return Space(ends.shape, act, kind="index", grad=False, draw=lambda rng: ends.copy())


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES)
    refusal = refusal or positive_sizes(problem, ("channels", "nodes", "neighbours"))
    if refusal:
        return refusal
    nodes, near = problem.sizes["nodes"], problem.sizes["neighbours"]
    if near >= nodes:  # type: ignore[operator]
        return Refusal(f"neighbours={near}: a node has only {nodes - 1} others", "use more nodes")  # type: ignore[operator]
    if problem.data != DATA:
        return Refusal(f"unknown data {problem.data!r}", f"family positions draws {DATA!r}")
    return _check_irreps(problem)


def _check_irreps(problem: Problem) -> Refusal | None:
    try:
        irreps = irreps_of(problem)
    except ValueError as error:
        return Refusal(str(error))
    for name, value in zip(IRREPS, irreps, strict=True):
        if not value.items:
            return Refusal(f"{name} is empty", "name at least one irrep")
        if any(mul != 1 for mul, _ in value):
            return Refusal(f"{name}={value}: multiplicities are not supported", "use channels")
    if len({value.parity for value in irreps}) > 1:
        return Refusal("irreps with and without parity are mixed", "write 1o, or 1 everywhere")
    wrong = [str(ir) for _, ir in irreps[1] if ir.p not in (0, (-1) ** ir.l)]
    if wrong:
        return Refusal(
            f"irreps_edge={irreps[1]}: no solid harmonic has parity {', '.join(wrong)}",
            "use natural parity: 0e, 1o, 2e ...",
        )
    return None


def _group(problem: Problem) -> Group:
    turns = orthogonal() if irreps_of(problem)[0].parity else rotations()
    return direct_product(space=euclidean(turns), nodes=symmetric(counts_of(problem)[1]))


def _inputs(problem: Problem) -> Mapping[str, Space]:
    node = irreps_of(problem)[0]
    channels, _, edges = counts_of(problem)
    r, src, dst = _cloud_of(problem)
    vector = Irreps.parse("1o" if node.parity else "1")
    return {
        "x": node_space(problem, node),
        "r": _position_space(r, vector),
        "a": Space((edges, channels)),
        "src": _index_space(src),
        "dst": _index_space(dst),
    }


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    node = irreps_of(asked)[0]
    symmetry = "o3" if node.parity else "so3"
    setting = "custom"
    for candidate in SETTINGS:
        standard = problem(node.lmax, symmetry, setting=candidate).sizes
        if all(standard[key] == asked.sizes[key] for key in IRREPS):
            setting = candidate
            break
    facets: dict[str, Scalar] = {"setting": setting, "symmetry": symmetry, "lmax": node.lmax}
    if setting == "custom":
        facets["irreps"] = " | ".join(str(asked.sizes[key]) for key in IRREPS)
    return facets | {name: int(str(asked.sizes[name])) for name in SIZES[3:]}


def _paper() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(lmax, nodes=64, neighbours=near, channels=channels, dtype=dtype))
        for dtype in ("float32", "float64")
        for channels in (16, 64)
        for near in (8, 16, 32, 63)
        for lmax in (1, 2, 3)
    )


def _small() -> tuple[Ask, ...]:
    sizes = {"nodes": 7, "neighbours": 3, "channels": 2}
    return tuple(
        Ask(problem(lmax, symmetry, setting=setting, dtype="float64", **sizes))
        for symmetry in ("o3", "so3")
        for lmax, setting in ((2, "truncated"), (1, "mimo"))
    )


FAMILY = Family(
    name="positions",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    ask=problem,
    examples=tuple(asked.problem for asked in _small()),
    batch=None,
    profiles={"paper": _paper, "check": _small},
)
