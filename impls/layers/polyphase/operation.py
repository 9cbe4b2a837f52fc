r"""Layers that cut an image into patches, and what makes them equivariant under all shifts.

An image [height, width, channels] in patches of p x p pixels, indices modulo height and width:

    patch_embedding        y[h, w] = sum_{u, v} image[p h + u, p w + v] kernel[u, v]
                           [@dosovitskiy2021]
    window_attention       y_i = sum_j softmax_j(q_i . k_j / sqrt(E)) v_j over the pixels j of the
                           patch that i is in, with q, k, v linear in the image [@liu2021]
    subsampled_attention   the same over one key and value for each patch of the image, which are
                           patch embeddings [@chu2021]

with E the size `embed`, one head and no code of positions. Each is equivariant under shifts by
whole patches alone: a shift by one pixel cuts other patches. `polyphase_*` are the same layers of
the image rolled by (-i, -j), where image[i::p, j::p] is its polyphase component of the largest
norm [@ding2023] [@rojasgomez2024]: the component that is chosen moves with the image, so that the
rolled image moves by whole patches, and the layer with it. By how many depends on the image: the
output of one that is shifted by d is shifted by floor(d / p) patches or one more along each axis.
`adaptive_polyphase_sampling`, where this comes from, convolves with stride one and keeps the
component of the largest norm of what comes out [@chaman2021]: p^2 times the work of an
embedding.

**Where this is not true.** Components of the same norm: which of them is chosen depends on where
the image lies. Shifts that fill with zeros change norms, and what is in the patches. And a shift of
tokens is by any number: a layer of even patches after this one is safe only if it is anchored too.
Which component is chosen is a constant to gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from scipy.special import softmax

from impls.families.images import ImageSizes, shifted
from impls.groups import Element
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.spaces import Array, Arrays, Space

Layer = Callable[[int, Array, Arrays], Array]
"""Of the side of a patch, one image [height, width, channels] and weights: [rows, columns, E]."""
CONVOLVED = "kernel"
ATTENTION = 5
"""Operations of a softmax for each weight: largest, difference, exponential, sum, quotient."""


def _largest(patch: int, image: Array) -> tuple[int, int]:
    """Return the polyphase component of the largest norm, the first of several."""
    phases = [(i, j) for i in range(patch) for j in range(patch)]
    return max(phases, key=lambda ij: float(np.linalg.norm(image[ij[0] :: patch, ij[1] :: patch])))


def _embedded(patch: int, image: Array, kernel: Array) -> Array:
    return np.asarray(
        sum(
            np.einsum("hwc,ce->hwe", image[u::patch, v::patch], kernel[u, v])
            for u in range(patch)
            for v in range(patch)
        )
    )


def _attended(q: Array, k: Array, v: Array) -> Array:
    return np.asarray(softmax(q @ k.T / np.sqrt(q.shape[1]), axis=1) @ v)


def embedding(patch: int, image: Array, weights: Arrays) -> Array:
    """Return the embedding of each patch [H / p, W / p, E]."""
    return _embedded(patch, image, weights["kernel"])


def window(patch: int, image: Array, weights: Arrays) -> Array:
    """Return what each pixel reads in its own patch [H, W, E]."""
    height, width, _ = image.shape
    said = np.empty((height, width, weights["q"].shape[1]))
    for top in range(0, height, patch):
        for left in range(0, width, patch):
            place = slice(top, top + patch), slice(left, left + patch)
            pixels = image[place].reshape(patch * patch, -1)
            read = _attended(*(pixels @ weights[name] for name in "qkv"))
            said[place] = read.reshape(patch, patch, -1)
    return said


def subsampled(patch: int, image: Array, weights: Arrays) -> Array:
    """Return what each pixel reads of all patches [H, W, E]."""
    k, v = (_embedded(patch, image, weights[name]) for name in ("kernel_k", "kernel_v"))
    embed = k.shape[2]
    q = image.reshape(-1, image.shape[2]) @ weights["q"]
    read = _attended(q, k.reshape(-1, embed), v.reshape(-1, embed))
    return read.reshape(*image.shape[:2], embed)


def sampled(patch: int, image: Array, weights: Arrays) -> Array:
    """Return the component of the largest norm of the image convolved with stride one."""
    kernel = weights["kernel"]
    whole = sum(
        np.einsum("hwc,ce->hwe", np.roll(image, (-u, -v), (0, 1)), kernel[u, v])
        for u in range(patch)
        for v in range(patch)
    )
    i, j = _largest(patch, np.asarray(whole))
    return np.asarray(whole)[i::patch, j::patch]


def _oracle(layer: Layer, anchored: bool, problem: Problem, x: Arrays, weights: Arrays) -> Arrays:
    patch, said = ImageSizes.of(problem).patch, []
    for image in x["image"]:
        steps = _largest(patch, image) if anchored else (0, 0)
        said.append(layer(patch, np.roll(image, (-steps[0], -steps[1]), (0, 1)), weights))
    return {"y": np.stack(said)}


def pixel_of(problem: Problem, tokens: bool) -> int:
    """Return the side in pixels of what one place of the output stands for."""
    return ImageSizes.of(problem).patch if tokens else 1


def _outputs(tokens: bool, problem: Problem) -> Mapping[str, Space]:
    sizes, side = ImageSizes.of(problem), pixel_of(problem, tokens)
    shape = sizes.batch, sizes.height // side, sizes.width // side, sizes.embed
    return {"y": Space(shape, lambda g, a: shifted(g, a, side), axis="batch")}


def _align(tokens: bool, problem: Problem, g: Element, a: Array, b: Array) -> Iterable[Array]:
    """Yield b with each sample where it is nearest to a, of the places where it may be.

    A shift by d moves what is anchored by the next multiple of p below d, or above.
    """
    patch, side = ImageSizes.of(problem).patch, pixel_of(problem, tokens)
    below = [-(step % patch) if side == 1 else 0 for step in g[:2]]
    apart = patch // side
    steps = [(below[0] + i * apart, below[1] + j * apart) for i in (0, 1) for j in (0, 1)]
    candidates = np.stack([shifted((*step, g[2]), b) for step in steps])
    nearest = np.argmin(np.sum((candidates - a) ** 2, axis=(2, 3, 4)), axis=0)
    yield candidates[nearest, np.arange(len(b))]


def _weights(names: tuple[str, ...], problem: Problem) -> Mapping[str, Space]:
    sizes = ImageSizes.of(problem)
    patch, channels, embed = sizes.patch, sizes.channels, sizes.embed

    def of(name: str) -> Space:
        convolves = name.startswith(CONVOLVED)
        shape = (patch, patch, channels, embed) if convolves else (channels, embed)
        scale = np.sqrt(channels * (patch**2 if convolves else 1))
        return Space(shape, draw=lambda rng: rng.standard_normal(shape) / scale)

    return {name: of(name) for name in names}


def _cost(
    names: tuple[str, ...], chosen: bool, strides: bool, tokens: bool, problem: Problem
) -> Mapping[str, float]:
    """Count multiplications and additions; the image and weights are read, the output written.

    A component is `chosen` of what is convolved, or of the image where the kernel `strides`.
    """
    sizes = ImageSizes.of(problem)
    pixels = sizes.batch * sizes.height * sizes.width
    numbers, patch, embed = pixels * sizes.channels, sizes.patch, sizes.embed
    flops = 0.0
    for name in names:
        once = strides or not name.startswith(CONVOLVED)
        flops += 2 * numbers * embed * (1 if once else patch**2)
    if not tokens:
        keys = patch**2 if "k" in names else sizes.tokens[0] * sizes.tokens[1]
        flops += pixels * keys * (4 * embed + ATTENTION)
    if chosen:
        flops += 2 * (numbers if strides else pixels * embed)
    weights = sum(np.prod(space.shape) for space in _weights(names, problem).values())
    written = pixels // (patch**2 if tokens else 1) * embed
    return {
        "flops": float(flops),
        "bytes": float(numbers + weights + written) * BYTES[problem.dtype],
    }


def _layer(
    name: str,
    title: str,
    summary: str,
    layer: Layer,
    names: tuple[str, ...],
    papers: tuple[str, ...],
    *,
    anchored: bool = False,
    tokens: bool = False,
    moves: bool = False,
    users: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="images",
        summary=summary,
        papers=papers,
        claims=exact("circular_shift", "patch_shift") if moves else exact("patch_shift"),
        outputs=partial(_outputs, tokens),
        oracle=partial(_oracle, layer, anchored),
        cost=partial(_cost, names, moves, anchored or not moves, tokens),
        weights=partial(_weights, names),
        linear_in=(("kernel", 1),) if layer is embedding else (),
        align=partial(_align, tokens) if moves else None,
        users=users,
        growth=Growth({"lmax": 0, "channels": 1}),
    )


KERNEL, QKV, SUBSAMPLED = ("kernel",), ("q", "k", "v"), ("q", "kernel_k", "kernel_v")
ANCHORED = ("ding2023", "rojasgomez2024")

OPERATIONS = (
    _layer(
        "patch_embedding",
        "Patch embedding",
        "one token for each patch of an image, linear in its pixels",
        embedding,
        KERNEL,
        ("dosovitskiy2021",),
        tokens=True,
        users=("dosovitskiy2021",),
    ),
    _layer(
        "polyphase_patch_embedding",
        "Patch embedding, anchored by polyphases",
        "patch embedding of the image rolled to its strongest polyphase component",
        embedding,
        KERNEL,
        ANCHORED,
        anchored=True,
        tokens=True,
        moves=True,
        users=ANCHORED,
    ),
    _layer(
        "adaptive_polyphase_sampling",
        "Adaptive polyphase sampling",
        "a convolution of stride one, and of what comes out the strongest polyphase component",
        sampled,
        KERNEL,
        ("chaman2021",),
        tokens=True,
        moves=True,
        users=("chaman2021",),
    ),
    _layer(
        "window_attention",
        "Window attention",
        "each pixel attends to those of its own patch",
        window,
        QKV,
        ("liu2021",),
        users=("liu2021", "chu2021"),
    ),
    _layer(
        "polyphase_window_attention",
        "Window attention, anchored by polyphases",
        "window attention of the image rolled to its strongest polyphase component",
        window,
        QKV,
        ANCHORED,
        anchored=True,
        moves=True,
        users=ANCHORED,
    ),
    _layer(
        "subsampled_attention",
        "Global subsampled attention",
        "each pixel attends to one key and value for each patch of the image",
        subsampled,
        SUBSAMPLED,
        ("chu2021",),
        users=("chu2021",),
    ),
    _layer(
        "polyphase_subsampled_attention",
        "Global subsampled attention, anchored by polyphases",
        "subsampled attention of the image rolled to its strongest polyphase component",
        subsampled,
        SUBSAMPLED,
        ANCHORED,
        anchored=True,
        moves=True,
        users=ANCHORED,
    ),
)
