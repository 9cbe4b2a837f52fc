"""Recurrent layers of frames: states that flow, or frames that flow against them.

`dense` follows the formula. A step reads, for each velocity, the pixels around those from where its
state has come, and one matrix product maps them. In `comoving` states rest: with

    g_t[nu] = psi_(1-t)(nu) . h_t[nu],    g_(t+1)[nu] = silu(psi_(-t)(nu) . (W * u_t) + U * g_t[nu])

it is what is convolved of the frames that flows, against each velocity. All velocities are then
samples of one plain recurrence, whose states are moved at the end, and its windows are cut from
images without an index. A layer without velocities is that recurrence alone, its `dense`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.sequences import SequenceSizes
from impls.groups.flows import moved
from impls.implementation import Built, Tensors
from impls.layers.fernn.operation import (
    KERNEL,
    LIFTED,
    LIFTED_TURNS,
    PLAIN,
    PLAIN_TURNS,
    POOLED,
    POOLED_TURNS,
    Layer,
)
from impls.problem import Problem

TAPS = KERNEL**2


def _origins(layer: Layer, problem: Problem, steps: int) -> np.ndarray:
    """Return from which place [V, H, W, o] of an image each comes in so many frames."""
    height, width, orientations = layer.states(problem)[2:5]
    places = np.arange(height * width * orientations).reshape(height, width, orientations)
    motions = steps * layer.kind.motions(problem, layer.reach(problem))
    return np.stack([np.roll(moved(m, places, (0, 1)), m[2], axis=2) for m in motions])


def _kernels(layer: Layer, problem: Problem, b: Backend) -> Callable[[Tensors], tuple[Any, Any]]:
    """Return a function of weights: matrices [9 channels, o D] and [9 p D, o D]."""
    sizes, count = SequenceSizes.of(problem), layer.kind.orientations
    channels, hidden = sizes.channels, sizes.hidden
    if count == 1:
        return lambda weights: (
            weights["W"].reshape(TAPS * channels, hidden),
            weights["U"].reshape(TAPS * hidden, hidden),
        )
    taps = np.arange(TAPS).reshape(KERNEL, KERNEL)
    turned = np.stack([np.rot90(taps, o).ravel() for o in range(count)], axis=1)
    relative = (np.arange(count)[:, None] - np.arange(count)) % count
    lifts, mixes = b.index(turned.ravel()), b.index((turned[:, None] + TAPS * relative).ravel())

    def kernels(weights: Tensors) -> tuple[Any, Any]:
        lift = b.gather(weights["W"].reshape(TAPS, channels * hidden), lifts)
        lift = lift.reshape(TAPS, count, channels, hidden).swapaxes(1, 2)
        mix = b.gather(weights["U"].reshape(count * TAPS, hidden * hidden), mixes)
        mix = mix.reshape(TAPS, count, count, hidden, hidden).swapaxes(2, 3)
        wide = count * hidden
        return lift.reshape(TAPS * channels, wide), mix.reshape(TAPS * wide, wide)

    return kernels


def _windows(a: Any, b: Backend) -> Any:
    """Return the pixels around each [n H W, 9 m] of images [n, H, W, m] on a torus."""
    _, height, width, numbers = a.shape
    tall = b.concatenate([a[:, -1:], a, a[:, :1]], 1)
    wide = b.concatenate([tall[:, :, -1:], tall, tall[:, :, :1]], 2)
    cut = [wide[:, i : i + height, j : j + width] for i, j in product(range(KERNEL), repeat=2)]
    return b.concatenate(cut, 3).reshape(-1, TAPS * numbers)


def _driven(problem: Problem, b: Backend) -> Callable[[Any, Any], Any]:
    """Return a function of frames and a matrix: W * u_t [batch, frames, H, W, o D]."""
    s = SequenceSizes.of(problem)

    def driven(u: Any, lift: Any) -> Any:
        images = u.reshape(s.batch * s.frames, s.height, s.width, s.channels)
        return (_windows(images, b) @ lift).reshape(s.batch, s.frames, s.height, s.width, -1)

    return driven


def _said(layer: Layer, problem: Problem, b: Backend, h: Any) -> dict[str, Any]:
    """Return the output of states of whatever axes after those of batch and velocities."""
    batch, velocities = layer.states(problem)[:2]
    states = h.reshape(batch, velocities, -1)
    said = b.largest(states, 1) if layer.pooled else states
    return {"h": said.reshape(layer.shape(problem))}


def dense(layer: Layer, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with states that flow, by indices of where their pixels come from."""
    batch, velocities, height, width, orientations, hidden = layer.states(problem)
    kernels, driven = _kernels(layer, problem, b), _driven(problem, b)
    silu, frames = b.activation("silu"), SequenceSizes.of(problem).frames
    places, wide = height * width * orientations, orientations * hidden
    origins = _origins(layer, problem, 1) + places * np.arange(velocities)[:, None, None, None]
    near = product((1, 0, -1), repeat=2)
    around = np.stack([np.roll(origins, steps, (1, 2)) for steps in near], axis=3)
    reads = b.index(around.ravel())

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        lift, mix = kernels(weights)
        drive = driven(inputs["u"], lift).reshape(batch, frames, height * width, wide)
        shape = batch, velocities, height * width, wide
        h = b.broadcast(silu(drive[:, :1]), shape)
        for t in range(1, frames):
            seen = b.take(h.reshape(batch, velocities * places, hidden), reads, 1)
            fed = seen.reshape(-1, TAPS * wide) @ mix
            h = silu(fed.reshape(shape) + drive[:, t : t + 1])
        return _said(layer, problem, b, h)

    return Built(call, layout="NHWC")


def _resting(drives: Sequence[Any], mix: Any, b: Backend) -> Any:
    """Return the last state [n, H, W, m] of a recurrence without motion."""
    silu = b.activation("silu")
    h = silu(drives[0])
    for drive in drives[1:]:
        h = silu((_windows(h, b) @ mix).reshape(drive.shape) + drive)
    return h


def plain(layer: Layer, problem: Problem, b: Backend, options: Options) -> Built:
    """Build a layer whose state is at rest."""
    kernels, driven = _kernels(layer, problem, b), _driven(problem, b)
    frames = SequenceSizes.of(problem).frames

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        lift, mix = kernels(weights)
        drive = driven(inputs["u"], lift)
        h = _resting([drive[:, t] for t in range(frames)], mix, b)
        return _said(layer, problem, b, h)

    return Built(call, layout="NHWC")


def comoving(layer: Layer, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with states at rest, which frames flow against."""
    batch, velocities, height, width, orientations, hidden = layer.states(problem)
    kernels, driven = _kernels(layer, problem, b), _driven(problem, b)
    places, frames = height * width * orientations, SequenceSizes.of(problem).frames
    against = [_origins(layer, problem, -t) + places * t for t in range(frames)]
    ahead = _origins(layer, problem, frames - 1)
    ahead = ahead + places * np.arange(velocities)[:, None, None, None]
    to_rest, to_motion = b.index(np.stack(against).ravel()), b.index(ahead.ravel())
    images = batch * velocities, height, width, orientations * hidden

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        lift, mix = kernels(weights)
        drive = driven(inputs["u"], lift).reshape(batch, frames * places, hidden)
        flows = b.take(drive, to_rest, 1).reshape(batch, frames, -1)
        h = _resting([flows[:, t].reshape(images) for t in range(frames)], mix, b)
        h = b.take(h.reshape(batch, velocities * places, hidden), to_motion, 1)
        return _said(layer, problem, b, h)

    return Built(call, layout="NHWC")


ALGORITHMS = (
    *(
        Algorithm(f"{name}_layer", "dense", title, partial(plain, layer), papers=("keller2025",))
        for name, title, layer in (
            ("grnn", "windows in one product a frame", PLAIN),
            ("grnn_rotation", "windows at all orientations in one product a frame", PLAIN_TURNS),
        )
    ),
    *(
        Algorithm(f"{name}_layer", how, title, partial(build, layer), papers=("keller2025",))
        for how, title, build, layers in (
            (
                "dense",
                "states that flow, read by indices",
                dense,
                {"fernn": LIFTED, "fernn_rotation": LIFTED_TURNS},
            ),
            (
                "comoving",
                "states at rest, which frames flow against",
                comoving,
                {
                    "fernn": LIFTED,
                    "fernn_rotation": LIFTED_TURNS,
                    "fernn_pooled": POOLED,
                    "fernn_rotation_pooled": POOLED_TURNS,
                },
            ),
        )
        for name, layer in layers.items()
    ),
)
