"""Family `node_tensors`: one tensor over n nodes into another, for linear maps alone.

x: [batch, nodes, .., channels]  with `order_in` axes of nodes, standard normal
z: [batch, nodes, .., channels]  with `order_out` axes of nodes

Order 2 is a feature of pairs of nodes, order 1 of nodes, order 0 of all together. There is no
graph: the group is S_n, which moves all axes of nodes alike. The sizes are `nodes`, `order_in`,
`order_out`, `channels` and `batch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from impls.families.graphs import permuted
from impls.family import Family, checked, sampled
from impls.groups import Group, symmetric
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes, size
from impls.spaces import Space

AXES = ("nodes", "order_in", "order_out", "channels", "batch")


@dataclass(frozen=True)
class NodeTensorsSizes(Sizes):
    """Nodes, and how many axes of them what is put in and what comes out have."""

    order_in: Literal[1, 2]
    order_out: Literal[0, 1, 2]
    nodes: int = size()
    channels: int = size()
    batch: int = size()


def ask(
    nodes: int = 16,
    order_in: Literal[1, 2] = 2,
    order_out: Literal[0, 1, 2] = 2,
    *,
    channels: int = 16,
    batch: int = 16,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for linear maps from tensors of one order to those of another."""
    sizes: dict[str, Size] = dict(
        nodes=nodes, order_in=order_in, order_out=order_out, channels=channels, batch=batch
    )
    return Problem("node_tensors", sizes, dtype=dtype, seed=seed)


def tensor_space(problem: Problem, order: int) -> Space:
    """Return the Space [batch, nodes, .., channels] of tensors of an order."""
    s = NodeTensorsSizes.of(problem)
    shape = s.batch, *order * (s.nodes,), s.channels
    return Space(shape, lambda g, a: permuted(g, a, order), axis="batch")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": tensor_space(problem, NodeTensorsSizes.of(problem).order_in)}


def _group(problem: Problem) -> Group:
    return symmetric(NodeTensorsSizes.of(problem).nodes)


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    s = NodeTensorsSizes.of(problem)
    return {name: getattr(s, name) for name in AXES}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(4, 2, 2, channels=2, batch=2, dtype="float64"),
    ask(6, 2, 1, channels=3, batch=2, dtype="float64"),
    ask(6, 1, 2, channels=3, batch=2, dtype="float64"),
    ask(9, 2, 0, channels=3, batch=2, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return one node, maps of nodes to nodes, and sizes that fill no lane."""
    return (
        ask(1, 2, 2, channels=1, batch=1, dtype="float64"),
        ask(2, 2, 2, channels=3, batch=33, dtype="float64"),
        ask(33, 1, 1, channels=5, batch=3, dtype="float64"),
        ask(3, 1, 0, channels=1, batch=2, dtype="float64"),
    )


FAMILY = Family(
    name="node_tensors",
    title="linear maps of tensors over nodes",
    sizes=NodeTensorsSizes,
    ask=ask,
    check=checked(NodeTensorsSizes),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=AXES,
    labels={
        "nodes": "nodes",
        "order_in": "order in",
        "order_out": "order out",
        "channels": "channels",
        "batch": "batch",
    },
    examples=EXAMPLES,
    hard=_hard(),
    batch="batch",
    single=_single,
)
