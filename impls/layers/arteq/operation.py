r"""ArtEq: poses of parts by features at the rotations of a finite group, which are its anchors.

For each part of a body on its own, with its points p_i centred at their mean, features h_i and the
K rotations A_a of a group, `anchors` of them, C numbers f_a for each anchor, where a small network
without symmetry sees the part turned back by it [@feng2023],

    f_a = mean_i tanh(U A_a^T p_i + G h_i + u),     F_a = (f_a - mean_b f_b) / sqrt(var_b f_b + eps)
    o_a = F_a + sum_b softmax_b(<Q F_a, K F_b> / sqrt(C)) V F_b
    w_a = softmax_a(<t, silu(W o_a + b)>)

with eps = 1e-5, and out of these

    arteq_layer        M = sum_a w_a A_a, the mean of the anchors
    arteq_invariants   s = mean_a f_a

The pose is the rotation nearest to M (`impls.points.nearest_rotation`), which is a map of its own:
it commutes with rotations whatever M is, and loses digits where M is as near to several. A rotation
g of the group permutes its anchors, g A_a = A_ga, and with them all features: attention knows no
places, so that w moves along, M goes to g M and s stays.

**Where this is not true.** Rotations beside the group take no anchor to another. What is lost under
them is what of w, as a function of rotations, has degrees that K rotations do not integrate: next
to nothing of a smooth function with 60, and poses by any angle of a sharp one. s is no measure of
it: a mean over all anchors stays nearly the same where M is far off. Exact for every value of
`anchors` are the 12 rotations of a tetrahedron; the 60 of an icosahedron are for 60.

The paper has a network of convolutions over neighbours and anchors [@chen2021], normed over anchors
as well, for the mean of a small one here, finds by it which point belongs to which part, and joins
features of a part with those of the part that it hangs on, which ties their motions together. Here
parts are given, and apart. Weights are drawn so that anchors differ.

Cost: O(K (N C + C^2)) and O(K^2 C) for each part of N points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from impls.families.parts import invariant_space, pose_space, shape_of
from impls.groups.finite import rotations
from impls.growth import Growth
from impls.layers import perceptron
from impls.layers.perceptron import Perceptron
from impls.layers.radial import SILU, matrix
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Scalar
from impls.spaces import Array, Arrays, Space

EPSILON = 1e-5
"""What is added to variances, so that nothing is divided by zero."""
SHARP = 2.0
"""How large the weights of positions are drawn: about as large, features differ by anchors."""


def _values(problem: Problem) -> tuple[Scalar, ...]:
    return 12, 60


ANCHORS = Knob("anchors", lambda problem: 60, _values)


def weigher(problem: Problem) -> Perceptron:
    """Return silu(W o + b), of which the anchors are weighed."""
    c = shape_of(problem)[3]
    return Perceptron("weigh", (c, c), active=True)


def _seeing(problem: Problem) -> Mapping[str, Space]:
    """Return the Spaces of U [3, C], G [C, C] and u [C]."""
    c = shape_of(problem)[3]
    return {"U": matrix((3, c), 3 / SHARP**2), "G": matrix((c, c), c), "u": Space((c,))}


def _attending(problem: Problem) -> Mapping[str, Space]:
    """Return these, and the Spaces of Q, K, V [C, C], of the perceptron and of t [C]."""
    c = shape_of(problem)[3]
    attention = {name: matrix((c, c), c) for name in "QKV"}
    scores = {"t": matrix((c,), c * SILU)}
    return {**_seeing(problem), **attention, **weigher(problem).weights(), **scores}


def _seen(problem: Problem, inputs: Arrays, weights: Arrays) -> Array:
    """Return f [batch, parts, K, C], one anchor after another."""
    r = inputs["r"]
    p = r - r.mean(axis=2, keepdims=True)
    found = []
    for anchor in rotations(ANCHORS.of(problem)):
        before = p @ anchor @ weights["U"] + inputs["h"] @ weights["G"] + weights["u"]
        found.append(activate("tanh", before).mean(axis=2))
    return np.stack(found, axis=2)


def _softmax(a: Array) -> Array:
    powers = np.exp(a - a.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _pose(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    f = _seen(problem, inputs, weights)
    f = (f - f.mean(axis=2, keepdims=True)) / np.sqrt(f.var(axis=2, keepdims=True) + EPSILON)
    q, k, v = (f @ weights[name] for name in "QKV")
    shares = _softmax(np.einsum("bpac,bpdc->bpad", q, k) / f.shape[3] ** 0.5)
    o = f + np.einsum("bpad,bpdc->bpac", shares, v)
    w = _softmax(perceptron.oracle(weigher(problem), o, weights) @ weights["t"])
    return {"M": np.einsum("bpa,axy->bpxy", w, rotations(ANCHORS.of(problem)))}


def _invariants(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    return {"s": _seen(problem, inputs, weights).mean(axis=2)}


def _cost(poses: bool, problem: Problem) -> Mapping[str, float]:
    """Count the first map of features once, what is left of it at every anchor, and attention."""
    (batch, parts, points, c), k = shape_of(problem), int(ANCHORS.of(problem))
    m = weigher(problem)
    first = points * (6 + 2 * c * c) + k * 2 * 9 * c
    at_anchor = points * (6 * c + 12 * c)
    attending = 5 * c + 3 * 2 * c * c + k * (4 * c + 8) + 3 * c + m.flops + 8 + 18
    read = k * attending if poses else k * c
    weights = 4 * c + c * c + (3 * c * c + m.numbers + c if poses else 0)
    moved = points * (3 + c) + (9 if poses else c)
    return {
        "flops": float(batch * parts * (first + k * at_anchor + read)),
        "bytes": float((batch * parts * moved + weights) * BYTES[problem.dtype]),
    }


def _anchored(
    name: str,
    title: str,
    summary: str,
    outputs: Callable[[Problem], Mapping[str, Space]],
    oracle: Callable[[Problem, Arrays, Arrays], Arrays],
    weights: Callable[[Problem], Mapping[str, Space]],
    *,
    poses: bool,
) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="parts",
        summary=summary,
        papers=("feng2023", "chen2021"),
        claims=(
            *exact("tetrahedral", "translation", "permutation"),
            SymmetryClaim("rotation", "learned"),
        ),
        knobs=(ANCHORS,),
        outputs=outputs,
        oracle=oracle,
        cost=partial(_cost, poses),
        weights=weights,
        users=("feng2023",),
        growth=Growth({"lmax": 0, "channels": 2}),
    )


POSES = _anchored(
    "arteq_layer",
    "ArtEq layer",
    "the pose of each part as a mean of 60 rotations, by attention among features at each",
    lambda problem: {"M": pose_space(problem)},
    _pose,
    _attending,
    poses=True,
)

INVARIANTS = _anchored(
    "arteq_invariants",
    "ArtEq, pooled",
    "invariants of each part, pooled over features at 60 rotations",
    lambda problem: {"s": invariant_space(problem)},
    _invariants,
    _seeing,
    poses=False,
)
