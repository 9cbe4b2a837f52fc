r"""Gate of O(2) along edges: in the frame of an edge more is invariant than the scalars are.

The component along the edge of a vector is an invariant of O(2), as m = 0 is of every item of
natural parity; it may enter an activation and gate all else [@xu2026]. With c[i, m] the numbers of
x[src] in the frame (see `impls.points.circle`), u and w channels:

    y[o, m, w] = sum h[o, i, m, u, w] c[i, m, u]        the linear map of `escn_o3`,
    s[o, m, w] = sum over i of natural parity, g[o, m, i, u, w] c[i, 0, u]
    z'[o, 0] = silu(y[o, 0]) where it is 0e,  z'[o, m] = sigmoid(s[o, m]) y[o, m] everywhere else

and z[n] is the sum of D^T z' over the edges with dst = n. h is free between equal irreps of O(2),
of any parity of the items: between natural parities and between the others it is the diagonal of
`escn`, across them its antisymmetric part.

**Symmetry.** Rotations and inversion, for any activation. As it is not linear in x, it holds
harmonics of the edge of every degree, and answers questions that ask for all of them that a linear
map has (setting full).

Weights: h [path of `escn_o3`, u, w] and g [gate and invariant, u, w]: for each output item, its
m (0 only where it is 0o), each input item of natural parity. Cost: that of `escn_o3`, O(L^3) for
each edge and channel in the rotations and O(L^3 C^2) in the linear maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from impls.families.points import channels_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Operation, exact
from impls.points.circle import Component, components_of, is_natural, numbers_at, summed
from impls.points.escn.operation import ESCN_O3, READS, ends_of, paths_of
from impls.pointwise.activations import sigmoid
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Array, Arrays, Space


@dataclass(frozen=True)
class GatePath:
    """One weight per pair of channels: from the invariant of item `i` to the gate of `out`."""

    out: Component
    i: int


def invariants_of(problem: Problem) -> tuple[int, ...]:
    """Return the items of x that have an invariant along an edge: those of natural parity."""
    return tuple(i for i, (_, ir) in enumerate(ends_of(problem)[0]) if is_natural(ir))


def reached_by(problem: Problem) -> tuple[Component, ...]:
    """Return the irreps of O(2) of the output that the linear map reaches."""
    found = {(path.o, path.m) for path in paths_of(problem, True)}
    return tuple(c for c in components_of(ends_of(problem)[1]) if (c.item, c.m) in found)


def gated_of(problem: Problem) -> tuple[Component, ...]:
    """Return those of them that have a gate: all but 0e."""
    return tuple(c for c in reached_by(problem) if c.kind != "0e")


def gates_of(problem: Problem) -> tuple[GatePath, ...]:
    """Return the weights of gates in canonical order."""
    return tuple(GatePath(out, i) for out in gated_of(problem) for i in invariants_of(problem))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, ends_of(problem)[1])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels = channels_of(problem)
    return {
        "h": Space((len(paths_of(problem, True)), channels, channels)),
        "g": Space((len(gates_of(problem)), channels, channels)),
    }


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    inside, out = ends_of(problem)
    c = numbers_at("src", inside, inputs)
    y: dict[tuple[int, int], Array] = {}
    s: dict[tuple[int, int], Array] = {}
    for path, h in zip(paths_of(problem, True), weights["h"], strict=True):
        place = path.o, path.m
        # k, as z[+m] = -k x[-m] and z[-m] = k x[+m], is -k from the other parity to the natural one
        sign = -1 if path.odd and not is_natural(inside.items[path.i][1]) else 1
        y[place] = y.get(place, 0) + sign * (c[path.i, path.m] @ h)
    for gate, g in zip(gates_of(problem), weights["g"], strict=True):
        place = gate.out.item, gate.out.m
        s[place] = s.get(place, 0) + c[gate.i, 0].real @ g
    numbers = {place: sigmoid(s[place] if place in s else y[place].real) * y[place] for place in y}
    return {"z": summed(out, numbers, inputs)}


def _supports(problem: Problem) -> Refusal | None:
    if not ends_of(problem)[0].parity:
        return Refusal("irreps without parity: O(2) has reflections", "ask for irreps with parity")
    refusal = ESCN_O3.supports(problem)
    if refusal is not None:
        return refusal
    if not invariants_of(problem):
        return Refusal(
            f"irreps_node={ends_of(problem)[0]}: none has an invariant along an edge to gate with",
            "add one of natural parity: 0e, 1o, 2e ...",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the linear map as `escn_o3` does, the gates, and ten for each activation."""
    edges, channels, out = counts_of(problem)[1], channels_of(problem), ends_of(problem)[1]
    linear, gates = ESCN_O3.cost(problem), len(gates_of(problem))
    more = 2 * channels * gates + 10 * len(reached_by(problem)) + out.dim
    return {
        "flops": linear["flops"] + float(edges * channels * more),
        "bytes": linear["bytes"] + float(gates * channels**2 * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="edge_gate",
    title="O(2) gate along edges",
    family="points",
    summary="linear map and gate in the frame of each edge, both parities, summed over neighbours",
    papers=("xu2026",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=READS,
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("xu2026",),
    growth=Growth({"lmax": 3, "channels": 2}),
)
