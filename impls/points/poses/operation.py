r"""Poses between two clouds: one proposed by each match, by each three, or one by all together.

With R(M) the rotation nearest to a matrix (`impls.points.nearest_rotation`), the pose that takes
matched points p_i to q_i, and vectors f_ic that describe them to g_ic, is [R | t] with

    pose_from_match    R_i = R(sum_c g_ic f_ic^T),              t_i = q_i - R_i p_i
    pose_from_triples  R_h = R(sum_i (q_i - q)(p_i - p)^T),     t_h = q - R_h p
                       p and q the means of three matches h = {i < j < k}: all C(n, 3) of them
    pose_from_all      R = R(sum_i w_i (q_i - q)(p_i - p)^T),   t = q - R p
                       p and q the means of all matches, weighed by w

by [@yao2024], as RANSAC draws them [@fischler1981], and by [@kabsch1976].

n matches have n poses by what describes them, and n (n - 1) (n - 2) / 6 by their places alone: of
the former each right match is enough, of the latter three at once have to be right. The one pose of
all is right where all are, and nowhere else. Which of the poses is best, by how many matches it
explains, is not part of the operations; [@yao2024] tries those of the best-scored matches and
refines the winner as `pose_from_all` does.

Two clouds that are moved apart, by P and Q, have the poses Q R P^T: equivariant under the motions
of both. An inversion of both leaves R as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import combinations
from math import comb

import numpy as np

from impls.families.matches import match_poses, pose_space, shape_of
from impls.groups import Element
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.points import nearest_rotation
from impls.problem import BYTES, Problem
from impls.spaces import Array, Arrays, Space


@lru_cache(maxsize=16)
def triples(matches: int) -> Array:
    """Return the triples of matches [C(matches, 3), 3], each ascending, in lexical order."""
    return np.array(list(combinations(range(matches), 3)))


def _renumbered(g: Element, a: Array) -> Array:
    """Move the pose of each triple to the place of the triple that a permutation makes of it."""
    every = triples(len(g["matches"]))
    places = {tuple(triple): place for place, triple in enumerate(every.tolist())}
    moved = np.empty_like(a)
    sent = np.sort(np.asarray(g["matches"])[every], axis=1)
    moved[:, [places[tuple(triple)] for triple in sent.tolist()]] = a
    return moved


def _of_match(problem: Problem) -> Space:
    return match_poses(problem)


def _of_triples(problem: Problem) -> Space:
    return pose_space(problem, len(triples(shape_of(problem)[1])), _renumbered)


def _of_all(problem: Problem) -> Space:
    return pose_space(problem, 1)


def _pose(r: Array, p: Array, q: Array) -> Array:
    """Return [R | q - R p] of r [..., 3, 3] and points [..., 3]."""
    return np.concatenate([r, (q - np.einsum("...xy,...y->...x", r, p))[..., None]], axis=-1)


def _by_vectors(problem: Problem, inputs: Arrays) -> Array:
    m = np.einsum("bicx,bicy->bixy", inputs["g"], inputs["f"])
    return _pose(nearest_rotation.oracle(m), inputs["p"], inputs["q"])


def _by_places(p: Array, q: Array, w: Array) -> Array:
    """Return the pose [..., 3, 4] of points [..., n, 3] and weights [..., n]."""
    w = w / w.sum(axis=-1, keepdims=True)
    p0, q0 = np.einsum("...n,...nx->...x", w, p), np.einsum("...n,...nx->...x", w, q)
    apart = p - p0[..., None, :], q - q0[..., None, :]
    m = np.einsum("...n,...nx,...ny->...xy", w, apart[1], apart[0])
    return _pose(nearest_rotation.oracle(m), p0, q0)


def _by_triples(problem: Problem, inputs: Arrays) -> Array:
    every = triples(shape_of(problem)[1])
    p, q = inputs["p"][:, every], inputs["q"][:, every]
    return _by_places(p, q, np.ones(p.shape[:-1]))


def _by_all(problem: Problem, inputs: Arrays) -> Array:
    return _by_places(inputs["p"], inputs["q"], inputs["w"])[:, None]


def _cost(
    poses: Callable[[int], int],
    terms: Callable[[int, int], int],
    numbers: Callable[[int, int], int],
    problem: Problem,
) -> Mapping[str, float]:
    """Count, for each pose, the sum of `terms` products of two vectors, its rotation and shift."""
    batch, matches, channels = shape_of(problem)
    each = 18 * terms(matches, channels) + nearest_rotation.FLOPS + 18
    moved = numbers(matches, channels) + 12 * poses(matches)
    return {
        "flops": float(batch * poses(matches) * each),
        "bytes": float(batch * moved * BYTES[problem.dtype]),
    }


def _proposer(
    name: str,
    title: str,
    summary: str,
    space: Callable[[Problem], Space],
    poses: Callable[[Problem, Arrays], Array],
    cost: Callable[[Problem], Mapping[str, float]],
    *,
    reads: tuple[str, ...],
    papers: tuple[str, ...],
    users: tuple[str, ...] = (),
    channels: int = 0,
) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="matches",
        summary=summary,
        papers=papers,
        users=users,
        claims=exact("rotation", "inversion", "translation", "permutation"),
        reads=reads,
        outputs=lambda problem: {"T": space(problem)},
        oracle=lambda problem, inputs, weights: {"T": poses(problem, inputs)},
        cost=cost,
        growth=Growth({"lmax": 0, "channels": channels}),
    )


FROM_MATCH = _proposer(
    "pose_from_match",
    "Pose from one match",
    "one pose of each match, by vectors that describe both of its points",
    _of_match,
    _by_vectors,
    partial(_cost, lambda n: n, lambda n, c: c, lambda n, c: n * (6 * c + 6)),
    reads=("p", "q", "f", "g"),
    papers=("yao2024", "kabsch1976"),
    users=("yao2024",),
    channels=1,
)

FROM_TRIPLES = _proposer(
    "pose_from_triples",
    "Pose from three matches",
    "one pose of every three matches, by their places alone",
    _of_triples,
    _by_triples,
    partial(_cost, lambda n: comb(n, 3), lambda n, c: 4, lambda n, c: 6 * n),
    reads=("p", "q"),
    papers=("fischler1981", "kabsch1976"),
)

FROM_ALL = _proposer(
    "pose_from_all",
    "Pose from all matches",
    "the pose of least squares over all matches, weighed",
    _of_all,
    _by_all,
    partial(_cost, lambda n: 1, lambda n, c: n + 2, lambda n, c: 7 * n),
    reads=("p", "q", "w"),
    papers=("kabsch1976", "horn1987"),
    users=("yao2024",),
)
