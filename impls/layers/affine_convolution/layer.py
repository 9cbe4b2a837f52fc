"""Convolution on a group of linear maps: its kernels stored, or sines summed over features first.

Coordinates of an element M = g^-1 h of the group are in closed form: with

    u = (M_00 + M_11) / 2,  w = (M_10 - M_01) / 2,  p = (M_00 - M_11) / 2,  q = (M_01 + M_10) / 2,

rho = |(u, w)| and sigma = |(p, q)| are exp(t) cosh s and exp(t) sinh s, and (u, w) has the angle of
R, by which (p, q) is turned from the direction of the stretch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.affine import RADIUS, AffineSizes
from impls.implementation import Built, Target, Tensors
from impls.layers.affine_convolution.operation import NARROW, SAMPLES, kernels_of
from impls.layers.affine_convolution.siren import FREQUENCY, HIDDEN, Siren
from impls.problem import Problem, Refusal

ROOT = float(np.sqrt(2))
TINY = 1e-30
"""Added to what is zero where there is no stretch: nothing of it is left there."""
Summed = Callable[[Siren, Any, Any, Any], Any]
"""Of a kernel, last sines [n, places, terms, hidden], features [n, 1, terms, in] and W3: the sum
over terms [n, places, out]."""


def _inverse(g: Any) -> tuple[Any, Any, Any, Any]:
    """Return the entries of g^-1, row by row, each of the shape of g without its last axes."""
    a, b, c, d = g[..., 0, 0], g[..., 0, 1], g[..., 1, 0], g[..., 1, 1]
    determinant = a * d - b * c
    return d / determinant, -b / determinant, -c / determinant, a / determinant


def _coordinates(b: Backend, g: Any, h: Any) -> list[Any]:
    """Return a, b, d and c [batch, elements, samples] of g^-1 h."""
    i = [entry[:, :, None] for entry in _inverse(g)]
    n = [h[:, None, :, row, column] for row in (0, 1) for column in (0, 1)]
    m00, m01 = i[0] * n[0] + i[1] * n[2], i[0] * n[1] + i[1] * n[3]
    m10, m11 = i[2] * n[0] + i[3] * n[2], i[2] * n[1] + i[3] * n[3]
    u, w, p, q = (m00 + m11) / 2, (m10 - m01) / 2, (m00 - m11) / 2, (m01 + m10) / 2
    rho, sigma = (u * u + w * w) ** 0.5, (p * p + q * q) ** 0.5
    most, least = (rho + sigma) ** 2, (rho - sigma) ** 2
    slope = b.log(most / least) / (2 * ROOT * rho * (sigma + TINY))
    scale = b.log(most * least) / (2 * ROOT)
    return [(p * u - q * w) * slope, (q * u + p * w) * slope, b.arctan2(w, u) * ROOT, scale]


def _seen(g: Any, apart: Any) -> tuple[Any, Any]:
    """Return g^-1 (r_j - r_i), both components [batch, n, i, j]."""
    a, b, c, d = (entry[:, :, None, None] for entry in _inverse(g))
    x, y = apart[:, None, ..., 0], apart[:, None, ..., 1]
    return a * x + b * y, c * x + d * y


def _stored(siren: Siren, sines: Any, features: Any, w3: Any) -> Any:
    """Sum with the kernel of all terms."""
    kernel = sines @ w3.reshape(HIDDEN, -1)
    matrices = kernel.reshape(*sines.shape[:2], -1, siren.channels_out)
    flat = features.reshape(features.shape[0], features.shape[1], 1, -1)
    return (flat @ matrices)[:, :, 0]


def _first(siren: Siren, sines: Any, features: Any, w3: Any) -> Any:
    """Sum sines times features, and then apply the last map."""
    met = sines.swapaxes(2, 3) @ features
    whole = met.reshape(*sines.shape[:2], -1) @ w3.reshape(-1, siren.channels_out)
    return whole


class Sines:
    """The last sines of a kernel in any framework."""

    def __init__(self, siren: Siren, b: Backend) -> None:
        """Take a kernel."""
        self.siren, self.b = siren, b

    def first(self, parts: list[Any], start: int, weights: Tensors) -> Any:
        """Return what coordinates from number `start` on add to the first sums [..., hidden]."""
        rows = weights[f"{self.siren.name}_W1"]
        return sum(part[..., None] * rows[start + n] for n, part in enumerate(parts))

    def last(self, sums: Any, weights: Tensors) -> Any:
        """Return the last sines of first sums."""
        name, sin = self.siren.name, self.b.sin
        hidden = sin((sums + weights[f"{name}_b1"]) * FREQUENCY)
        return sin((hidden @ weights[f"{name}_W2"] + weights[f"{name}_b2"]) * FREQUENCY)


def build(summed: Summed, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the lift and the convolution with one way to sum over terms."""
    sizes, count = AffineSizes.of(problem), int(SAMPLES.of(problem))
    batch, points, elements = sizes.batch, sizes.points, sizes.elements
    lift, convolution = kernels_of(sizes)
    of_lift, of_group, silu = Sines(lift, b), Sines(convolution, b), b.activation("silu")

    def near(v: tuple[Any, Any]) -> Any:
        return b.exp((v[0] * v[0] + v[1] * v[1]) * -NARROW)

    def lifted(apart: Any, x: Any, h: Any, weights: Tensors) -> Any:
        """Return F [batch, samples, points, channels]."""
        v = _seen(h, apart)
        sines = of_lift.last(of_lift.first(list(v), 0, weights), weights) * near(v)[..., None]
        terms = sines.reshape(batch, count * points, points, HIDDEN)
        said = summed(lift, terms, x[:, None], weights["k_W3"]) / points
        return silu(said).reshape(batch, count, points, sizes.channels)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        r, g, h = inputs["r"], inputs["g"], inputs["h"][:, :count]
        apart = r[:, None] - r[:, :, None]
        f = lifted(apart, inputs["x"], h, weights)
        v, xi = _seen(g, apart), _coordinates(b, g, h)[: sizes.dim]
        left = 1 - sum(one * one for one in xi) / RADIUS**2
        within = left * left * b.is_negative(-left)
        of_points = of_group.first(list(v), 0, weights)[:, :, :, None]
        of_samples = of_group.first([one / np.pi for one in xi], 2, weights)[:, :, None, :, None]
        sines = of_group.last(of_points + of_samples, weights)
        sines = sines * (near(v)[:, :, :, None] * within[:, :, None, :, None])[..., None]
        terms = sines.reshape(batch, elements * points, count * points, HIDDEN)
        features = f.reshape(batch, 1, count * points, sizes.channels)
        y = summed(convolution, terms, features, weights["K_W3"]) / (points * count)
        return {"y": y.reshape(batch, elements, points, -1).swapaxes(1, 2)}

    return Built(call)


def _digits(problem: Problem, target: Target) -> Refusal | None:
    """Refuse a precision in which ten times a coordinate has no digit left for a sine."""
    if problem.dtype == "bfloat16":
        return Refusal("sines of waves this fast are lost in bfloat16", "use float32")
    return None


def stored(problem: Problem, b: Backend, options: Options) -> Built:
    """Build with the kernels of all pairs."""
    return build(_stored, problem, b, options)


def features_first(problem: Problem, b: Backend, options: Options) -> Built:
    """Build with sines summed over features before the last maps."""
    return build(_first, problem, b, options)


ALGORITHMS = (
    Algorithm(
        "affine_convolution",
        "kernels",
        "kernels of all pairs, as the published layers have them",
        stored,
        supports=_digits,
        papers=("mironenco2024",),
        baseline=True,
    ),
    Algorithm(
        "affine_convolution",
        "features",
        "sines summed with features, and then mapped",
        features_first,
        supports=_digits,
        papers=("mironenco2024",),
    ),
)
