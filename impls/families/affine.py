"""Family `affine`: features of points of the plane, that linear maps and shifts move.

r: [batch, points, 2]          positions, normal with a deviation of 1/2
x: [batch, points, channels]   features, standard normal
g: [batch, elements, 2, 2]     elements of a group at which an answer is wanted
h: [batch, 1024, 2, 2]         elements of it that were drawn, to sum over

Outputs are [batch, points, elements, channels_out]: functions on the points and the group. The
`group` is "sl2", maps that keep areas, or "gl2", all with a positive determinant. Neither g nor h
is differentiated.

A map A takes r to A r and g to A g, and a function at (r, g) to the same at (A r, A g). The samples
h stay where they are, as they do when an image is moved: `linear`; or are moved with the rest,
`linear_with_samples`. `translation` and `permutation` (of points) are the others. A keeps
stretches below 0.1, and g too: what is within `RADIUS` of A g, in the coordinates of
`impls.groups.linear`, is within reach of all samples that are drawn evenly.

Data "haar" draws h from the Haar measure, up to that reach; "lognormal" as published code does,
about the rotations and not evenly. `linear` is then `linear_lognormal`, which nothing claims. Nor
does anything claim that of "gl2", `linear_scaled`: in one dimension more few samples are near one
element, and errors of 1024 of them are still those of chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import Element, Group, direct_product, linear, symmetric
from impls.groups.linear import haar, lognormal
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes, size
from impls.spaces import Array, Space

Data = Literal["haar", "lognormal"]
DATA: tuple[Data, ...] = get_args(Data)
Kind = Literal["sl2", "gl2"]
SAMPLES = 1024
SMALL, RADIUS = 0.1, 3.0
REACH = 2 * SMALL + RADIUS / np.sqrt(2)
"""Stretches add up at most, and so do scales; a coordinate is sqrt 2 times either."""
VARIANCE = 0.2


@dataclass(frozen=True)
class AffineSizes(Sizes):
    """The group, points, the elements at which an answer is wanted, and counts."""

    group: Kind
    points: int = size()
    elements: int = size()
    channels: int = size()
    channels_out: int = size()
    batch: int = size()

    @property
    def scales(self) -> bool:
        """Return whether determinants are any positive numbers."""
        return self.group == "gl2"

    @property
    def dim(self) -> int:
        """Return the dimension of the group."""
        return 4 if self.scales else 3


def ask(
    points: int = 8,
    *,
    group: Kind = "sl2",
    elements: int = 4,
    channels: int = 8,
    channels_out: int | None = None,
    batch: int = 4,
    data: Data = "haar",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for so many points, at so many elements of a group."""
    sizes: dict[str, Size] = {
        "group": group,
        "points": points,
        "elements": elements,
        "channels": channels,
        "channels_out": channels if channels_out is None else channels_out,
        "batch": batch,
    }
    return Problem("affine", sizes, dtype=dtype, data=data, seed=seed)


def _placed(g: Element, a: Array) -> Array:
    """Return points [batch, points, ..] in their new order."""
    moved = np.empty(a.shape)
    moved[:, g["points"]] = a
    return moved


def _positions(sizes: AffineSizes) -> Space:
    shape = sizes.batch, sizes.points, 2

    def act(g: Element, a: Array) -> Array:
        return _placed(g, a @ g["moved"].T + g["shift"])

    def dual(g: Element, a: Array) -> Array:
        return _placed(g, a @ np.linalg.inv(g["moved"]))

    def draw(rng: np.random.Generator) -> Array:
        return rng.standard_normal(shape) / 2

    return Space(shape, act, dual=dual, draw=draw, axis="batch")


def _features(sizes: AffineSizes) -> Space:
    return Space((sizes.batch, sizes.points, sizes.channels), _placed, axis="batch")


def _elements(count: int, name: str, sizes: AffineSizes, drawn: Callable[..., Array]) -> Space:
    shape = sizes.batch, count

    def act(g: Element, a: Array) -> Array:
        return np.asarray(g[name] @ a)

    def draw(rng: np.random.Generator) -> Array:
        return drawn(rng, shape)

    return Space((*shape, 2, 2), act, grad=False, draw=draw, axis="batch")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    sizes = AffineSizes.of(problem)

    def evenly(reach: float) -> Callable[..., Array]:
        scale = reach if sizes.scales else 0.0
        return lambda rng, shape: haar(rng, shape, reach, scale)

    def released(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return lognormal(rng, shape, VARIANCE, sizes.scales)

    samples = released if problem.data == "lognormal" else evenly(REACH)
    return {
        "r": _positions(sizes),
        "x": _features(sizes),
        "g": _elements(sizes.elements, "moved", sizes, evenly(SMALL)),
        "h": _elements(SAMPLES, "samples", sizes, samples),
    }


def function_space(problem: Problem) -> Space:
    """Return the Space [batch, points, elements, channels_out] of functions at (r, g)."""
    sizes = AffineSizes.of(problem)
    shape = sizes.batch, sizes.points, sizes.elements, sizes.channels_out
    return Space(shape, _placed, axis="batch")


def _shifts() -> Group:
    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return list(rng.standard_normal((n, 2)))

    shifting = Group("R^2", np.zeros(2), sample, np.add, np.negative)
    return replace(shifting, subgroups={"translation": shifting})


def _group(problem: Problem) -> Group:
    sizes = AffineSizes.of(problem)
    maps = linear(SMALL, SMALL if sizes.scales else 0.0)
    whole = direct_product(
        moved=maps, shift=_shifts(), samples=maps, points=symmetric(sizes.points)
    )

    def of_maps(*names: str) -> Group:
        """Return the maps as elements that move what is named."""

        def lifted(a: Element) -> Element:
            return {**whole.identity, **dict.fromkeys(names, a)}

        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            return [lifted(a) for a in maps.sample(rng, n)]

        def along(generator: Callable[[float], Element]) -> Callable[[float], Element]:
            return lambda t: lifted(generator(t))

        generators = {name: along(a) for name, a in maps.generators.items()}
        return replace(whole, name=maps.name, sample=sample, generators=generators, subgroups={})

    scaled = "linear_scaled" if sizes.scales else "linear"
    alone = "linear_lognormal" if problem.data == "lognormal" else scaled
    subgroups = {alone: of_maps("moved"), "linear_with_samples": of_maps("moved", "samples")}
    return replace(whole, subgroups={**whole.subgroups, **subgroups})


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes = AffineSizes.of(problem)
    counts = ("channels", "channels_out", "points", "elements", "batch")
    named: dict[str, Scalar] = {name: getattr(sizes, name) for name in counts}
    return {"group": sizes.group, **named, "data": problem.data}


EXAMPLES = (
    ask(2, elements=2, channels=2, channels_out=3, batch=4, dtype="float64"),
    ask(2, group="gl2", elements=1, channels=3, channels_out=2, batch=1, dtype="float64"),
    ask(2, elements=1, channels=1, batch=1, data="lognormal", dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return one of each, and counts that fill no lane."""
    return (
        ask(1, group="gl2", elements=1, channels=1, batch=1, dtype="float64"),
        ask(5, elements=3, channels=7, channels_out=5, batch=3, dtype="float64"),
    )


FAMILY = Family(
    name="affine",
    title="convolutions on groups of linear maps of the plane",
    sizes=AffineSizes,
    ask=ask,
    check=checked(AffineSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("channels", "channels_out", "points", "elements", "batch"),
    labels={
        "group": "group",
        "sl2": "SL(2)",
        "gl2": "GL+(2)",
        "points": "points",
        "elements": "elements",
        "channels": "channels",
        "channels_out": "channels out",
        "batch": "batch",
        "data": "samples",
        "haar": "from the Haar measure",
        "lognormal": "log-normal",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
)
