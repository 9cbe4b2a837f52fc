"""Family `sequences`: sequences of images on a torus, which move as a whole or flow.

u: [batch, frames, height, width, channels]  images, standard normal

The sizes are `height`, `width`, `frames`, `channels`, `batch`, and `hidden`, the numbers of a pixel
of a state. The group is that of motions of the frames, each by its own: shifts around the torus
and, where it is square, quarter turns about its middle (`impls.groups.flows`). Named are motions
that all frames have in common, `circular_shift` and `quarter_turn`, and flows, which move frame t
by t times a velocity: `shift_flow` and `turn_flow`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import Element, Group
from impls.groups.flows import flows, moved
from impls.problem import Problem, Scalar
from impls.sizes import Sizes, size
from impls.spaces import Array, Space


@dataclass(frozen=True)
class SequenceSizes(Sizes):
    """Two frames at least: one has no velocity."""

    height: int = size()
    width: int = size()
    frames: int = size(least=2)
    channels: int = size()
    hidden: int = size()
    batch: int = size()


def ask(
    height: int = 16,
    width: int | None = None,
    *,
    frames: int = 8,
    channels: int = 4,
    hidden: int = 16,
    batch: int = 4,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for images of so many pixels; square ones without `width`."""
    values = height, height if width is None else width, frames, channels, hidden, batch
    sizes = dict(zip(SequenceSizes.names(), values, strict=True))
    return Problem("sequences", sizes, dtype=dtype, seed=seed)


def _group(problem: Problem) -> Group:
    sizes = SequenceSizes.of(problem)
    return flows(sizes.height, sizes.width, sizes.frames)


def frame_space(problem: Problem) -> Space:
    """Return the Space [batch, frames, height, width, channels] of the frames."""
    sizes = SequenceSizes.of(problem)
    shape = (sizes.batch, sizes.frames, sizes.height, sizes.width, sizes.channels)

    def act(g: Element, a: Array) -> Array:
        return np.stack([moved(motion, a[:, t], (1, 2)) for t, motion in enumerate(g)], axis=1)

    return Space(shape, act, axis="batch")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"u": frame_space(problem)}


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes = SequenceSizes.of(problem)
    return {name: getattr(sizes, name) for name in SequenceSizes.names()}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(4, frames=3, channels=1, hidden=2, batch=2, dtype="float64"),
    ask(3, 5, frames=3, channels=2, hidden=2, batch=3, dtype="float64"),
    ask(6, frames=4, channels=3, hidden=4, batch=2, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return a torus of one pixel, kernels that meet themselves, and sizes that fill no lane."""
    return (
        ask(1, frames=2, channels=1, hidden=1, batch=1, dtype="float64"),
        ask(2, 1, frames=3, channels=1, hidden=3, batch=33, dtype="float64"),
        ask(7, 5, frames=5, channels=3, hidden=7, batch=2, dtype="float64"),
    )


FAMILY = Family(
    name="sequences",
    title="layers of sequences of images under flows",
    sizes=SequenceSizes,
    ask=ask,
    check=checked(SequenceSizes),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("height", "width", "frames", "channels", "hidden", "batch"),
    labels={
        "height": "height",
        "width": "width",
        "frames": "frames",
        "channels": "channels",
        "hidden": "numbers of a state",
        "batch": "batch",
    },
    examples=EXAMPLES,
    hard=_hard(),
    batch="batch",
    single=_single,
)
