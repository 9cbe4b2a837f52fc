r"""A lift to SL(2) or GL+(2) and a convolution there, by samples of the group [@mironenco2024].

Features x_i of points r_i of the plane are lifted to functions of points and elements h of the
group, and these convolved, with h_1 .. h_G drawn (`samples` of those of the problem):

    F_i(h) = silu(1/N sum_j m(h^-1 (r_j - r_i)) x_j k(h^-1 (r_j - r_i)))
    y_i(g) = 1/(N G) sum_(j, n) m(v) q(xi) F_j(h_n) K(v, xi / pi),
             v = g^-1 (r_j - r_i),  xi = xi^-1(g^-1 h_n)

with the coordinates xi^-1(g) = vee(log P + log R) of the polar decomposition g = P R
(`impls.groups.linear`), which are there for every element, where exp has no inverse. k and K are
networks of sines (`siren`) for each pair of channels; m(v) = exp(-2 |v|^2) takes the place of the
mask of a grid, and q(xi) = max(0, 1 - |xi|^2 / 9)^2 is that on the group. xi is (a, b, d), and in
GL+(2) it has c beside them.

For maps A, the same maps of r, g and h leave y as it is: what the kernel sees does not change.
Samples do not move with an image. Then y is the mean over samples of a function on the group, as
good as these integrate it: the Haar measure is the one that A leaves, and what a sum over samples
of another converges to is not equivariant. The error falls as 1 / sqrt(G).

**Against the published layers.** Those sum over the pixels of a grid, as an integral over the
plane: with a determinant other than one they divide by it, the lift by that of h^-1 and the
convolution by that of the sample it sums over (the code divides by that at which it is evaluated).
Points that carry features have no area, and A does not change their number: no determinant.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.affine import RADIUS, AffineSizes, function_space
from impls.groups.linear import coordinates
from impls.growth import Growth
from impls.layers.affine_convolution.siren import HIDDEN, Siren, oracle
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Scalar
from impls.spaces import Array, Arrays, Space

NARROW = 2.0
"""m(v) = exp(-NARROW |v|^2)."""


def _counts(problem: Problem) -> tuple[Scalar, ...]:
    return 64, 256, 1024


SAMPLES = Knob("samples", lambda problem: 64, _counts)


def kernels_of(sizes: AffineSizes) -> tuple[Siren, Siren]:
    """Return the kernels k of the lift and K of the convolution."""
    c = sizes.channels
    return Siren("k", 2, c, c), Siren("K", 2 + sizes.dim, c, sizes.channels_out)


def _near(v: Array) -> Array:
    return np.exp(-NARROW * (v**2).sum(axis=-1))


def _seen(g: Array, r: Array) -> Array:
    """Return g^-1 (r_j - r_i) [batch, n, i, j, 2] of elements g [batch, n, 2, 2]."""
    apart = r[:, None] - r[:, :, None]
    return np.einsum("bnxy,bijy->bnijx", np.linalg.inv(g), apart)


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    sizes, count = AffineSizes.of(problem), int(SAMPLES.of(problem))
    lift, convolution = kernels_of(sizes)
    h, g, points = inputs["h"][:, :count], inputs["g"], sizes.points
    v = _seen(h, inputs["r"])
    sines = oracle(lift, v, weights) * _near(v)[..., None]
    lifted = np.einsum("bnijf,bjc,fcd->bnid", sines, inputs["x"], weights["k_W3"], optimize=True)
    f = activate("silu", lifted / points)
    v = _seen(g, inputs["r"])
    xi = coordinates(np.linalg.inv(g)[:, :, None] @ h[:, None])[..., : sizes.dim]
    within = np.maximum(0, 1 - (xi**2).sum(axis=-1) / RADIUS**2) ** 2
    y = np.empty(function_space(problem).shape)
    for e in range(sizes.elements):
        shape = sizes.batch, count, points, points
        both = (v[:, e, None], xi[:, e, :, None, None] / np.pi)
        u = np.concatenate([np.broadcast_to(a, (*shape, a.shape[-1])) for a in both], axis=-1)
        sines = oracle(convolution, u, weights) * _near(v[:, e])[:, None, ..., None]
        y[:, :, e] = np.einsum(
            "bnijf,bn,bnjc,fcd->bid", sines, within[:, e], f, weights["K_W3"], optimize=True
        )
    return {"y": y / (points * count)}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"y": function_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    lift, convolution = kernels_of(AffineSizes.of(problem))
    return {**lift.weights(), **convolution.weights()}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count sines for pairs of points, their sums over features, and then the last maps."""
    sizes, count = AffineSizes.of(problem), int(SAMPLES.of(problem))
    lift, convolution = kernels_of(sizes)
    places, c = sizes.batch * sizes.points, sizes.channels
    lifted = count * (sizes.points * (lift.flops + 2 * HIDDEN * c) + 2 * HIDDEN * c * c)
    pairs = count * sizes.points * (convolution.flops + 2 * HIDDEN * c)
    summed = sizes.elements * (pairs + 2 * HIDDEN * c * sizes.channels_out)
    moved = places * (2 + c + sizes.elements * sizes.channels_out)
    moved += 4 * sizes.batch * (sizes.elements + count)
    moved += sum(int(np.prod(space.shape)) for space in _weights(problem).values())
    return {
        "flops": float(places * (lifted + summed)),
        "bytes": float(moved * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="affine_convolution",
    title="Convolution on SL(2) and GL+(2)",
    family="affine",
    summary="a lift of points to a group of linear maps, and a convolution over samples of it",
    papers=("mironenco2024", "sitzmann2020"),
    claims=(
        SymmetryClaim("linear", "by_knob", "samples"),
        *exact("linear_with_samples", "translation", "permutation"),
    ),
    knobs=(SAMPLES,),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    weights=_weights,
    users=("mironenco2024",),
    growth=Growth({"lmax": 0, "channels": 2}),
)
