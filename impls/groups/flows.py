"""Motions of the frames of a sequence on a torus: shifts and quarter turns, at rest or in flow.

An element is an array of integers [frames, 3], a motion (dy, dx, quarters) for each frame: its
image is turned counterclockwise by so many quarters about the middle of the torus, and then shifted
around it by so many pixels. A *flow* of velocity v moves frame t by t v, so that the first one is
at rest [@keller2025].
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from impls.groups.group import Element, Group

Draw = Callable[[np.random.Generator, int], np.ndarray]

FASTEST = 2
"""Of flows that are drawn: pixels along each axis, from a frame to the next."""
_QUARTER = np.array([[0, -1], [1, 0]])
_TURNS = np.stack([np.linalg.matrix_power(_QUARTER, quarters) for quarters in range(4)])


def turned(quarters: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return steps (dy, dx) [.., 2] turned by quarters [..], as turned images are shifted.

    >>> turned(np.array(1), np.array([1, 0])).tolist()
    [0, 1]
    """
    return np.asarray(np.einsum("...ij,...j->...i", _TURNS[quarters % 4], steps))


def moved(motion: np.ndarray, images: np.ndarray, axes: tuple[int, int]) -> np.ndarray:
    """Return images whose rows and columns are these axes, moved by one motion [3].

    >>> moved(np.array([0, 1, 1]), np.array([[1, 2], [3, 4]]), (0, 1)).tolist()
    [[4, 2], [3, 1]]
    """
    dy, dx, quarters = (int(step) for step in motion)
    return np.roll(np.rot90(images, quarters, axes), (dy, dx), axes)


def flows(height: int, width: int, frames: int) -> Group:
    """Return the motions of sequences, each frame by its own; four subgroups are named.

    All frames move alike in `circular_shift` and `quarter_turn`; `shift_flow` and `turn_flow` are
    the flows of these. Turns are there where a torus is square. Flows that are drawn have a
    velocity other than zero, of at most FASTEST pixels along each axis.

    >>> sorted(flows(4, 4, 3).subgroups), sorted(flows(4, 5, 3).subgroups)[0]
    (['circular_shift', 'quarter_turn', 'shift_flow', 'turn_flow'], 'circular_shift')
    >>> flows(4, 4, 3).subgroups["turn_flow"].sample(np.random.default_rng(0), 1)[0][:, 2].tolist()
    [0, 3, 2]
    """
    square = height == width
    orders = np.array([height, width, 4 if square else 1])
    at_rest, in_time = np.ones((frames, 1), int), np.arange(frames)[:, None]
    identity = np.zeros((frames, 3), int)

    def mul(g: Element, h: Element) -> Element:
        steps = g[:, :2] + turned(g[:, 2], h[:, :2])
        return np.column_stack([steps, g[:, 2] + h[:, 2]]) % orders

    def inv(g: Element) -> Element:
        return np.column_stack([-turned(-g[:, 2], g[:, :2]), -g[:, 2]]) % orders

    def each(rng: np.random.Generator, n: int) -> list[Element]:
        return list(rng.integers(orders, size=(n, frames, 3)))

    def steps(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.integers((height, width, 1), size=(n, 3))

    def velocities(rng: np.random.Generator, n: int) -> np.ndarray:
        pixels = range(-FASTEST, FASTEST + 1)
        every = np.array([(*v, 0) for v in product(pixels, repeat=2) if any(v)])
        return every[rng.integers(len(every), size=n)]

    def turns(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.integers(1, 4, size=(n, 1)) * np.array([0, 0, 1])

    def along(name: str, time: np.ndarray, draw: Draw) -> Group:
        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            return [time * motion % orders for motion in draw(rng, n)]

        return Group(name, identity, sample, mul, inv)

    torus = f"Z_{height} x Z_{width}"
    subgroups = {
        "circular_shift": along(torus, at_rest, steps),
        "shift_flow": along(torus, in_time, velocities),
    }
    if square:
        subgroups["quarter_turn"] = along("C_4", at_rest, turns)
        subgroups["turn_flow"] = along("C_4", in_time, turns)
    name = f"({torus} : C_4)^{frames}" if square else f"({torus})^{frames}"
    return Group(name, identity, each, mul, inv, subgroups)
