"""Family `matches`: points of two clouds, matched in pairs: in which pose is one to the other?

p: [batch, matches, 3]            points of the first cloud
q: [batch, matches, 3]            points of the second: q_i is matched with p_i
f: [batch, matches, channels, 3]  vectors that describe p_i, and turn as the first cloud does
g: [batch, matches, channels, 3]  the same of q_i and the second
w: [batch, matches]               how sure each match is, in (0, 1], which no motion changes, and
                                  which is not differentiated: where all is right it says nothing

A pose is a rotation and a translation [R | t], [3, 4], that takes the first cloud to the second:
q = R p + t, g = R f. How many poses are proposed, and of which matches, belongs to an operation.

Each cloud is moved apart from the other, by rotations and translations; inversion inverts both at
once, since a pose is proper; matches are permuted. An element is {"first": [[P, a], [0, 1]],
"second": [[Q, b], [0, 1]], "matches": permutation}, and moves a pose T, as a matrix [4, 4], to
second T first^-1: R to Q R P^T.

Data "outliers:e" draws a pose, true matches with normal errors of NOISE in every component, where
p, f and g are standard normal, and makes the fraction e of the matches wrong, rounded: these have
points and vectors that know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked
from impls.groups import Element, Group, direct_product, euclidean, rotations, symmetric
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes, size
from impls.so3.rotations import random_rotations
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

Data = Literal["outliers:0", "outliers:0.25", "outliers:0.5", "outliers:0.75"]
DATA: tuple[Data, ...] = get_args(Data)
NOISE = 0.01
"""The standard deviation of what a true match is off by, in each component."""
ENDS = "first", "second"


@dataclass(frozen=True)
class MatchesSizes(Sizes):
    """Three matches fix a pose by their points, two vectors of one match a rotation."""

    matches: int = size(least=3)
    channels: int = size(least=2)
    batch: int = size()


def ask(
    matches: int = 16,
    *,
    channels: int = 16,
    batch: int = 100,
    data: Data = "outliers:0.5",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for so many matches."""
    sizes: dict[str, Size] = {"matches": matches, "channels": channels, "batch": batch}
    return Problem("matches", sizes, dtype=dtype, data=data, seed=seed)


def shape_of(problem: Problem) -> tuple[int, int, int]:
    """Return [batch, matches, channels]."""
    sizes = MatchesSizes.of(problem)
    return sizes.batch, sizes.matches, sizes.channels


def _relabelled(g: Element, a: Array) -> Array:
    moved = np.empty_like(a)
    moved[:, g["matches"]] = a
    return moved


def _of_matches(shape: tuple[int, ...], end: str, *, placed: bool) -> Space:
    """Return the Space of points, or of vectors, of one cloud."""

    def turned(g: Element, a: Array) -> Array:
        return _relabelled(g, a @ g[end][:3, :3].T)

    def moved(g: Element, a: Array) -> Array:
        return turned(g, a) + np.asarray(g[end][:3, 3])

    return Space(shape, moved if placed else turned, dual=turned, axis="batch")


def pose_space(
    problem: Problem, poses: int, relabel: Callable[[Element, Array], Array] = lambda g, a: a
) -> Space:
    """Return the Space [batch, poses, 3, 4] of poses [R | t].

    `relabel(g, a)` is what a permutation of matches makes of their order; by default nothing.
    """

    def act(g: Element, a: Array) -> Array:
        second = g["second"]
        moved = second[:3, :3] @ a @ np.linalg.inv(g["first"])
        moved[..., 3] += second[:3, 3]
        return relabel(g, moved)

    def dual(g: Element, a: Array) -> Array:
        return relabel(g, g["second"][:3, :3] @ a @ g["first"].T)

    return Space((shape_of(problem)[0], poses, 3, 4), act, dual=dual, axis="batch")


def match_poses(problem: Problem) -> Space:
    """Return the Space of one pose for each match."""
    return pose_space(problem, shape_of(problem)[1], _relabelled)


def _group(problem: Problem) -> Group:
    moved = euclidean(rotations())
    apart = direct_product(first=moved, second=moved, matches=symmetric(shape_of(problem)[1]))
    both = {end: np.diag([-1.0, -1.0, -1.0, 1.0]) for end in ENDS}

    def inverted(rng: np.random.Generator, n: int) -> list[Element]:
        return [apart.identity | both for _ in range(n)]

    def each(name: str) -> Group:
        """Return the motions of one kind, of each cloud its own."""
        one = moved.subgroups[name]

        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            drawn = [one.sample(rng, n) for _ in ENDS]
            pairs = zip(*drawn, strict=True)
            return [apart.identity | dict(zip(ENDS, pair, strict=True)) for pair in pairs]

        along = {f"{end}.{generator}" for end in ENDS for generator in one.generators}
        generators = {name: apart.generators[name] for name in apart.generators if name in along}
        named = f"{one.name} x {one.name}"
        return replace(apart, name=named, sample=sample, subgroups={}, generators=generators)

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        flips = rng.choice([False, True], size=n)
        pairs = zip(apart.sample(rng, n), inverted(rng, n), flips, strict=True)
        return [apart.mul(g, inverse) if flip else g for g, inverse, flip in pairs]

    inversion = replace(apart, name="Ci", sample=inverted, subgroups={}, generators={})
    return replace(
        apart,
        name=f"(SE(3) x SE(3)) . Ci x S_{shape_of(problem)[1]}",
        sample=sample,
        subgroups={
            "rotation": each("rotation"),
            "inversion": inversion,
            "translation": each("translation"),
            "permutation": apart.subgroups["permutation"],
        },
    )


def _sure(batch: int, matches: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.uniform(0.1, 1.0, (batch, matches))


def _inputs(problem: Problem) -> Mapping[str, Space]:
    batch, matches, channels = shape_of(problem)
    points, vectors = (batch, matches, 3), (batch, matches, channels, 3)
    return {
        "p": _of_matches(points, "first", placed=True),
        "q": _of_matches(points, "second", placed=True),
        "f": _of_matches(vectors, "first", placed=False),
        "g": _of_matches(vectors, "second", placed=False),
        "w": Space(
            (batch, matches), _relabelled, grad=False, draw=_sure(batch, matches), axis="batch"
        ),
    }


def outliers_of(problem: Problem) -> float:
    """Return the fraction of wrong matches that the data name."""
    return float(problem.data.partition(":")[2])


def _draw(problem: Problem, streams: Streams) -> Arrays:
    batch, matches, channels = shape_of(problem)
    rng = streams("pose")
    turn, shift = random_rotations(rng, batch), rng.standard_normal((batch, 1, 3))
    places = rng.permuted(np.tile(np.arange(matches), (batch, 1)), axis=1)
    wrong = (places < round(outliers_of(problem) * matches))[..., None]
    p = streams("p").standard_normal((batch, matches, 3))
    f = streams("f").standard_normal((batch, matches, channels, 3))

    def seen(name: str, true: Array, wrong: Array) -> Array:
        """Return what the second cloud has: with errors, or nothing of what is true."""
        rng = streams(name)
        errors, other = rng.standard_normal((2, *true.shape))
        return np.where(wrong, other, true + NOISE * errors)

    return {
        "p": p + streams("centre").standard_normal((batch, 1, 3)),
        "q": seen("q", p @ turn.swapaxes(1, 2), wrong) + shift,
        "f": f,
        "g": seen("g", f @ turn[:, None].swapaxes(2, 3), wrong[..., None]),
        "w": _sure(batch, matches)(streams("w")),
    }


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    batch, matches, channels = shape_of(problem)
    return {
        "matches": matches,
        "outliers": outliers_of(problem),
        "channels": channels,
        "batch": batch,
    }


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(4, channels=4, batch=6, data="outliers:0", dtype="float64"),
    ask(5, channels=6, batch=6, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return the fewest matches and vectors, one pair of clouds, and sizes that fill no lane."""
    counts = ((3, 2, 1), (3, 2, 33), (11, 33, 2))
    return tuple(
        ask(matches, channels=channels, batch=batch, dtype="float64")
        for matches, channels, batch in counts
    )


FAMILY = Family(
    name="matches",
    title="poses of matched points",
    sizes=MatchesSizes,
    ask=ask,
    check=checked(MatchesSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("matches", "channels", "batch"),
    labels={
        "outliers": "fraction of wrong matches",
        "matches": "matches",
        "channels": "channels",
        "batch": "batch",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
    single=_single,
)
