"""Layers of patches: pixels gathered, or cut, and matrix products.

The roll is one gather of pixels, by indices that the norms of the components give. Window attention
takes the patches as samples of batched products, subsampled attention the images.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.images import ImageSizes
from impls.implementation import Built, Tensors
from impls.problem import Problem

Core = Callable[[Any, Tensors], Any]
"""Of an image [batch, height, width, channels] and weights: [batch, rows, columns, embed]."""


def _strongest(sizes: ImageSizes, b: Backend) -> Callable[[Any], tuple[Any, Any]]:
    """Return a function of a [batch, height, width, n]: (i, j) [batch], its largest component."""
    (rows, columns), patch = sizes.tokens, sizes.patch

    def strongest(a: Any) -> tuple[Any, Any]:
        cut = a.reshape(sizes.batch, rows, patch, columns, patch, a.shape[3])
        phase = b.energy(cut, (1, 3, 5)).reshape(sizes.batch, patch * patch).argmax(1)
        return phase // patch, phase % patch

    return strongest


def _rolled(sizes: ImageSizes, b: Backend, every: int) -> Callable[[Any, Any, Any], Any]:
    """Return a function of (a, i, j): every so many pixels, (i, j) of each sample first."""
    samples = b.index(np.arange(sizes.batch)[:, None, None] * sizes.height)
    rows = b.index(np.arange(0, sizes.height, every))
    columns = b.index(np.arange(0, sizes.width, every))

    def rolled(a: Any, i: Any, j: Any) -> Any:
        row = (rows + i[:, None]) % sizes.height
        column = (columns + j[:, None]) % sizes.width
        place = (samples + row[:, :, None]) * sizes.width + column[:, None, :]
        pixels = b.gather(a.reshape(-1, a.shape[3]), place.reshape(-1))
        return pixels.reshape(*place.shape, a.shape[3])

    return rolled


def _patches(sizes: ImageSizes) -> Callable[[Any], Any]:
    """Return a function of an image: its patches [batch rows columns, p, p, channels]."""
    (rows, columns), patch = sizes.tokens, sizes.patch

    def patches(image: Any) -> Any:
        cut = image.reshape(sizes.batch, rows, patch, columns, patch, sizes.channels)
        return cut.swapaxes(2, 3).reshape(-1, patch * patch * sizes.channels)

    return patches


def _attend(b: Backend, q: Any, k: Any, v: Any) -> Any:
    """Return [n, i, embed] of q [n, i, embed] and k, v [n, j, embed]."""
    scores = b.bmm(q, k.swapaxes(1, 2)) / float(np.sqrt(q.shape[2]))
    return b.bmm(b.softmax(scores), v)


def embedding(sizes: ImageSizes, b: Backend) -> Core:
    """Return the patch embedding: one matrix product."""
    patches = _patches(sizes)

    def call(image: Any, weights: Tensors) -> Any:
        said = patches(image) @ weights["kernel"].reshape(-1, sizes.embed)
        return said.reshape(sizes.batch, *sizes.tokens, sizes.embed)

    return call


def window(sizes: ImageSizes, b: Backend) -> Core:
    """Return attention within patches: one product for q, k and v, and batched ones."""
    patches, patch, embed = _patches(sizes), sizes.patch, sizes.embed

    def call(image: Any, weights: Tensors) -> Any:
        pixels = patches(image).reshape(-1, sizes.channels)
        qkv = pixels @ b.concatenate([weights[name] for name in "qkv"], 1)
        q, k, v = b.split(qkv.reshape(-1, patch * patch, 3 * embed), [embed] * 3, 2)
        said = _attend(b, q, k, v)
        said = said.reshape(sizes.batch, *sizes.tokens, patch, patch, embed).swapaxes(2, 3)
        return said.reshape(sizes.batch, sizes.height, sizes.width, embed)

    return call


def subsampled(sizes: ImageSizes, b: Backend) -> Core:
    """Return attention of pixels to patches: one product for k and v, and batched ones."""
    patches, embed = _patches(sizes), sizes.embed

    def call(image: Any, weights: Tensors) -> Any:
        kernels = [weights[name].reshape(-1, embed) for name in ("kernel_k", "kernel_v")]
        kv = patches(image) @ b.concatenate(kernels, 1)
        k, v = b.split(kv.reshape(sizes.batch, -1, 2 * embed), [embed] * 2, 2)
        q = image.reshape(-1, sizes.channels) @ weights["q"]
        said = _attend(b, q.reshape(sizes.batch, -1, embed), k, v)
        return said.reshape(sizes.batch, sizes.height, sizes.width, embed)

    return call


def plain(core: Callable[[ImageSizes, Backend], Core], p: Problem, b: Backend, o: Options) -> Built:
    """Build a layer of the image as it lies."""
    call = core(ImageSizes.of(p), b)
    return Built(lambda inputs, weights: {"y": call(inputs["image"], weights)}, layout="NHWC")


def anchored(
    core: Callable[[ImageSizes, Backend], Core], p: Problem, b: Backend, o: Options
) -> Built:
    """Build a layer of the image rolled to its strongest component."""
    sizes = ImageSizes.of(p)
    call, strongest, rolled = core(sizes, b), _strongest(sizes, b), _rolled(sizes, b, 1)

    def anchor(inputs: Tensors, weights: Tensors) -> Tensors:
        image = inputs["image"]
        return {"y": call(rolled(image, *strongest(image)), weights)}

    return Built(anchor, layout="NHWC")


def sampled(p: Problem, b: Backend, o: Options) -> Built:
    """Build adaptive polyphase sampling: patches at every pixel, one product, some of its rows."""
    sizes = ImageSizes.of(p)
    strongest, rolled = _strongest(sizes, b), _rolled(sizes, b, sizes.patch)
    side = np.arange(sizes.patch)
    row = (np.arange(sizes.height)[:, None] + side) % sizes.height
    column = (np.arange(sizes.width)[:, None] + side) % sizes.width
    reads = b.index((row[:, None, :, None] * sizes.width + column[None, :, None, :]).ravel())

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        pixels = inputs["image"].reshape(sizes.batch, -1, sizes.channels)
        around = b.take(pixels, reads, 1).reshape(-1, sizes.patch**2 * sizes.channels)
        whole = (around @ weights["kernel"].reshape(-1, sizes.embed)).reshape(
            sizes.batch, sizes.height, sizes.width, sizes.embed
        )
        return {"y": rolled(whole, *strongest(whole))}

    return Built(call, layout="NHWC")


ALGORITHMS = (
    *(
        Algorithm(f"{prefix}{name}", "dense", f"{what}{how}", partial(build, core), papers=papers)
        for name, how, core, papers in (
            ("patch_embedding", "patches in one product", embedding, ("dosovitskiy2021",)),
            ("window_attention", "patches as samples", window, ("liu2021",)),
            ("subsampled_attention", "images as samples", subsampled, ("chu2021",)),
        )
        for prefix, what, build in (("", "", plain), ("polyphase_", "a gather, then ", anchored))
    ),
    Algorithm(
        "adaptive_polyphase_sampling",
        "dense",
        "patches at every pixel in one product",
        sampled,
        papers=("chaman2021",),
    ),
)
