r"""Averages that make a map of clouds equivariant: over frames of the cloud, or over a group.

A backbone Phi (`impls.layers.averaging.backbone`) takes a cloud x = [p, h] of points and their
features and says [q, s], a vector and numbers for each point. With the centre c = mean_i r_i and
p = r - c, written as rows, and K orthogonal matrices Q_1 .. Q_K [d, d], d = 3 in space and 2 in the
plane,

    y_i = c + 1/K sum_k Q_k q_i(p Q_k, h),    s_i = 1/K sum_k s_i(p Q_k, h).

y moves as positions do, and s stays, if the matrices of a moved cloud are g Q_1 .. g Q_K in any
order: they are a *frame* in the sense of [@puny2022]. The operations differ in which they are. V
has the eigenvectors of p^T p as columns, by ascending eigenvalue, each known up to its sign:

    frame_averaging         V diag(+-1, .., +-1): 2^d of them, 8 or 4, for E(d)
    frame_averaging_proper  those of one hand, for SE(d) alone: in space 4, (+-v1, +-v2, their cross
                            product), in the plane 2, +-(v1, v1 turned by a right angle)
    frame_sampling          V diag(sign(V^T n_k)) for random directions n_k, `draws` of them: each
                            of the 2^d as likely, so that it is equivariant on average [@duval2023]
    minimal_frame           V diag(sign(m)), m the third moments of p V: 1, for E(d); this way to
                            choose signs stands for those of [@lin2024]
    group_averaging         a finite group of rotations g_1 .. g_`elements`, and all of them times
                            -1, whatever the cloud: equivariant under that group alone; in the plane
                            turns by multiples of a full one / `elements`, and the mirror y -> -y

**Where this is not true.** All but the last ask for eigenvalues that differ, and `minimal_frame`
for third moments that are not zero. Where two eigenvalues meet, eigenvectors turn by any angle at
once: the map jumps, and no choice of a frame is continuous everywhere [@dym2024]. Next to it, at a
gap d of the spectrum, rounding by e turns them by e / d, and gradients grow as 1 / d; at a gap of
zero the solver of eigenvalues decides. Gradients go through the frame: they are those of the map as
it is written here. To hold frames fixed, as the code of [@puny2022] does, is another gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from math import prod

import numpy as np

from impls.families.cloud import DRAWS, dimension_of, feature_space, position_space, shape_of
from impls.groups.finite import ORDERS, rotations, turns
from impls.growth import Growth
from impls.layers.averaging import backbone
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.problem import BYTES, Problem, Scalar
from impls.spaces import Array, Arrays, Space

Matrices = Callable[[Problem, Arrays], Iterable[Array]]
"""The matrices Q_k, each [batch, d, d] or [d, d]."""
Signs = tuple[tuple[float, ...], ...]
SIGNS: Mapping[int, Signs] = {d: tuple(product((1.0, -1.0), repeat=d)) for d in (2, 3)}
PROPER: Mapping[int, Signs] = {
    d: tuple((*first, prod(first)) for first in product((1.0, -1.0), repeat=d - 1)) for d in (2, 3)
}
"""By dimension all signs of axes, and those that keep the determinant."""
ROTATIONS = {2: turns, 3: rotations}
IMPROPER = {2: np.diag([1.0, -1.0]), 3: -np.eye(3)}
"""By dimension finite groups of rotations, and what makes of each its other half."""
PRINCIPAL = {2: 40.0, 3: 150.0}
"""Operations for the eigenvectors of a symmetric matrix [d, d], about."""


def _draws(problem: Problem) -> tuple[Scalar, ...]:
    return 1, 4, DRAWS


def _elements(problem: Problem) -> tuple[Scalar, ...]:
    return ORDERS


DRAWN = Knob("draws", lambda problem: 1, _draws)
ELEMENTS = Knob("elements", lambda problem: 12, _elements)


def _axes(r: Array) -> Array:
    """Return the principal axes [batch, d, d] as columns: right singular vectors of the cloud."""
    centred = r - r.mean(axis=1, keepdims=True)
    return np.linalg.svd(centred)[2][:, ::-1].swapaxes(1, 2)


def _all_signs(problem: Problem, inputs: Arrays) -> Iterable[Array]:
    axes = _axes(inputs["r"])
    return (axes * np.array(signs) for signs in SIGNS[dimension_of(problem)])


def _right_handed(problem: Problem, inputs: Arrays) -> Iterable[Array]:
    first, second, *_ = np.moveaxis(_axes(inputs["r"]), 2, 0)
    if dimension_of(problem) == 2:
        for a in (1.0, -1.0):
            yield a * np.stack([first, np.stack([-first[:, 1], first[:, 0]], axis=1)], axis=2)
        return
    for a, b in product((1.0, -1.0), repeat=2):
        yield np.stack([a * first, b * second, np.cross(a * first, b * second)], axis=2)


def _drawn(problem: Problem, inputs: Arrays) -> Iterable[Array]:
    axes = _axes(inputs["r"])
    for k in range(DRAWN.of(problem)):
        along = np.einsum("bxk,bx->bk", axes, inputs["n"][:, k])
        yield axes * np.copysign(1.0, along)[:, None]


def _by_moments(problem: Problem, inputs: Arrays) -> Iterable[Array]:
    axes, r = _axes(inputs["r"]), inputs["r"]
    along = np.einsum("bix,bxk->bik", r - r.mean(axis=1, keepdims=True), axes)
    yield axes * np.copysign(1.0, (along**3).sum(axis=1))[:, None]


def _of_group(problem: Problem, inputs: Arrays) -> Iterable[Array]:
    d = dimension_of(problem)
    for turn in ROTATIONS[d](ELEMENTS.of(problem)):
        yield turn
        yield turn @ IMPROPER[d]


def _oracle(matrices: Matrices, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    r, h, d = inputs["r"], inputs["h"], dimension_of(problem)
    centre = r.mean(axis=1, keepdims=True)
    y, s, count = np.zeros(r.shape), np.zeros(h.shape), 0
    for q in matrices(problem, inputs):
        seen = np.concatenate([(r - centre) @ q, h], axis=2)
        said = backbone.oracle(problem, seen, weights)
        y += said[..., :d] @ np.swapaxes(q, -1, -2)
        s += said[..., d:]
        count += 1
    return {"y": centre + y / count, "s": s / count}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"y": position_space(problem), "s": feature_space(problem)}


def _cost(count: Callable[[Problem], int], framed: bool, problem: Problem) -> Mapping[str, float]:
    """Count axes, and for each matrix two rotations of the points and the backbone."""
    (batch, points, channels), d = shape_of(problem), dimension_of(problem)
    each = backbone.flops(problem) + points * (2 * 2 * d * d + d + channels)
    found = d * d * points + (PRINCIPAL[d] + 2 * d * d * points if framed else 0)
    moved = 2 * batch * points * (d + channels) + backbone.numbers(problem)
    return {
        "flops": float(batch * (found + count(problem) * each)),
        "bytes": float(moved * BYTES[problem.dtype]),
    }


def count_of(name: str, problem: Problem) -> int:
    """Return the number of matrices that an operation averages over."""
    counts: Mapping[str, Callable[[Problem], int]] = {
        "frame_averaging": lambda problem: len(SIGNS[dimension_of(problem)]),
        "frame_averaging_proper": lambda problem: len(PROPER[dimension_of(problem)]),
        "frame_sampling": lambda problem: int(DRAWN.of(problem)),
        "minimal_frame": lambda problem: 1,
        "group_averaging": lambda problem: 2 * int(ELEMENTS.of(problem)),
    }
    return counts[name](problem)


def _average(
    name: str,
    title: str,
    summary: str,
    matrices: Matrices,
    *,
    papers: tuple[str, ...],
    claims: tuple[SymmetryClaim, ...],
    knobs: tuple[Knob, ...] = (),
    reads: tuple[str, ...] = ("r", "h"),
    framed: bool = True,
    users: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="cloud",
        summary=summary,
        papers=papers,
        claims=(*claims, *exact("translation", "permutation")),
        knobs=knobs,
        reads=reads,
        outputs=_outputs,
        oracle=partial(_oracle, matrices),
        cost=partial(_cost, partial(count_of, name), framed),
        weights=backbone.weights_of,
        users=users,
        growth=Growth({"lmax": 0, "channels": 2}),
    )


ALL = _average(
    "frame_averaging",
    "Frame averaging",
    "mean of a backbone over the frames of the principal axes, 8 or in the plane 4: E(d)",
    _all_signs,
    papers=("puny2022",),
    claims=exact("rotation", "inversion", "mirror"),
    users=("puny2022",),
)

RIGHT_HANDED = _average(
    "frame_averaging_proper",
    "Frame averaging, proper",
    "mean of a backbone over the right-handed frames of the principal axes, 4 or 2: SE(d)",
    _right_handed,
    papers=("puny2022",),
    claims=exact("rotation"),
    users=("puny2022",),
)

SAMPLED = _average(
    "frame_sampling",
    "Stochastic frame averaging",
    "mean of a backbone over frames of the principal axes that are drawn at random",
    _drawn,
    papers=("duval2023", "puny2022"),
    claims=tuple(SymmetryClaim(g, "by_knob", "draws") for g in ("rotation", "inversion", "mirror")),
    knobs=(DRAWN,),
    reads=("r", "h", "n"),
    users=("duval2023",),
)

MINIMAL = _average(
    "minimal_frame",
    "Minimal frame",
    "a backbone in the one frame that the principal axes and third moments give",
    _by_moments,
    papers=("lin2024", "puny2022"),
    claims=exact("rotation", "inversion", "mirror"),
    users=("lin2024",),
)

OF_GROUP = _average(
    "group_averaging",
    "Group averaging",
    "mean of a backbone over a finite group of rotations, with and without inversion",
    _of_group,
    papers=("puny2022", "yarotsky2022"),
    claims=(*exact("inversion", "mirror"), SymmetryClaim("rotation", "by_knob", "elements")),
    knobs=(ELEMENTS,),
    framed=False,
)
