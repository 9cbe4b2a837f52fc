r"""A layer that knows no irreps, added as one file: patch embedding with polyphase anchoring.

Family `image`: image [batch, channels, height, width]; a group element (dy, dx, wraps) shifts it
by whole pixels. Circular shifts are the group Z_H x Z_W. Shifts that fill with zeros are measured
too, as most images are shifted in this way; they lose pixels, so they are no group and are never
claimed.

Operation `my_patch_embedding`: of the patch x patch polyphase components
image[:, :, i::patch, j::patch], take the one of largest norm, roll the image so that it comes
first, and embed the patches by a strided convolution with `kernel`:

    tokens[b, h, w, e] = sum_{c, u, v} kernel[e, c, u, v] image[b, c, i + p h + u, j + p w + v]

with indices modulo height and width [@chaman2021], in vision transformers known as polyphase
anchoring [@ding2023] and adaptive tokenization [@rojasgomez2024]. A circular shift of the image
shifts the tokens by a number of tokens that depends on the image: `align` has the four
possibilities. The gradient is that of the chosen component. Ties of the norm have probability zero;
data "dominant" keeps far from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from impls.family import Family
from impls.groups import Element, Group
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.operation import Operation, exact
from impls.problem import Problem, Refusal, Scalar
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

SIZES = ("height", "width", "channels", "batch", "patch", "embed")


def problem(
    size: int,
    *,
    patch: int = 4,
    channels: int = 3,
    embed: int = 32,
    batch: int = 16,
    dtype: str = "float32",
    data: str = "normal",
) -> Problem:
    """Return the embedding of square images."""
    values = (size, size, channels, batch, patch, embed)
    return Problem("image", dict(zip(SIZES, values, strict=True)), dtype, data)


def sizes_of(asked: Problem) -> tuple[int, ...]:
    """Return the sizes in the order of SIZES."""
    return tuple(int(str(asked.sizes[name])) for name in SIZES)


# ---- the family: what goes in, and what moves it -------------------------------------------------


def shifted(a: Array, shift: tuple[int, int], axes: tuple[int, int], wraps: bool) -> Array:
    """Return `a` moved along two axes, wrapped around or filled with zeros."""
    moved = np.roll(a, shift, axes)
    if not wraps:
        for step, axis in zip(shift, axes, strict=True):
            lost = [slice(None)] * a.ndim
            lost[axis] = slice(0, step) if step >= 0 else slice(step, None)
            moved[tuple(lost)] = 0.0
    return moved


def _group(asked: Problem) -> Group:
    height, width, _, _, patch, _ = sizes_of(asked)
    name = f"Z_{height} x Z_{width}"

    def circular(rng: np.random.Generator, n: int) -> list[Element]:
        return [(int(rng.integers(height)), int(rng.integers(width)), True) for _ in range(n)]

    def zero_fill(rng: np.random.Generator, n: int) -> list[Element]:
        return [(*map(int, rng.integers(1, patch + 1, 2)), False) for _ in range(n)]

    def mul(g: Element, h: Element) -> Element:
        return (g[0] + h[0], g[1] + h[1], g[2] and h[2])

    def inv(g: Element) -> Element:
        return (-g[0], -g[1], g[2])

    def shifts(name: str, sample: Any, **subgroups: Group) -> Group:
        return Group(name, (0, 0, True), sample, mul, inv, subgroups)

    return shifts(
        name,
        circular,
        circular_shift=shifts(name, circular),
        zero_fill_shift=shifts("shifts that lose pixels", zero_fill),
    )


def _image_space(asked: Problem) -> Space:
    height, width, channels, batch, patch, _ = sizes_of(asked)
    shape = (batch, channels, height, width)

    def draw(rng: np.random.Generator) -> Array:
        image = rng.standard_normal(shape)
        if asked.data == "dominant":
            for sample, (i, j) in zip(image, rng.integers(patch, size=(batch, 2)), strict=True):
                sample[:, i::patch, j::patch] *= 2.0
        return image

    def act(g: Element, a: Array) -> Array:
        return shifted(a, g[:2], (2, 3), g[2])

    return Space(shape, act, draw=draw, axis="batch")


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {"image": _image_space(asked)}


def _draw(asked: Problem, streams: Streams) -> Arrays:
    return {"image": _image_space(asked).sample(streams("image"))}


def _check(asked: Problem) -> Refusal | None:
    if set(asked.sizes) != set(SIZES):
        return Refusal(f"sizes of family image are {', '.join(SIZES)}")
    if min(sizes_of(asked)) < 1:
        return Refusal("sizes of family image must be positive")
    height, width, _, _, patch, _ = sizes_of(asked)
    if height % patch or width % patch:
        return Refusal(f"{height} x {width} pixels cannot be cut into patches of {patch} x {patch}")
    if asked.data not in ("normal", "dominant"):
        return Refusal(f"unknown data {asked.data!r}", "family image draws 'normal' or 'dominant'")
    return None


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    return {"data": asked.data, **dict(zip(SIZES, sizes_of(asked), strict=True))}


EXAMPLES = tuple(
    problem(12, patch=patch, channels=2, embed=5, batch=3, dtype="float64", data="dominant")
    for patch in (3, 4)
)

FAMILY = Family(
    name="image",
    check=_check,
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    ask=problem,
    examples=EXAMPLES,
    data=("normal", "dominant"),
    batch="batch",
)


# ---- the operation: what comes out ---------------------------------------------------------------


def _outputs(asked: Problem) -> Mapping[str, Space]:
    height, width, _, batch, patch, embed = sizes_of(asked)

    def act(g: Element, a: Array) -> Array:
        return shifted(a, (g[0] // patch, g[1] // patch), (1, 2), g[2])

    return {"tokens": Space((batch, height // patch, width // patch, embed), act, axis="batch")}


def _align(asked: Problem, g: Element, a: Array, b: Array) -> Iterable[Array]:
    """Yield b with each sample moved on by 0 or 1 token along each axis, whichever is nearest a."""
    steps = [(dy, dx) for dy in (0, 1) for dx in (0, 1)]
    candidates = np.stack([shifted(b, step, (1, 2), g[2]) for step in steps])
    nearest = np.argmin(np.sum((candidates - a) ** 2, axis=(2, 3, 4)), axis=0)
    yield candidates[nearest, np.arange(len(b))]


def _weights(asked: Problem) -> Mapping[str, Space]:
    _, _, channels, _, patch, embed = sizes_of(asked)
    return {"kernel": Space((embed, channels, patch, patch))}


def _oracle(asked: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    patch, tokens = sizes_of(asked)[4], []
    for image in inputs["image"]:
        phases = [(i, j) for i in range(patch) for j in range(patch)]
        i, j = max(phases, key=lambda ij: np.linalg.norm(image[:, ij[0] :: patch, ij[1] :: patch]))
        anchored = np.roll(image, (-i, -j), (1, 2))
        token = sum(
            np.einsum("ec,chw->hwe", weights["kernel"][:, :, u, v], anchored[:, u::patch, v::patch])
            for u, v in phases
        )
        tokens.append(token)
    return {"tokens": np.stack(tokens)}


def _cost(asked: Problem) -> Mapping[str, float]:
    height, width, channels, batch, patch, embed = sizes_of(asked)
    pixels, tokens = batch * channels * height * width, batch * height * width // patch**2
    numbers = pixels + embed * channels * patch**2 + tokens * embed
    width_of = {"float64": 8, "float32": 4, "bfloat16": 2}[asked.dtype]
    return {"flops": 2.0 * pixels * (embed + 1), "bytes": float(numbers * width_of)}


OPERATION = Operation(
    name="my_patch_embedding",
    family="image",
    summary="patch embedding of the image rolled to its strongest polyphase component",
    papers=("chaman2021", "ding2023", "rojasgomez2024"),
    claims=exact("circular_shift"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    weights=_weights,
    linear_in=(("kernel", 1),),
    align=_align,
    users=("ding2023", "rojasgomez2024"),
    growth=Growth({"channels": 1}),
)


# ---- two implementations -------------------------------------------------------------------------


def _build_torch(asked: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import torch
    from torch.nn.functional import conv2d

    height, width, channels, batch, patch, _ = sizes_of(asked)
    cut = (batch, channels, height // patch, patch, width // patch, patch)
    samples = torch.arange(batch, device=target.device)[:, None, None]
    rows = torch.arange(height, device=target.device)
    columns = torch.arange(width, device=target.device)
    at_least_float32 = torch.promote_types(getattr(torch, asked.dtype), torch.float32)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        image = inputs["image"]
        energy = image.detach().reshape(cut).square().sum((1, 2, 4), dtype=at_least_float32)
        phase = energy.reshape(batch, -1).argmax(1)
        row = (rows + (phase // patch)[:, None]) % height
        column = (columns + (phase % patch)[:, None]) % width
        anchored = image.transpose(0, 1)[:, samples, row[:, :, None], column[:, None, :]]
        tokens = conv2d(anchored.transpose(0, 1), weights["kernel"], stride=patch)
        return {"tokens": tokens.permute(0, 2, 3, 1).contiguous()}

    return Built(call, layout="NCHW", kernel="gather, strided convolution")


def _build_jax(asked: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import jax
    import jax.numpy as jnp

    height, width, channels, _, patch, _ = sizes_of(asked)
    cut = (channels, height // patch, patch, width // patch, patch)

    def anchor(image: Any) -> Any:
        at_least_float32 = jnp.promote_types(image.dtype, jnp.float32)
        energy = jnp.sum(image.reshape(cut) ** 2, (0, 1, 3), dtype=at_least_float32)
        i, j = jnp.divmod(jnp.argmax(energy), patch)
        return jnp.roll(image, (-i, -j), (1, 2)).reshape(cut)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        patches = jax.vmap(anchor)(inputs["image"])
        return {"tokens": jnp.einsum("bchuwv,ecuv->bhwe", patches, weights["kernel"])}

    return Built(call, layout="NCHW", kernel="roll, einsum")


TORCH = Implementation("my_patch_embedding", "torch_gather", "torch", _build_torch)
JAX = Implementation("my_patch_embedding", "jax_roll", "jax", _build_jax)
