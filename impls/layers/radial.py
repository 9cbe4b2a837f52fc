r"""Radial functions: weights of an edge as learned functions of its length.

    R(r) = W_n phi(.. phi(W_1 B(r))),
    B_k(r) = sqrt(2 / r_c) sin(k pi r / r_c) / r  f(r / r_c),   k = 1 .. basis

with phi = silu between the layers, no bias, and the polynomial envelope [@gasteiger2020]

    f(x) = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2)   for x < 1,   0 beyond,

which goes to zero at the cutoff with its first two derivatives. The waves vanish there too, and R
has no bias: it goes to zero with three derivatives, and an edge comes into sight without a jump in
a layer, its gradient or the gradient of that. The frequencies are fixed. Lengths are in the units
of the graph: Å, or spacings of a lattice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.implementation import Tensors
from impls.inputs.named import cutoff_of
from impls.pointwise.activations import activate
from impls.problem import Problem
from impls.spaces import Array, Arrays, Space

SILU = 0.3557
"""The mean of silu(a)^2 for standard normal a."""


@dataclass(frozen=True)
class Radial:
    """What a layer's radial functions are: how many, of what basis, by what network.

    `outputs` functions of `basis` Bessel functions with an envelope of order `p`, by a network with
    layers of `hidden` neurons; none is a linear map of the basis.
    """

    outputs: int
    p: int = 6
    basis: int = 8
    hidden: tuple[int, ...] = (64, 64)

    @property
    def widths(self) -> tuple[int, ...]:
        """Return the numbers of neurons, those of the basis and of the outputs included."""
        return (self.basis, *self.hidden, self.outputs)

    @property
    def flops(self) -> int:
        """Return the operations of one edge: the products with weights, and ten a nonlinearity."""
        products = sum(2 * rows * columns for rows, columns in pairwise(self.widths))
        return products + 10 * (self.basis + sum(self.hidden))

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        return sum(rows * columns for rows, columns in pairwise(self.widths))

    def weights(self) -> Mapping[str, Space]:
        """Return the Spaces of W_1, W_2 ..: R1 [basis, hidden], R2 .. to [hidden, outputs].

        They are drawn so that R is of the order of one well inside the cutoff, where the sum of
        the squares of the basis is.
        """
        found = {}
        for n, shape in enumerate(pairwise(self.widths), start=1):
            found[f"R{n}"] = matrix(shape, 1.0 if n == 1 else shape[0] * SILU)
        return found


def matrix(shape: tuple[int, ...], summed: float) -> Space:
    """Return the Space of weights whose products are sums of so many terms.

    They are normal with variance 1 / `summed`: what factors a system has before a sum, as
    1 / sqrt(channels), belong to how weights are drawn.
    """
    return Space(shape, draw=lambda rng: rng.standard_normal(shape) / summed**0.5)


def envelope(x: Array, p: int) -> Array:
    """Return f(x), of the shape of x, in float64."""
    inside = 1 - (p + 1) * (p + 2) / 2 * x**p + p * (p + 2) * x ** (p + 1)
    return np.where(x < 1, inside - p * (p + 1) / 2 * x ** (p + 2), 0.0)


def bessel(r: Array, cutoff: float, count: int) -> Array:
    """Return sqrt(2 / r_c) sin(k pi r / r_c) / r [..., count] of lengths r [...], in float64."""
    k = np.arange(1, count + 1)
    waves = np.sin(k * np.pi * r[..., None] / cutoff)
    return np.asarray(np.sqrt(2 / cutoff) * waves / r[..., None])


def lengths_of(inputs: Arrays) -> Array:
    """Return |v| [edges] of the vectors v [edges, 3]."""
    return np.asarray(np.linalg.norm(inputs["v"], axis=-1))


def oracle(radial: Radial, problem: Problem, inputs: Arrays, weights: Arrays) -> Array:
    """Return R(|v|) [edges, outputs] in float64."""
    r, cutoff = lengths_of(inputs), cutoff_of(problem)
    found = bessel(r, cutoff, radial.basis) * envelope(r / cutoff, radial.p)[..., None]
    for n in range(len(radial.hidden)):
        found = activate("silu", found @ weights[f"R{n + 1}"])
    return np.asarray(found @ weights[f"R{len(radial.hidden) + 1}"])


class Envelope:
    """The envelope of an order in any framework.

    It is (1 - x)^3 times the first p terms of the power series of (1 - x)^-3, which loses no digits
    near the cutoff.
    """

    def __init__(self, p: int, b: Backend) -> None:
        """Make the terms (k+1)(k+2)/2, k = 0 .. p-1."""
        self.terms, self.b = [(k + 1) * (k + 2) / 2 for k in range(p)], b

    def __call__(self, x: Any) -> Any:
        """Return f(x), of the shape of x >= 0."""
        series = self.terms[-1]
        for term in reversed(self.terms[:-1]):
            series = series * x + term
        rest = 1 - x
        return rest * rest * rest * series * self.b.is_negative(-rest)


class RadialNetwork:
    """The radial functions of a layer in any framework."""

    def __init__(self, radial: Radial, problem: Problem, b: Backend) -> None:
        """Make the frequencies."""
        self.b, self.cutoff, self.layers = b, cutoff_of(problem), len(radial.hidden) + 1
        self.frequencies = b.table(np.pi * np.arange(1, radial.basis + 1))
        self.envelope, self.silu = Envelope(radial.p, b), b.activation("silu")

    def __call__(self, r: Any, weights: Tensors) -> Any:
        """Return R(r) [edges, outputs] of lengths r [edges, 1]."""
        x = r / self.cutoff
        scale = (2 / self.cutoff) ** 0.5 / self.cutoff
        found = self.b.sin(x * self.frequencies) * (self.envelope(x) / x * scale)
        for n in range(1, self.layers):
            found = self.silu(found @ weights[f"R{n}"])
        return found @ weights[f"R{self.layers}"]


def lengths(v: Any) -> Any:
    """Return |v| [edges, 1] of vectors v [edges, 3] other than zero, in any framework."""
    return (v * v).sum(-1)[:, None] ** 0.5
