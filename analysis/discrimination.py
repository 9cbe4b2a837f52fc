r"""Which inequivalent environments a bilinear map can tell apart.

An environment is a set of neighbours r_j of an atom. It enters as the moments of its density,

    a[n, lm] = sum over j of exp(-8 (|r_j| - n/2)^2) Y_lm(r_j / |r_j|),   n = 1, 2, 3, 4,

of degrees 0..L, which rotate with it and ignore the order of the neighbours. The invariants are the
scalars that `analysis.tower` makes of `order` moments, of body order 1 + order [@drautz2019]; all
scalars of SO(3) count, pseudoscalars included where the irreps have no parity. The distance of two
environments is |f(e) - f(e')| / |f(e)| over all; a rotated and permuted copy is the control.

What is expected follows from the selection rules alone: `expected` evaluates, with Wigner 3j
tensors, the invariant of each sequence of paths that the operation couples, and asks whether any
differs. Random combinations of these then differ too, with probability 1.

A chain needs as many layers of messages, h_i = sum over j of C T(A h_j, B a(r_j - r_i)), as it
takes until an atom hears of both of its ends.

Whole layers are asked too, by `compare_structures`: an environment is then a graph, in which the
neighbours and their atom hear each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.reduced import Evaluate
from analysis.tower import Tower, slices
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irrep
from impls.so3.rotations import random_rotations
from impls.so3.wigner import wigner_3j
from impls.spaces import Array

Labels = tuple[Sequence[Irrep], Sequence[Irrep], Sequence[Irrep]]
Coupled = Collection[tuple[Irrep, Irrep, Irrep]]

CHANNELS = 4
COUNT = 16
DISTINCT = 1e-6
"""Invariants that differ by less, relative to their size, do not tell two environments apart."""
EQUAL = 1e-9
"""Equivalent environments may differ by this much: rounding."""


@dataclass(frozen=True)
class Pair:
    """Two environments [neighbours, 3] that no rotation makes equal, and why they are hard."""

    name: str
    first: Array
    second: Array
    because: str


@dataclass(frozen=True)
class Structure:
    """A graph in space: places r [nodes, 3], and edges from the nodes `src` to `dst` [edges]."""

    r: Array
    src: Array
    dst: Array

    def copy(self, rng: np.random.Generator) -> Structure:
        """Return an equivalent one: turned, its nodes and its edges in another order."""
        order, edges = rng.permutation(len(self.r)), rng.permutation(len(self.src))
        place = np.argsort(order)
        turn = random_rotations(rng, 1)[0]
        return Structure(self.r[order] @ turn.T, place[self.src[edges]], place[self.dst[edges]])


@dataclass(frozen=True)
class Verdict:
    """What was measured of a pair: distances of the two, and of the first from its own copy."""

    pair: str
    order: int
    distance: float
    control: float

    @property
    def distinguishes(self) -> bool:
        """Tell whether the two differ by more than 1e-6."""
        return self.distance > DISTINCT

    @property
    def sound(self) -> bool:
        """Tell whether the control is equal up to rounding (1e-9)."""
        return self.control < EQUAL


@cache
def pairs() -> tuple[Pair, ...]:
    """Return the pairs of environments.

    * chiral_tetrahedron: four neighbours at different distances, and the mirror image.
    * chiral_tetris: four cubes of the game, and the mirror image [@thomas2018].
    * homometric: four neighbours on a circle at the eighths {0, 1, 2, 5} and {0, 1, 3, 4}, which
      have the same six distances [@patterson1944]; so no features of three bodies tell them apart,
      as with the degenerate environments CH4 of [@pozdnyakov2020].
    * degenerate: four neighbours on the unit sphere, two of them exchanged by a half turn about z,
      one as far from the fourth as from its image; with the fourth, and with its image. Distances
      are the same six, and no plane has all: one more of that kind.
    * rotor_n: n neighbours on a circle and one farther out in their plane, in line with one of them
      or between two: moments of degrees below n do not see the n-fold rotor turn [@joshi2023].

    >>> [pair.name for pair in pairs()][:3]
    ['chiral_tetrahedron', 'chiral_tetris', 'homometric']
    """
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    corners = corners * np.array([0.5, 1.0, 1.5, 2.0])[:, None]
    tetris = np.array([[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]], float)
    tetris = tetris - tetris.mean(axis=0)
    mirror = np.array([-1.0, 1.0, 1.0])
    half_turn = np.array([-1.0, -1.0, 1.0])
    one, far = np.array([0.8, 0.0, 0.6]), np.array([-0.48, 0.36, 0.8])
    fourth = np.array([0.48, 0.64, -0.6])
    three = [one, half_turn * one, far]
    degenerate = np.stack([*three, fourth]), np.stack([*three, half_turn * fourth])
    found = [
        Pair("chiral_tetrahedron", corners, corners * mirror, "mirror images"),
        Pair("chiral_tetris", tetris, tetris * mirror, "mirror images"),
        Pair("homometric", _circle([0, 1, 2, 5], 8), _circle([0, 1, 3, 4], 8), "equal distances"),
        Pair("degenerate", degenerate[0], degenerate[1], "equal distances"),
    ]
    for n in (2, 3, 4, 5):
        marker = 2 * _circle([0], 1)
        first, second = (np.concatenate([_circle(np.arange(n) + t, n), marker]) for t in (0, 0.5))
        found.append(Pair(f"rotor_{n}", first, second, f"{n}-fold symmetry"))
    return tuple(found)


def _circle(steps: Sequence[float] | Array, of: int) -> Array:
    angle = 2 * np.pi * np.asarray(steps, float) / of
    return np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)


def moments(environment: Array, labels: Sequence[Irrep]) -> Array:
    """Return a [channels, dim] of an environment [neighbours, 3], for one irrep of each degree.

    >>> moments(pairs()[0].first, (Irrep(0, 1), Irrep(1, -1))).shape
    (4, 4)
    """
    harmonics = spherical_harmonics(max(ir.l for ir in labels), environment, "norm")
    columns = np.concatenate([np.arange(ir.l**2, (ir.l + 1) ** 2) for ir in labels])
    centres = np.arange(1, CHANNELS + 1)[:, None] / 2
    radial = np.exp(-8 * (np.linalg.norm(environment, axis=-1) - centres) ** 2)
    return np.asarray(radial @ harmonics[:, columns])


def compare(
    evaluate: Evaluate, labels: Labels, pair: Pair, order: int, *, seed: int = 0
) -> Verdict:
    """Measure how far apart a bilinear map puts a pair, by invariants of `order` moments.

    `evaluate(X, Y) -> Z` on rows, with one copy of the same irreps in X and Y.

    >>> from analysis.reduced import labels
    >>> dot = lambda x, y: np.sum(x * y, axis=1, keepdims=True)
    >>> found = compare(dot, (labels("1o"), labels("1o"), labels("0e")), pairs()[0], order=2)
    >>> found.distinguishes, found.sound
    (False, True)

    Raises:
        ValueError: for inputs with other irreps, or an order below 1.
    """
    rng = np.random.default_rng([seed, 1])
    turn = random_rotations(rng, 1)[0]
    copy = rng.permutation(pair.first) @ turn.T
    a = np.stack([moments(e, labels[0]) for e in (pair.first, pair.second, copy)])
    scalar = _scalar(labels[0])
    f = Tower(evaluate, labels, COUNT, seed).features(a, order, scalar)[..., 0]
    return Verdict(pair.name, order, distance(f[:, 0], f[:, 1]), distance(f[:, 0], f[:, 2]))


def expected(coupled: Coupled, labels: Labels, pair: Pair, order: int) -> bool:
    """Tell whether any invariant that the coupled triples of irreps can form differs.

    Independent of any implementation: Wigner 3j tensors along every sequence of coupled paths.
    """
    scalar = _scalar(labels[0])
    first, second = (
        _invariants(frozenset(coupled), tuple(labels[0]), moments(e, labels[0]), order, scalar)
        for e in (pair.first, pair.second)
    )
    return distance(first, second) > DISTINCT


def _invariants(
    coupled: frozenset[tuple[Irrep, Irrep, Irrep]],
    inside: tuple[Irrep, ...],
    a: Array,
    order: int,
    scalar: Irrep,
) -> Array:
    """Return the invariant of each sequence of coupled paths and of channels."""
    entering = dict(zip(inside, (a[:, part] for part in slices(inside)), strict=True))
    reached = entering
    for step in range(1, order):
        targets = inside if step < order - 1 else (scalar,)
        grown: dict[Irrep, list[Array]] = {label: [] for label in targets}
        for one, left in reached.items():
            for two, right in entering.items():
                for three in targets:
                    if (one, two, three) in coupled:
                        tensor = wigner_3j(one.l, two.l, three.l)
                        product = np.einsum("ai,bj,ijk->abk", left, right, tensor, optimize=True)
                        grown[three].append(product.reshape(-1, three.dim))
        reached = {
            label: np.concatenate(parts) if parts else np.zeros((0, label.dim))
            for label, parts in grown.items()
        }
    return np.ravel(reached[scalar])


def chain_distance(evaluate: Evaluate, labels: Labels, length: int, layers: int) -> Verdict:
    """Compare two chains after some layers of messages: ends to the same side, or to opposite ones.

    `length` atoms in a line, one unit apart, with one more at each end, bent by 90 degrees. The
    invariants are sum over i of the scalars of T(h_i, h_i); h is a scalar 1 at first.

    Raises:
        ValueError: for length or layers below 1.
    """
    if length < 1 or layers < 1:
        raise ValueError(f"length {length} and layers {layers} must be at least 1")
    same, other = (structure.r for structure in chains(length))
    turn = random_rotations(np.random.default_rng(length), 1)[0]
    f = [_messages(evaluate, labels, r, layers) for r in (same, other, same[::-1] @ turn.T)]
    return Verdict(f"chain_{length}", layers, distance(f[0], f[1]), distance(f[0], f[2]))


def chain_expected(coupled: Coupled, length: int, layers: int) -> bool | None:
    """Tell whether a chain is told apart: from floor(length/2) + 1 layers on [@joshi2023].

    An atom halfway must hear of both ends, so fewer layers never do, nor does a map that makes no
    scalars of two equal degrees. Enough layers do when a vector can start (0, 1, 1), be passed on
    (1, 0, 1) and meet another (1, 1, 0); None where the map lacks one of these.

    >>> scalar = Irrep(0, 1)
    >>> chain_expected([(scalar, scalar, scalar)], length=2, layers=1)
    False
    """
    degrees = {tuple(ir.l for ir in triple) for triple in coupled}
    if layers < length // 2 + 1 or not any(three == 0 for _, _, three in degrees):
        return False
    return True if {(0, 1, 1), (1, 0, 1), (1, 1, 0)} <= degrees else None


def _messages(evaluate: Evaluate, labels: Labels, positions: Array, layers: int) -> Array:
    """Return the invariants [count] of a chain of atoms that are neighbours in the given order."""
    tower = Tower(evaluate, labels, COUNT)
    atoms = len(positions)
    source, target = _along(atoms)
    edges = np.stack(
        [moments((positions[j] - positions[i])[None], labels[0])
         for j, i in zip(source, target, strict=True)]
    )  # fmt: skip
    h = np.zeros((COUNT, atoms, sum(ir.dim for ir in labels[0])))
    h[..., slices(labels[0])[list(labels[0]).index(_scalar(labels[0]))]] = 1.0
    for _ in range(layers):
        sent = tower.back(tower.multiply(h[:, source], tower.enter(edges)))
        h = np.stack([sent[:, target == i].sum(axis=1) for i in range(atoms)], axis=1)
    z = tower.multiply(h, h)
    return np.sum(tower.component(z, _scalar(labels[0])), axis=(1, 2))


def _along(atoms: int) -> tuple[Array, Array]:
    """Return the edges of a chain, both ways: (src, dst)."""
    ends = np.stack([np.arange(atoms - 1), np.arange(1, atoms)])
    return np.concatenate(ends), np.concatenate(ends[::-1])


def chains(length: int) -> tuple[Structure, Structure]:
    """Return two chains, whose ends are bent to the same side, and to opposite ones.

    `length` atoms in a line, one unit apart, with one more at each end, bent by 90 degrees; each
    hears of its two neighbours.

    Raises:
        ValueError: for a length below 1.
    """
    if length < 1:
        raise ValueError(f"length {length} must be at least 1")
    line = np.stack([np.arange(length), np.zeros(length), np.zeros(length)], axis=-1)
    start, stop = np.array([0.0, 1.0, 0.0]), np.array([length - 1.0, 1.0, 0.0])
    same = np.stack([start, *line, stop])
    other = same.copy()
    other[-1, 1] = -1.0
    return Structure(same, *_along(length + 2)), Structure(other, *_along(length + 2))


def star(environment: Array) -> Structure:
    """Return an atom at the origin, the first node, and its neighbours: they hear each other."""
    leaves = np.arange(1, len(environment) + 1)
    centre = np.zeros_like(leaves)
    return Structure(
        np.concatenate([np.zeros((1, 3)), environment]),
        np.concatenate([leaves, centre]),
        np.concatenate([centre, leaves]),
    )


def complete(environment: Array) -> Structure:
    """Return neighbours alone, where each hears all others."""
    src, dst = np.nonzero(~np.eye(len(environment), dtype=bool))
    return Structure(environment, src, dst)


def compare_structures(
    network: Callable[[Structure], Array],
    first: Structure,
    second: Structure,
    name: str,
    layers: int,
) -> Verdict:
    """Measure how far apart a network of `layers` layers puts two structures, and equal ones.

    `network(structure)` returns invariants of it, in an array of any shape.

    >>> sizes = lambda structure: np.array([np.sum(structure.r**2)])
    >>> found = compare_structures(sizes, *chains(2), "chain_2", layers=1)
    >>> found.distinguishes, found.sound
    (False, True)
    """
    copy = first.copy(np.random.default_rng(layers))
    f = [network(structure) for structure in (first, second, copy)]
    return Verdict(name, layers, distance(f[0], f[1]), distance(f[0], f[2]))


def _scalar(labels: Sequence[Irrep]) -> Irrep:
    """Return the label of scalars: 0e, or 0 where irreps have no parity."""
    return Irrep(0, 1 if any(ir.p for ir in labels) else 0)


def distance(first: Array, second: Array) -> float:
    """Return |f - f'| over the larger of both sizes, and 0 where both vanish."""
    size = max(float(np.linalg.norm(first)), float(np.linalg.norm(second)))
    return float(np.linalg.norm(first - second)) / size if size else 0.0
