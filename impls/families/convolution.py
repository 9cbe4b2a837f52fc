"""Family `convolution`: features of nodes, gathered along the edges of a graph.

x:   [nodes, channels, dim(irreps_node)]  features, standard normal
sh:  [edges, dim(irreps_edge)]            spherical harmonics of the edge vectors, "component"
src: [edges]                              node that sends, int64
dst: [edges]                              node that receives, int64

The graph is that of real structures: data "edges:diamond:2x2x2" is a supercell of diamond,
"edges:CH4+H2O" a batch of two molecules; the size `cutoff` [Å] says who are neighbours. The edge
vector points from `dst` to `src`. The other sizes are the irreps (one copy of each; channels are
an axis) and `channels`; `irreps_out` says which output irreps are asked for. The group is O(3), or
SO(3) for irreps without parity, times the permutations of the nodes, which move rows of x and
relabel the values of src and dst.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from impls.families.product import exact_sizes, irreps_space, positive_sizes
from impls.family import Ask, Family, sampled
from impls.groups import Element, Group, direct_product, orthogonal, rotations, symmetric
from impls.inputs.graphs import Graph, graph
from impls.problem import Problem, Refusal, Scalar, Size
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps, standard
from impls.spaces import Array, Space

Setting = Literal["truncated", "mimo"]
Symmetry = Literal["so3", "o3"]

IRREPS = ("irreps_node", "irreps_edge", "irreps_out")
SIZES = (*IRREPS, "channels", "cutoff")
SETTINGS = ("truncated", "mimo")
DATA = "edges:"

CRYSTAL = ("diamond:2x2x2", 2.6)
"""64 nodes with 16 neighbours each."""
MOLECULES = ("CH3CH2OH+C6H6+C5H5N+CH3COOH+CH3NO2+C4H4O", 5.0)


@dataclass(frozen=True)
class Model:
    """The convolution in an inner layer of a published network, and a graph of its kind.

    Numbers of channels that differ between degrees are copies of an irrep: 32 channels of
    0+0+0+0+1+1+2 are 128x0+64x1+32x2. A network whose labels are all even is one of rotations only:
    degrees without parity.
    """

    paper: str
    irreps_node: str
    irreps_edge: str
    irreps_out: str
    channels: int
    cutoff: float
    structures: str

    def sizes(self) -> Mapping[str, Size]:
        """Return the sizes of its problem."""
        irreps = {name: str(Irreps.parse(getattr(self, name))) for name in IRREPS}
        return {**irreps, "channels": self.channels, "cutoff": self.cutoff}


_BOTH = "0e+0o+1o+1e+2e+2o+3o+3e"
MODELS: Mapping[str, Model] = {
    # configs/full.yaml of mir-group/nequip: both parities up to 1, 32 features
    "nequip": Model("batzner2022", "0e+0o+1o+1e", "0e+1o", "0e+0o+1o+1e", 32, 4.0, MOLECULES[0]),
    # configs/3bpa.yaml of mir-group/nequip: both parities up to 3, 64 features
    "nequip-3bpa": Model("batzner2022", _BOTH, "0e+1o+2e+3o", _BOTH, 64, 5.0, MOLECULES[0]),
    # defaults of mace/tools/arg_parser.py: 128x0e+128x1o, max_ell 3, r_max 5
    "mace": Model("batatia2022", "0e+1o", "0e+1o+2e+3o", "0e+1o+2e+3o", 128, 5.0, "silicon:2x2x2"),
    # sevenn/presets/sevennet-0.yaml: 128x0e+64x1e+32x2e
    "sevennet-0": Model("park2024", "0+0+0+0+1+1+2", "0+1+2", "0+1+2", 32, 5.0, "silicon:2x2x2"),
    # sevenn/presets/sevennet-l3i5.yaml: 128x0e+64x1e+32x2e+32x3e
    "sevennet-l3i5": Model(
        "park2024", "0+0+0+0+1+1+2+3", "0+1+2+3", "0+1+2+3", 32, 5.0, "silicon:2x2x2"
    ),
    # QM9 models of atomicarchitects/equiformer: 128x0e+64x1e+32x2e, radius 5
    "equiformer": Model("liao2023", "0+0+0+0+1+1+2", "0+1+2", "0+1+2", 32, 5.0, MOLECULES[0]),
}
"""Shapes of published networks, from the code of their papers; edges are those of the graph."""


def problem(
    structures: str,
    cutoff: float,
    lmax: int,
    symmetry: str = "o3",
    *,
    setting: str = "truncated",
    channels: int = 32,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the convolution on the graph of `structures` within `cutoff` [Å].

    Nodes and edges carry degrees 0..lmax. The setting "truncated" asks for outputs 0..lmax, as
    the layers of [@batzner2022] do, and "mimo" for all, 0..2 lmax. Symmetry "o3" has natural
    parity, (-1)^l, everywhere; "so3" has degrees only, so that odd l1+l2+l3 are allowed.

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
        "cutoff": cutoff,
    }
    return Problem("convolution", sizes, dtype=dtype, data=DATA + structures, seed=seed)


def model(
    name: str,
    structures: str | None = None,
    *,
    channels: int | None = None,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the convolution of a published network, on its graph or on that of `structures`.

    `channels` other than the published number make a smaller problem of the same paths. The
    depthwise product of Equiformer acts on a sum of both ends of an edge, and attention follows:
    here it acts on the sender, and messages are summed.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}: choose {', '.join(MODELS)}")
    sizes = {**MODELS[name].sizes(), "channels": channels or MODELS[name].channels}
    data = DATA + (structures or MODELS[name].structures)
    return Problem("convolution", sizes, dtype=dtype, data=data, seed=seed)


_published = model


def ask(
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    model: str | None = None,
    structures: str | None = None,
    cutoff: float = CRYSTAL[1],
    setting: str = "truncated",
    channels: int | None = None,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the convolution of degrees 0..lmax on a graph, or that of a published model.

    Raises:
        ValueError: for neither or both, or as `problem` and `model`.
    """
    if (lmax is None) == (model is None):
        raise ValueError("a convolution needs lmax, or a model, and not both")
    if model is not None:
        return _published(model, structures, channels=channels, dtype=dtype, seed=seed)
    assert lmax is not None
    graph, shared = structures or CRYSTAL[0], {"dtype": dtype, "seed": seed}
    channels = 32 if channels is None else channels
    return problem(graph, cutoff, lmax, symmetry, setting=setting, channels=channels, **shared)  # type: ignore[arg-type]


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (node, edge, out) as Irreps."""
    node, edge, out = (Irreps.parse(str(problem.sizes[name])) for name in IRREPS)
    return node, edge, out


def channels_of(problem: Problem) -> int:
    """Return the number of channels."""
    return int(problem.sizes["channels"])  # type: ignore[arg-type]


def graph_of(problem: Problem) -> Graph:
    """Return the graph that the problem names; ValueError for a bad name or cutoff."""
    return _graph(problem.data.removeprefix(DATA), float(problem.sizes["cutoff"]))  # type: ignore[arg-type]


_graph = lru_cache(maxsize=16)(graph)


def node_space(problem: Problem, irreps: Irreps) -> Space:
    """Return the Space of features [nodes, channels, dim] with these irreps."""
    shape = (graph_of(problem).nodes, channels_of(problem), irreps.dim)
    rotate = irreps_space(shape, irreps).act

    def act(g: Element, a: Array) -> Array:
        moved = np.empty(a.shape)
        moved[g["nodes"]] = rotate(g["space"], a)
        return moved

    return Space(shape, act, irreps=str(irreps))


def _edge_space(problem: Problem) -> Space:
    """Return the Space of harmonics [edges, dim]: rotated; a relabelling of nodes moves no edge."""
    edge, vectors = irreps_of(problem)[1], graph_of(problem).vectors
    rotate = irreps_space((len(vectors), edge.dim), edge).act

    def act(g: Element, a: Array) -> Array:
        return rotate(g["space"], a)

    def draw(rng: np.random.Generator) -> Array:
        harmonics = spherical_harmonics(edge.lmax, vectors, "component")
        blocks = [harmonics[:, ir.l**2 : (ir.l + 1) ** 2] for _, ir in edge]
        return np.concatenate(blocks, axis=-1)

    return Space((len(vectors), edge.dim), act, irreps=str(edge), draw=draw)


def _index_space(ends: Array) -> Space:
    def act(g: Element, a: Array) -> Array:
        return np.asarray(g["nodes"])[a]

    return Space(ends.shape, act, kind="index", grad=False, draw=lambda rng: ends.copy())


def _check(problem: Problem) -> Refusal | None:
    refusal = exact_sizes(problem, SIZES) or positive_sizes(problem, ("channels",))
    return refusal or _check_irreps(problem) or _check_graph(problem)


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
    edge = [ir for _, ir in irreps[1]]
    wrong = [str(ir) for ir in edge if ir.p not in (0, (-1) ** ir.l)]
    if wrong:
        return Refusal(
            f"irreps_edge={irreps[1]}: no spherical harmonic has parity {', '.join(wrong)}",
            "use natural parity: 0e, 1o, 2e ...",
        )
    if len(set(edge)) < len(edge):
        return Refusal(f"irreps_edge={irreps[1]}: a degree of the harmonics is repeated")
    return None


def _check_graph(problem: Problem) -> Refusal | None:
    cutoff = problem.sizes["cutoff"]
    number = isinstance(cutoff, int | float) and not isinstance(cutoff, bool)
    if not number or not 0 < cutoff < math.inf:  # type: ignore[operator]
        return Refusal(f"size cutoff={cutoff!r} is not a positive, finite length in Å")
    if not problem.data.startswith(DATA):
        return Refusal(
            f"unknown data {problem.data!r}",
            f"family convolution draws '{DATA}<structures>', for example '{DATA}diamond:2x2x2'",
        )
    try:
        edges = len(graph_of(problem).src)
    except ValueError as error:
        return Refusal(f"data {problem.data!r}: {error}")
    if not edges:
        return Refusal(
            f"data {problem.data!r}: no two atoms are within the cutoff of {cutoff} Å",
            "use a larger cutoff",
        )
    return None


def _group(problem: Problem) -> Group:
    space = orthogonal() if irreps_of(problem)[0].parity else rotations()
    return direct_product(space=space, nodes=symmetric(graph_of(problem).nodes))


def _inputs(problem: Problem) -> Mapping[str, Space]:
    edges = graph_of(problem)
    return {
        "x": node_space(problem, irreps_of(problem)[0]),
        "sh": _edge_space(problem),
        "src": _index_space(edges.src),
        "dst": _index_space(edges.dst),
    }


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    name, edges = asked.data.removeprefix(DATA), graph_of(asked)
    node = irreps_of(asked)[0]
    symmetry = "o3" if node.parity else "so3"
    setting = "custom"
    for candidate in SETTINGS:
        standard = problem(name, 1.0, node.lmax, symmetry, setting=candidate).sizes
        if all(standard[key] == asked.sizes[key] for key in IRREPS):
            setting = candidate
            break
    facets: dict[str, Scalar] = {"setting": setting, "symmetry": symmetry, "lmax": node.lmax}
    named = [
        name
        for name, shape in MODELS.items()
        if asked.data == DATA + shape.structures and dict(asked.sizes) == shape.sizes()
    ]
    if named:
        facets["model"] = named[0]
    elif setting == "custom":
        facets["irreps"] = " | ".join(str(asked.sizes[key]) for key in IRREPS)
    of_graph: dict[str, Scalar] = {
        "channels": channels_of(asked),
        "nodes": edges.nodes,
        "edges": len(edges.src),
        "graph": name,
        "cutoff": float(asked.sizes["cutoff"]),  # type: ignore[arg-type]
    }
    return facets | of_graph


def _quick() -> tuple[Ask, ...]:
    return tuple(Ask(problem(*CRYSTAL, lmax, channels=16)) for lmax in (1, 2, 3))


def _default() -> tuple[Ask, ...]:
    return tuple(
        Ask(problem(*structures, lmax)) for structures in (CRYSTAL, MOLECULES) for lmax in (1, 2, 3)
    )


def _paper() -> tuple[Ask, ...]:
    regular = tuple(
        Ask(problem(structures, cutoff, lmax, symmetry, channels=64, dtype=dtype))
        for structures, cutoff in (("diamond:3x3x3", 2.6), ("diamond:4x4x4", 2.6), MOLECULES)
        for symmetry in ("o3", "so3")
        for dtype in ("float32", "float64")
        for lmax in range(1, 5)
    )
    return regular + tuple(Ask(model(name)) for name in MODELS)


def _small() -> tuple[Ask, ...]:
    regular = tuple(
        Ask(
            problem(
                structures, cutoff, lmax, symmetry, setting=setting, channels=2, dtype="float64"
            )
        )
        for structures, cutoff, lmax, setting in (
            ("CH4", 2.0, 2, "truncated"),
            ("diamond", 1.6, 1, "mimo"),
        )
        for symmetry in ("o3", "so3")
    )
    small = (
        model(name, structures, channels=2, dtype="float64")
        for name, structures in (("nequip", "H2O"), ("sevennet-0", "CH4"))
    )
    return regular + tuple(Ask(asked) for asked in small)


def _single(asked: Problem) -> Problem:
    return replace(asked.with_sizes(channels=1, cutoff=1.0), data=DATA + "H2")


def _pose(setting: str, symmetry: str, lmax: int) -> Problem:
    return problem("H2", 1.0, lmax, symmetry, setting=setting, channels=1, dtype="float64")


FAMILY = Family(
    name="convolution",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    ask=ask,
    examples=tuple(asked.problem for asked in _small()),
    batch=None,
    profiles={"quick": _quick, "default": _default, "paper": _paper, "check": _small},
    single=_single,
    pose=_pose,
)
