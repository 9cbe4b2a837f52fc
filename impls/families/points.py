"""Family `points`: features of nodes in space, sent along the edges of a graph.

x:   [nodes, channels, dim(irreps_node)]  features, standard normal
v:   [edges, 3]                           vectors of the edges, from `dst` to `src`
src: [edges]                              node that sends, int64
dst: [edges]                              node that receives, int64
r:   [nodes, 3]                           positions, v = r[src] - r[dst]: open structures only
a:   [edges, channels]                    weights, as attention gives them, or invariants of edges,
                                          standard normal
t:   [edges, channels, dim(irreps_node)]  features of edges, standard normal

Geometry starts from v (images of a periodic structure included) or from r: harmonics and rotations
are inside the call. With the size `given` = "harmonics" the question is another one: in place of v
and r there is

sh:  [edges, dim(irreps_edge)]            spherical harmonics of the vectors, "component"

`irreps_edge` says which harmonics of the vectors are used, `irreps_out` which outputs are asked
for; one copy of each irrep, channels are an axis.

**The graph is that of the data** (`impls.inputs.named`), and no size.

The group is O(3), or SO(3) for irreps without parity, with translations (E(3), SE(3)) where there
are positions, times the permutations of the nodes: these move rows of x and r and relabel the
values of src and dst. Translations move r alone, and no gradient. An element is {"space": R or
[[R, t], [0, 1]], "nodes": permutation}.

Settings at L, all degrees up to the bound:

truncated   nodes 0..L, harmonics 0..L,  outputs 0..L: as most layers have it [@batzner2022]
mimo        nodes 0..L, harmonics 0..L,  outputs 0..2L
full        nodes 0..L, harmonics 0..2L, outputs 0..L: all harmonics that can matter, so that every
            linear map of a feature that depends on the direction of the edge is asked for
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from impls.family import PART, Family, Part, sampled
from impls.groups import Element, Group, direct_product, euclidean, orthogonal, rotations, symmetric
from impls.inputs.graph6 import Adjacency, encode
from impls.inputs.named import (
    BY_EDGES,
    CLOUDS,
    GRAPH6,
    KINDS,
    LATTICE,
    OPEN,
    PAIR,
    check_graph,
    counts_of,
    graph_of,
    numbers,
)
from impls.inputs.networks import NETWORKS, Network
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import BadSize, Sizes, size
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps, standard
from impls.so3.space import irreps_space
from impls.spaces import Array, Arrays, Space

Setting = Literal["truncated", "mimo", "full"]
Symmetry = Literal["so3", "o3"]
Given = Literal["vectors", "harmonics"]
Dtype = Literal["float64", "float32", "bfloat16"]

IRREPS = ("irreps_node", "irreps_edge", "irreps_out")
SETTINGS: tuple[Setting, ...] = get_args(Setting)


@dataclass(frozen=True)
class PointsSizes(Sizes):
    """One copy of each irrep; `given` says whether edges come as vectors or as harmonics."""

    irreps_node: Irreps = size()
    irreps_edge: Irreps = size(counts="")
    irreps_out: Irreps = size()
    channels: int = size()
    given: Given = size()

    def __post_init__(self) -> None:
        """Refuse what no spherical harmonic has."""
        edge = [ir for _, ir in self.irreps_edge]
        wrong = [str(ir) for ir in edge if ir.p not in (0, (-1) ** ir.l)]
        if wrong:
            raise BadSize(
                f"irreps_edge={self.irreps_edge}: no spherical harmonic has parity "
                f"{', '.join(wrong)}",
                "use natural parity: 0e, 1o, 2e ...",
            )
        if len(set(edge)) < len(edge):
            raise BadSize(f"irreps_edge={self.irreps_edge}: a degree of the harmonics is repeated")


def degrees_of(setting: str, lmax: int) -> tuple[range, range, range]:
    """Return the degrees (of nodes, of harmonics, of outputs) of a setting at lmax.

    Raises:
        ValueError: for an unknown setting or a negative lmax.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}: choose {', '.join(SETTINGS)}")
    if lmax < 0:
        raise ValueError(f"lmax must be an integer >= 0, not {lmax}")
    short, long = range(lmax + 1), range(2 * lmax + 1)
    return short, long if setting == "full" else short, long if setting == "mimo" else short


def _problem(
    irreps: tuple[Irreps | str, Irreps | str, Irreps | str],
    data: str,
    channels: int,
    given: Given,
    dtype: Dtype,
    seed: int,
) -> Problem:
    named = zip(IRREPS, (str(Irreps.parse(each)) for each in irreps), strict=True)
    sizes: dict[str, Size] = {**dict(named), "channels": channels, "given": given}
    return Problem("points", sizes, dtype=dtype, data=data, seed=seed)


def problem(
    setting: str,
    lmax: int,
    symmetry: str = "o3",
    *,
    data: str = LATTICE,
    channels: int = 16,
    given: Given = "vectors",
    dtype: Dtype = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question of a setting at lmax, on the graph of `data`.

    Symmetry "o3" has natural parity, (-1)^l, everywhere; "so3" has degrees only, so that odd
    l1+l2+l3 are allowed.

    Raises:
        ValueError: for an unknown setting or symmetry, or a negative lmax.
    """
    node, edge, out = (standard(symmetry, degrees) for degrees in degrees_of(setting, lmax))
    return _problem((node, edge, out), data, channels, given, dtype, seed)


def model(
    name: str,
    data: str | None = None,
    *,
    channels: int | None = None,
    given: Given = "vectors",
    dtype: Dtype = "float32",
    seed: int = 0,
) -> Problem:
    """Return the convolution of a published network, on its graph or on that of `data`.

    `channels` other than the published number make a smaller problem of the same paths. The
    depthwise product of Equiformer acts on a sum of both ends of an edge, and attention follows:
    here it acts on the sender, and messages are summed.

    Raises:
        ValueError: for an unknown name.
    """
    shape = _network(name)
    wide = channels or shape.channels
    return _problem(shape.irreps, data or shape.data, wide, given, dtype, seed)


def _network(name: str) -> Network:
    if name not in NETWORKS:
        raise ValueError(f"unknown model {name!r}: choose {', '.join(NETWORKS)}")
    return NETWORKS[name]


def ask(
    setting: str | None = None,
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    model: str | None = None,
    irreps_node: str | Irreps | None = None,
    irreps_edge: str | Irreps | None = None,
    irreps_out: str | Irreps | None = None,
    structures: str | None = None,
    cutoff: float | None = None,
    data: str | None = None,
    nodes: int | None = None,
    neighbours: int | None = None,
    channels: int | None = None,
    given: Given = "vectors",
    dtype: Dtype = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question of a setting at lmax, of a published model, or of irreps.

    Of irreps, `irreps_edge` are all harmonics up to the degree of `irreps_node` unless said
    otherwise, and `irreps_out` are `irreps_node`; both also replace those of a setting. The graph
    is that of `structures` within `cutoff` [Å], or of `data`: "lattice" (the default), "isotropic"
    or "poles" of `nodes` (64) and `neighbours` (16), or all in one, "lattice:64x16". There are 16
    channels, or those of the model.

    Raises:
        ValueError: for none or several of setting, model and irreps, a graph that is said twice or
            by half, or as `problem` and `model`.
    """
    network = None if model is None else _network(model)
    node, edge, out = _irreps(setting, lmax, symmetry, network, irreps_node)
    irreps = node, irreps_edge or edge, irreps_out or out
    usual = LATTICE if network is None else network.data
    if network is not None and cutoff is None:
        cutoff = float(network.data.rpartition("@")[2])
    named = _data(structures, cutoff, data, nodes, neighbours) or usual
    wide = channels or (16 if network is None else network.channels)
    return _problem(irreps, named, wide, given, dtype, seed)


def _irreps(
    setting: str | None,
    lmax: int | None,
    symmetry: str,
    network: Network | None,
    irreps_node: str | Irreps | None,
) -> tuple[Irreps | str, Irreps | str, Irreps | str]:
    """Return the irreps of nodes, harmonics and outputs that are asked for in one of three ways."""
    by_setting = setting is not None or lmax is not None
    if by_setting + (network is not None) + (irreps_node is not None) != 1:
        raise ValueError(
            "family points needs one of: a setting and an lmax; a model; or irreps_node (and "
            "irreps_edge, irreps_out)"
        )
    if network is not None:
        return network.irreps
    if irreps_node is not None:
        node = Irreps.parse(irreps_node)
        return node, standard("o3" if node.parity else "so3", range(node.lmax + 1)), node
    if setting is None or lmax is None:
        raise ValueError("a setting needs an lmax, and an lmax a setting")
    node, edge, out = (standard(symmetry, degrees) for degrees in degrees_of(setting, lmax))
    return node, edge, out


def _data(
    structures: str | None,
    cutoff: float | None,
    data: str | None,
    nodes: int | None,
    neighbours: int | None,
) -> str | None:
    """Return the name of a graph from its parts, None where nothing is said."""
    counted = nodes is not None or neighbours is not None
    if structures is not None:
        if data is not None or counted:
            raise ValueError("structures say what data, nodes and neighbours say: leave these out")
        if cutoff is None:
            raise ValueError("structures need a cutoff in Å")
        return f"edges:{structures}@{cutoff:.12g}"
    if data is not None and ":" in data:
        if counted:
            raise ValueError(f"data {data!r} says how many nodes and neighbours: leave these out")
        return data
    if data is None and not counted:
        return None
    if data == "edges":
        raise ValueError("data 'edges' are those of structures: name these, and a cutoff in Å")
    counts = 64 if nodes is None else nodes, 16 if neighbours is None else neighbours
    return f"{data or 'lattice'}:{counts[0]}x{counts[1]}"


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (node, edge, out) as Irreps."""
    sizes = PointsSizes.of(problem)
    return sizes.irreps_node, sizes.irreps_edge, sizes.irreps_out


def channels_of(problem: Problem) -> int:
    """Return the number of channels."""
    return PointsSizes.of(problem).channels


def has_vectors(problem: Problem) -> bool:
    """Tell whether edges come as vectors, not as harmonics."""
    return PointsSizes.of(problem).given == "vectors"


def has_positions(problem: Problem) -> bool:
    """Tell whether nodes come with positions: vectors are given, and are differences of these."""
    if not has_vectors(problem):
        return False
    kind = problem.data.partition(":")[0]
    return kind in OPEN if kind in CLOUDS else graph_of(problem).positions is not None


def edge_harmonics(problem: Problem, inputs: Arrays) -> Array:
    """Return the "component" harmonics [edges, dim(irreps_edge)], given or of v, in float64."""
    if "sh" in inputs:
        return inputs["sh"]
    edge = irreps_of(problem)[1]
    found = spherical_harmonics(edge.lmax, inputs["v"], "component")
    blocks = [found[:, ir.l**2 : (ir.l + 1) ** 2] for _, ir in edge]
    return np.concatenate(blocks, axis=-1)


def _turn(g: Element) -> Array:
    return np.asarray(g["space"][:3, :3])


def _of_nodes(shape: tuple[int, ...], irreps: Irreps | str) -> Space:
    rotate = irreps_space(shape, irreps).act

    def act(g: Element, a: Array) -> Array:
        moved = np.empty(a.shape)
        moved[g["nodes"]] = rotate(_turn(g), a)
        return moved

    return Space(shape, act, irreps=str(irreps), axis="nodes")


def node_space(problem: Problem, irreps: Irreps) -> Space:
    """Return the Space of features [nodes, channels, dim] with these irreps."""
    return _of_nodes((counts_of(problem)[0], channels_of(problem), irreps.dim), irreps)


def edge_feature_space(problem: Problem, irreps: Irreps) -> Space:
    """Return the Space of features of edges [edges, channels, dim] with these irreps."""
    shape = counts_of(problem)[1], channels_of(problem), irreps.dim
    rotate = irreps_space(shape, irreps).act

    def act(g: Element, a: Array) -> Array:
        return rotate(_turn(g), a)

    return Space(shape, act, irreps=str(irreps), axis="edges")


def _edge_space(problem: Problem, irreps: Irreps, draw: Callable[[], Array]) -> Space:
    """Return the Space [edges, dim] of what is rotated; a relabelling of nodes moves no edge."""
    shape = counts_of(problem)[1], irreps.dim
    rotate = irreps_space(shape, irreps).act

    def act(g: Element, a: Array) -> Array:
        return rotate(_turn(g), a)

    return Space(shape, act, irreps=str(irreps), draw=lambda rng: draw(), axis="edges")


def _vector(problem: Problem) -> Irreps:
    return Irreps.parse("1o" if irreps_of(problem)[0].parity else "1")


def position_space(problem: Problem) -> Space:
    """Return the Space of positions [nodes, 3], whose gradients are not translated."""
    turned = _of_nodes((counts_of(problem)[0], 3), _vector(problem))

    def act(g: Element, a: Array) -> Array:
        return np.asarray(turned.act(g, a) + g["space"][:3, 3])

    def draw(rng: np.random.Generator) -> Array:
        positions = graph_of(problem).positions
        assert positions is not None, "asked of open structures only"
        return positions.copy()

    return replace(turned, act=act, dual=turned.act, draw=draw)


def _index_space(problem: Problem, end: Literal["src", "dst"]) -> Space:
    def act(g: Element, a: Array) -> Array:
        return np.asarray(g["nodes"])[a]

    def draw(rng: np.random.Generator) -> Array:
        ends: Array = getattr(graph_of(problem), end)
        return ends.copy()

    shape = (counts_of(problem)[1],)
    return Space(shape, act, kind="index", grad=False, draw=draw, axis="edges", refers="nodes")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    node, edge, _ = irreps_of(problem)

    def vectors() -> Array:
        return graph_of(problem).vectors.copy()

    found = {"x": node_space(problem, node)}
    if has_vectors(problem):
        found["v"] = _edge_space(problem, _vector(problem), vectors)
    else:
        found["sh"] = _edge_space(problem, edge, lambda: edge_harmonics(problem, {"v": vectors()}))
    found |= {"src": _index_space(problem, "src"), "dst": _index_space(problem, "dst")}
    if has_positions(problem):
        found["r"] = position_space(problem)
    edges, channels = counts_of(problem)[1], channels_of(problem)
    found["a"] = Space((edges, channels), axis="edges")
    return found | {"t": edge_feature_space(problem, node)}


def _check(problem: Problem) -> Refusal | None:
    try:
        PointsSizes.of(problem)
    except BadSize as error:
        return error.refusal
    return check_graph(problem)


def _group(problem: Problem) -> Group:
    turns = orthogonal() if irreps_of(problem)[0].parity else rotations()
    space = euclidean(turns) if has_positions(problem) else turns
    return direct_product(space=space, nodes=symmetric(counts_of(problem)[0]))


def edges_into_some(problem: Problem, inputs: Arrays, rng: np.random.Generator) -> Part:
    """Return all edges into some nodes that receive, with the nodes that they come from.

    The first and the last node that receive are among them. Of the nodes that stay, those that only
    send do not have all their edges here, and are not judged.
    """
    receive = np.unique(inputs["dst"])
    if not len(receive):
        return Part(problem)
    chosen = rng.permutation(receive[1:-1])[: max(PART - 2, 0)]
    judged = np.unique([receive[0], *chosen, receive[-1]])
    edges = np.flatnonzero(np.isin(inputs["dst"], judged))
    nodes = np.union1d(judged, inputs["src"][edges])
    return Part(problem, {"nodes": nodes, "edges": edges}, {"nodes": judged})


def on_graph(problem: Problem, adjacency: Adjacency) -> tuple[Problem, Arrays]:
    """Return the question on a graph [n, n] whose nodes are all alike, with what it gives."""
    asked = replace(problem, data=f"{GRAPH6}:{encode(adjacency)}")
    graph, node = graph_of(asked), irreps_of(asked)[0]
    x = np.zeros((graph.nodes, channels_of(asked), node.dim))
    for part, (_, ir) in zip(node.slices(), node, strict=True):
        if ir.l == 0 and ir.p >= 0:
            x[..., part] = 1.0
    return asked, {"x": x, "src": graph.src.copy(), "dst": graph.dst.copy()}


@lru_cache(maxsize=4096)
def _setting(node: Irreps, edge: Irreps, out: Irreps) -> str:
    """Return the name of the setting that has these irreps, or "custom"."""
    symmetry = "o3" if node.parity else "so3"
    for name in SETTINGS:
        parts = (standard(symmetry, degrees) for degrees in degrees_of(name, node.lmax))
        if (node, edge, out) == tuple(parts):
            return name
    return "custom"


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes, (nodes, edges) = PointsSizes.of(asked), counts_of(asked)
    irreps = irreps_of(asked)
    symmetry, setting = "o3" if irreps[0].parity else "so3", _setting(*irreps)
    facets: dict[str, Scalar] = {"setting": setting, "symmetry": symmetry, "lmax": irreps[0].lmax}
    named = [
        name
        for name, network in NETWORKS.items()
        if (asked.data, sizes.channels) == (network.data, network.channels)
        and tuple(map(str, irreps)) == network.irreps
    ]
    if named:
        facets["model"] = named[0]
    elif setting == "custom":
        facets["irreps"] = " | ".join(str(each) for each in irreps)
    if sizes.given != "vectors":
        facets["given"] = sizes.given
    facets |= {"channels": sizes.channels, "nodes": nodes, "edges": edges}
    kind, _, rest = asked.data.partition(":")
    if kind in BY_EDGES:
        return facets | {"graph": kind}
    if kind in CLOUDS:
        return facets | {"graph": kind, "neighbours": numbers(kind, rest)[1]}
    if kind == GRAPH6:
        return facets | {"graph": rest}
    structures, _, cutoff = rest.rpartition("@")
    return facets | {"graph": structures, "cutoff": float(cutoff)}


def _examples() -> tuple[Problem, ...]:
    """Return each setting and kind of graph, uneven irreps, harmonics, and no direction."""
    regular = tuple(
        problem(setting, lmax, symmetry, data=data, channels=2, dtype="float64")
        for symmetry in ("o3", "so3")
        for setting, lmax, data in (
            ("full", 1, "lattice:7x3"),
            ("full", 2, "poles:8x3"),
            ("truncated", 2, "edges:CH4@2"),
            ("mimo", 1, "edges:diamond@1.6"),
        )
    )
    given = (
        problem("mimo", 1, data="isotropic:5x3", channels=2, given="harmonics", dtype="float64"),
    )
    uneven = (
        ask(
            irreps_node="2e+0e+1o+1e",
            irreps_edge="2e+0e+3o+1o+4e",
            irreps_out="1e+2o+0o",
            data="lattice:7x3",
            channels=2,
            dtype="float64",
        ),
    )
    models = tuple(
        model(name, data, channels=2, dtype="float64")
        for name, data in (("nequip", "edges:H2O@2"), ("sevennet-0", "edges:CH4@2"))
    )
    aggregated = tuple(
        ask(irreps_node=node, irreps_edge=edge, data=data, channels=3, dtype="float64")
        for node, edge, data in (("1o+0e+2e", "0e", "loose:9x25"), ("0+1", "0", "edges:CH4@2"))
    )
    edge = "0e+1o"
    scalars_and_vectors = tuple(
        ask(
            irreps_node=node,
            irreps_edge=harmonics,
            irreps_out=out,
            data=data,
            channels=channels,
            dtype="float64",
        )
        for node, harmonics, out, data, channels in (
            ("0e", edge, edge, "lattice:16x6", 5),
            ("0e", "0e", "0e", "lattice:16x6", 5),
            (edge, edge, edge, "lattice:16x6", 5),
            ("0e+0e+0e+1o+1o", edge, "0e+0e+0e+1o+1o", "edges:CH4@2", 2),
        )
    )
    one_of_each_degree = (
        ask(
            irreps_node="0e+0e+0e+0e+1o+2e",
            irreps_edge="0e+1o+2e",
            data="lattice:16x6",
            channels=2,
            dtype="float64",
        ),
    )
    scalars = tuple(
        ask(
            irreps_node="0e",
            irreps_edge=edge,
            irreps_out="0e",
            data=data,
            channels=channels,
            dtype="float64",
        )
        for edge, data, channels in (
            ("0e+1o+2e", "lattice:16x6", 5),
            ("0e", "edges:CH4@2", 10),
        )
    )
    vectors = tuple(
        ask(irreps_node=node, data=data, channels=channels, dtype="float64")
        for node, data, channels in (("1o", "lattice:16x6", 12), ("1", "edges:H2O@2", 32))
    )
    return (
        regular
        + given
        + uneven
        + models
        + aggregated
        + scalars_and_vectors
        + one_of_each_degree
        + scalars
        + vectors
    )


COUNTS = (0, 1, 2, 31, 32, 33, 2047, 2048, 2049, 65535, 65536, 65537)
"""Numbers of edges at the sizes of warps, tiles and blocks."""


def _hard() -> tuple[Problem, ...]:
    """Return graphs where code fails: at boundaries, unsorted, along the polar axis."""
    loose = [f"loose:{count // 8 + 2}x{count}" for count in COUNTS]
    placed = [f"placed:{count // 8 + 2}x{count}" for count in (0, 1, 33, 2049, 65537)]
    other = ["axis:9x2", "poles:23x22", "edges:diamond@1.6"]
    vectors = tuple(
        problem("full", 1, data=data, channels=2, dtype="float64")
        for data in (*loose, *placed, *other)
    )
    given = problem("full", 1, data="loose:6x33", channels=2, given="harmonics", dtype="float64")
    aggregated = tuple(
        ask(irreps_node="0e+1o", irreps_edge="0e", data=data, channels=2, dtype="float64")
        for data in loose
    )
    return (*vectors, given, *aggregated)


def pair(asked: Problem, channels: int = 1) -> Problem:
    """Return the same question on two nodes with an edge each way, and vectors."""
    return replace(asked.with_sizes(channels=channels, given="vectors"), data=PAIR)


def _single(asked: Problem) -> Problem:
    """Return it on a pair, with harmonics: what is linear in these is then bilinear."""
    return pair(asked).with_sizes(given="harmonics")


def _pose(lmax: int, *, setting: Setting = "mimo", symmetry: Symmetry = "so3") -> Problem:
    return problem(setting, lmax, symmetry, data="lattice:16x8", channels=2, dtype="float64")


FAMILY = Family(
    name="points",
    title="convolutions over points",
    sizes=PointsSizes,
    ask=ask,
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("lmax", "channels", "edges", "neighbours"),
    labels={
        "setting": "setting",
        "symmetry": "symmetry",
        "lmax": "degree L",
        "model": "model",
        "irreps": "irreps",
        "given": "edges given as",
        "channels": "channels",
        "nodes": "nodes",
        "edges": "edges",
        "graph": "graph",
        "cutoff": "cutoff [Å]",
        "neighbours": "neighbours",
        "truncated": "nodes, harmonics and outputs 0..L",
        "mimo": "nodes and harmonics 0..L, outputs 0..2L",
        "full": "nodes and outputs 0..L, all harmonics that matter: 0..2L",
        "custom": "other irreps",
        "o3": "O(3), natural parity",
        "so3": "SO(3), degrees only",
        "harmonics": "harmonics",
        "lattice": "jittered lattice",
        "isotropic": "random graph, random directions",
        "poles": "random graph, directions near the poles",
        "axis": "nodes on the polar axis",
        "loose": "random graph, edges in no order",
        "placed": "jittered lattice, edges in no order",
    },
    examples=_examples(),
    hard=_hard(),
    data=KINDS,
    part=edges_into_some,
    on_graph=on_graph,
    single=_single,
    pose=_pose,
)
