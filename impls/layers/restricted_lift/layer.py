"""Lifts as matrix products: moments first, or the whole kernel.

Both algorithms of the restricted lift have a block of w for each order, from real moments to
coefficients, gathered with their signs:

    (z_+, z_-) += [[u, v], [-v, u]]^T (p, q)    for w = u + i v and a moment p + i q

`moments` makes moments of the image, on the polar grid ring by ring with the waves that all rings
share, and multiplies them with these blocks. `dense` multiplies the waves with the blocks, to a
kernel of points and coefficients, and then the image. The orthographic lift looks through its
points, or has them contracted to one matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.disk import DiskSizes, points_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.layers.restricted_lift.operation import COVERAGE, NSIDE, TAPER, WIDTH, terms, visible
from impls.problem import Problem
from impls.so3.harmonics import degrees_and_orders, legendre, trigonometric


@dataclass(frozen=True)
class Block:
    """One order: which entries of w, with which signs, stand [columns, rows] in its block."""

    columns: int
    rows: int
    entries: np.ndarray
    signs: np.ndarray
    places: list[int]


def _blocks(lmax: int, spin: int) -> list[Block]:
    """Return the block of each order; its places are those of its rows among coefficients."""
    place = {term: t for t, term in enumerate(terms(lmax, spin))}
    found = []
    for order in range(lmax + 1):
        columns = [(source, q) for source in range(2 if spin and order else 1)
                   for q in range(2 if spin or order else 1)]  # fmt: skip
        rows = [(degree, sign) for degree in range(order, lmax + 1)
                for sign in ((1, -1) if order else (1,))]  # fmt: skip
        entries, signs = np.zeros((2, len(columns), len(rows)))
        for i, (source, q) in enumerate(columns):
            for o, (degree, sign) in enumerate(rows):
                part = q if sign > 0 else 1 - q
                entries[i, o] = place[degree, order, source, part]
                signs[i, o] = -1 if sign > 0 and q else 1
        places = [degree * (degree + 1) + sign * order for degree, sign in rows]
        found.append(
            Block(len(columns), len(rows), entries.ravel().astype(int), signs.ravel(), places)
        )
    return found


def _waves(sizes: DiskSizes, angle: np.ndarray) -> np.ndarray:
    """Return what the moments of all orders are made of [components, points, columns]."""
    found = []
    for order in range(sizes.lmax + 1):
        for source in range(2 if sizes.spin and order else 1):
            k = sizes.spin + (order if source else -order)
            cosine, sine = np.cos(k * angle), np.sin(k * angle)
            both = np.array([[cosine, -sine], [sine, cosine]])  # [components, (p, q), points]
            both[:, 1] *= -1 if source else 1
            found.append(both[: sizes.components, : 2 if sizes.spin or order else 1])
    return np.concatenate(found, axis=1).swapaxes(1, 2)


def _of_rings(sizes: DiskSizes, problem: Problem) -> np.ndarray:
    """Return b_j(|p|) a_p exp(..) [components, points, rings, columns]."""
    places, areas = points_of(problem)
    radius, angle = np.hypot(places[:, 0], places[:, 1]), np.arctan2(places[:, 1], places[:, 0])
    apart = np.abs(sizes.rings * radius[:, None] - np.arange(1, sizes.rings + 1))
    rings = np.clip(1 - apart, 0, None) * areas[:, None]
    return rings[:, :, None] * _waves(sizes, angle)[:, :, None]


class Mixing:
    """Blocks of w in any framework."""

    def __init__(self, sizes: DiskSizes, b: Backend) -> None:
        """Take sizes, and hold where the entries of blocks are."""
        self.sizes, self.b = sizes, b
        self.blocks = _blocks(sizes.lmax, sizes.spin)
        self.entries = b.index(np.concatenate([block.entries for block in self.blocks]))
        self.signs = b.table(np.concatenate([block.signs for block in self.blocks]))
        order = np.argsort(np.concatenate([block.places for block in self.blocks]))
        self.order = b.index(order)
        self.columns = [block.columns for block in self.blocks]

    def of(self, w: Any) -> list[Any]:
        """Return the blocks [rings, channels, columns, channels_out, rows] of each order."""
        sizes = self.sizes
        shape = sizes.rings, sizes.channels, sizes.channels_out
        every = self.b.take(w, self.entries) * self.signs
        parts = self.b.split(every, [block.columns * block.rows for block in self.blocks], 3)
        return [
            part.reshape(*shape, block.columns, block.rows).swapaxes(2, 3)
            for part, block in zip(parts, self.blocks, strict=True)
        ]

    def sorted(self, parts: list[Any]) -> Any:
        """Return coefficients [..., (lmax+1)^2] in canonical order, of those order by order."""
        return self.b.take(self.b.concatenate(parts, len(parts[0].shape) - 1), self.order)


def moments(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the restricted lift by moments of the image."""
    sizes, mixing = DiskSizes.of(problem), Mixing(DiskSizes.of(problem), b)
    count = sum(mixing.columns)
    if sizes.side:
        waves = b.table(_of_rings(sizes, problem).reshape(-1, sizes.rings * count))
    else:
        angle = 2 * np.pi * np.arange(sizes.angles) / sizes.angles
        waves = b.table(_waves(sizes, angle).reshape(-1, count))
        areas = b.table(points_of(problem)[1][:: sizes.angles, None, None])

    def of_image(x: Any) -> Any:
        """Return [batch, rings, channels, columns]."""
        if sizes.side:
            found = x.reshape(sizes.batch, sizes.channels, -1) @ waves
            split = found.reshape(sizes.batch, sizes.channels, sizes.rings, count)
            return split.swapaxes(1, 2)
        lines = x.reshape(sizes.batch, -1, sizes.rings, sizes.angles).swapaxes(1, 2)
        return lines.reshape(sizes.batch, sizes.rings, sizes.channels, -1) @ waves * areas

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        parts = b.split(of_image(inputs["x"]), mixing.columns, 3)
        said = []
        for part, block, w in zip(parts, mixing.blocks, mixing.of(weights["w"]), strict=True):
            flat = part.reshape(sizes.batch, -1) @ w.reshape(-1, sizes.channels_out * block.rows)
            said.append(flat.reshape(sizes.batch, sizes.channels_out, block.rows))
        return {"z": mixing.sorted(said)}

    return Built(call)


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the restricted lift by its kernel of points and coefficients."""
    sizes, mixing = DiskSizes.of(problem), Mixing(DiskSizes.of(problem), b)
    places = sizes.components * sizes.points
    every = _of_rings(sizes, problem)
    ends = np.cumsum(mixing.columns)[:-1]
    waves = [b.table(part.reshape(places, -1)) for part in np.split(every, ends, axis=3)]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        said = []
        for wave, block, w in zip(waves, mixing.blocks, mixing.of(weights["w"]), strict=True):
            pairs = sizes.channels * sizes.channels_out * block.rows
            part = wave @ w.swapaxes(1, 2).reshape(-1, pairs)
            said.append(part.reshape(places, sizes.channels, sizes.channels_out, block.rows))
        whole = mixing.sorted(said).swapaxes(0, 1)
        image = inputs["x"].reshape(sizes.batch, -1)
        z = image @ whole.reshape(sizes.channels * places, -1)
        return {"z": z.reshape(sizes.batch, sizes.channels_out, -1)}

    return Built(call)


def _projection(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return what points of the sphere see [points, S], and what they say [S, (lmax+1)^2]."""
    sphere, (places, areas) = visible(int(NSIDE.of(problem))), points_of(problem)
    lmax, azimuth = DiskSizes.of(problem).lmax, np.arctan2(sphere[:, 0], sphere[:, 2])
    below = COVERAGE * sphere[:, [2, 0]]
    apart = (places**2).sum(1)[:, None] + (below**2).sum(1) - 2 * places @ below.T
    looks = areas[:, None] * np.exp(-apart / (2 * WIDTH**2))
    share = np.minimum(1, (np.pi / 2 - np.arccos(sphere[:, 1])) / np.radians(90 - TAPER))
    degree, order = degrees_and_orders(lmax)
    polar, around = legendre(lmax, sphere[:, 1]), trigonometric(lmax, azimuth)
    said = polar[:, degree, np.abs(order)] * around[:, lmax + order]
    return looks * (share / looks.sum(0)), said * np.sqrt(4 * np.pi / len(sphere))


def looking(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the orthographic lift through its points."""
    sizes, (looks, harmonics) = DiskSizes.of(problem), _projection(problem)
    down, up = b.table(looks), b.table(harmonics)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        seen = inputs["x"].reshape(sizes.batch, sizes.channels, -1) @ down
        mixed = weights["W"].swapaxes(0, 1) @ seen
        return {"z": mixed @ up}

    return Built(call)


def contracted(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the orthographic lift by one matrix from points to coefficients."""
    sizes, (looks, harmonics) = DiskSizes.of(problem), _projection(problem)
    whole = b.table(looks @ harmonics)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        expanded = inputs["x"].reshape(sizes.batch, sizes.channels, -1) @ whole
        return {"z": weights["W"].swapaxes(0, 1) @ expanded}

    return Built(call)


def pooled(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the pooled lift."""
    sizes, areas = DiskSizes.of(problem), points_of(problem)[1]
    share = b.table(areas / areas.sum())

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        mean = inputs["x"].reshape(sizes.batch, sizes.channels, -1) @ share
        z = mean @ weights["W"].reshape(sizes.channels, -1)
        return {"z": z.reshape(sizes.batch, sizes.channels_out, -1)}

    return Built(call)


ALGORITHMS = (
    Algorithm(
        "restricted_lift",
        "moments",
        "moments of the image, and a product for each order",
        moments,
        papers=("howell2023",),
        baseline=True,
    ),
    Algorithm(
        "restricted_lift",
        "dense",
        "the kernel at all points, and one product",
        kernel,
        papers=("howell2023",),
        growth=Growth({"lmax": 3, "channels": 2}, "angles in proportion to L"),
    ),
    Algorithm(
        "orthographic_lift",
        "points",
        "seen from points of the sphere, and expanded",
        looking,
        papers=("klee2023",),
        growth=Growth({"lmax": 2, "channels": 2}, "angles in proportion to L"),
        baseline=True,
    ),
    Algorithm(
        "orthographic_lift",
        "dense",
        "one matrix from the image to harmonics",
        contracted,
        papers=("klee2023",),
    ),
    Algorithm(
        "pooled_lift",
        "dense",
        "the mean, and one product",
        pooled,
        papers=("klee2023",),
        baseline=True,
    ),
)
