"""Family `images`: images on a torus, which shifts by whole pixels move.

image: [batch, height, width, channels]

The sizes are `height`, `width`, `channels`, `batch`; `patch`, the side of the squares that an
image is cut into; and `embed`, the numbers that a layer says of a patch or of a pixel. An element
(dy, dx, wraps) shifts the image by so many pixels. The group is that of circular shifts, Z_H x Z_W,
with the shifts by whole patches in it. Shifts that fill with zeros are measured too, as most images
are shifted in this way; they lose pixels, so they are no group, and nothing claims them.

The polyphase components of an image are image[:, i::patch, j::patch], 0 <= i, j < patch. Data
"dominant" draws standard normal images with one random component doubled, so that its norm is
far the largest, "normal" without. Of data "ties" each entry is +1 or -1, so that all components
have the same norm; what chooses the largest can then keep no circular shift, which is measured
under another name, `tied_shift`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import Element, Group
from impls.problem import Problem, Scalar
from impls.sizes import BadSize, Sizes, size
from impls.spaces import Array, Space

Data = Literal["dominant", "normal", "ties"]
DATA: tuple[Data, ...] = get_args(Data)


@dataclass(frozen=True)
class ImageSizes(Sizes):
    """Pixels, numbers of a pixel and of what is said of it, and the side of a patch."""

    height: int = size()
    width: int = size()
    patch: int = size()
    channels: int = size()
    embed: int = size()
    batch: int = size()

    def __post_init__(self) -> None:
        """Refuse images that cannot be cut into whole patches."""
        for name in ("height", "width"):
            if getattr(self, name) % self.patch:
                raise BadSize(
                    f"{name}={getattr(self, name)} is no multiple of patch={self.patch}",
                    f"use {name}={-(-getattr(self, name) // self.patch) * self.patch}",
                )

    @property
    def tokens(self) -> tuple[int, int]:
        """Return the numbers of patches along both axes."""
        return self.height // self.patch, self.width // self.patch


def ask(
    height: int = 32,
    width: int | None = None,
    *,
    patch: int = 4,
    channels: int = 16,
    embed: int = 32,
    batch: int = 16,
    data: Data = "dominant",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for images of so many pixels; square ones without `width`."""
    values = height, height if width is None else width, patch, channels, embed, batch
    sizes = dict(zip(ImageSizes.names(), values, strict=True))
    return Problem("images", sizes, dtype=dtype, data=data, seed=seed)


def shifted(g: Element, a: Array, patch: int = 1) -> Array:
    """Return a [batch, rows, columns, ..] shifted along both axes, by whole patches, rounded down.

    It is wrapped around, or filled with zeros.
    """
    *steps, wraps = g
    steps = [step // patch for step in steps]
    moved = np.roll(a, steps, (1, 2))
    if not wraps:
        for axis, step in enumerate(steps, 1):
            lost = [slice(None)] * a.ndim
            lost[axis] = slice(0, step) if step >= 0 else slice(step, None)
            moved[tuple(lost)] = 0.0
    return moved


def _group(problem: Problem) -> Group:
    sizes = ImageSizes.of(problem)
    height, width, patch = sizes.height, sizes.width, sizes.patch

    def circular(rng: np.random.Generator, n: int) -> list[Element]:
        return [(int(rng.integers(height)), int(rng.integers(width)), True) for _ in range(n)]

    def patches(rng: np.random.Generator, n: int) -> list[Element]:
        return [(patch * (y // patch), patch * (x // patch), True) for y, x, _ in circular(rng, n)]

    def zero_fill(rng: np.random.Generator, n: int) -> list[Element]:
        return [(*map(int, rng.integers(1, patch + 1, 2)), False) for _ in range(n)]

    def mul(g: Element, h: Element) -> Element:
        return (g[0] + h[0]) % height, (g[1] + h[1]) % width, g[2] and h[2]

    def inv(g: Element) -> Element:
        return -g[0] % height, -g[1] % width, g[2]

    identity = 0, 0, True
    name = f"Z_{height} x Z_{width}"
    own = "tied_shift" if problem.data == "ties" else "circular_shift"
    subgroups = {
        own: Group(name, identity, circular, mul, inv),
        "patch_shift": Group(f"{name}, by {patch}", identity, patches, mul, inv),
        "zero_fill_shift": Group("shifts that lose pixels", identity, zero_fill, mul, inv),
    }
    return Group(name, identity, circular, mul, inv, subgroups)


def image_space(problem: Problem) -> Space:
    """Return the Space [batch, height, width, channels] of images."""
    sizes = ImageSizes.of(problem)
    shape = (sizes.batch, sizes.height, sizes.width, sizes.channels)

    def draw(rng: np.random.Generator) -> Array:
        if problem.data == "ties":
            return rng.choice([-1.0, 1.0], shape)
        image = rng.standard_normal(shape)
        if problem.data == "dominant":
            phases = rng.integers(sizes.patch, size=(sizes.batch, 2))
            for sample, (i, j) in zip(image, phases, strict=True):
                sample[i :: sizes.patch, j :: sizes.patch] *= 2.0
        return image

    return Space(shape, shifted, draw=draw, axis="batch")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"image": image_space(problem)}


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    sizes = ImageSizes.of(problem)
    facets: dict[str, Scalar] = {name: getattr(sizes, name) for name in ImageSizes.names()}
    return facets if problem.data == "dominant" else {"data": problem.data, **facets}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(12, 8, patch=4, channels=2, embed=5, batch=3, dtype="float64"),
    ask(9, patch=3, channels=3, embed=2, batch=3, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return one patch, patches of one pixel, and sizes that fill no lane."""
    return (
        ask(4, patch=4, channels=1, embed=1, batch=1, dtype="float64"),
        ask(5, 3, patch=1, channels=3, embed=4, batch=33, dtype="float64"),
        ask(14, 7, patch=7, channels=3, embed=1, batch=2, dtype="float64"),
    )


FAMILY = Family(
    name="images",
    title="layers of images under shifts",
    sizes=ImageSizes,
    ask=ask,
    check=checked(ImageSizes, DATA),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("height", "width", "patch", "channels", "embed", "batch"),
    labels={
        "height": "height",
        "width": "width",
        "patch": "side of a patch",
        "channels": "channels",
        "embed": "numbers of a token",
        "batch": "batch",
        "data": "data",
        "normal": "components of similar norms",
        "ties": "components of the same norm",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
    single=_single,
)
