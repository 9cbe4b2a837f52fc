r"""Lifts from an image to functions on the sphere, and what a turn of the image allows them.

An image is looked at along the polar axis: a turn of it is a rotation about that axis, and nothing
is known of others. A lift has to commute with SO(2), the restriction of rotations to these turns
[@howell2023]. With harmonics of real functions written as complex numbers, Z_l^n = z_(l,n) +
i z_(l,-n) for n > 0 and z_(l,0), a turn by t multiplies Z_l^n by exp(i n t). A field of spin m on
the disc, c = x_1 + i x_2, or x_1 alone for m = 0, has the moments

    c_k^j = sum_p a_p b_j(|p|) exp(-i k phi_p) c(p),    b_j(r) = max(0, 1 - |rings r - j|),

with the areas a_p of points, which a turn multiplies by exp(i (m - k) t):

    restricted_lift    Z_l^n = sum_j w c_(m-n)^j + w' conj(c_(m+n)^j),

w and w' complex for each l, n, j and pair of channels; the second term only for m, n > 0, since the
first says the same of a scalar; and of Z_l^0 the real part, w real for m = 0. These are all linear
maps that commute with SO(2): by Frobenius reciprocity a wave meets a degree l in 1 map where its
order is 0, in 2 where it is 1 .. l, and in none above, as in the convolutions of eSCN. On the
polar grid b_j is 1 on ring j and 0 on others; on pixels the sum over p is no more than a quadrature
of an integral, which keeps quarter turns alone.

    orthographic_lift  z_l = sum_s Y_l(u_s) / sqrt(S) t_s sum_p g_sp (x W)(p)      [@klee2023]
    pooled_lift        z_l = mean_p x W_l                                          [@klee2023]

The first takes the kernel for a point: the S points u_s of a HEALPix grid with 12 `nside`^2 on the
visible hemisphere look at their orthographic projections q_s = 0.9 (u_z, u_x) in the disc, through
Gaussians g_sp of width 0.2, whose sum over points with their areas is 1, tapered by t_s, which
falls from 1 at 75 degrees from the pole to 0 at 90; Y in component normalisation. Its grid keeps
quarter turns. The second forgets where anything is: its output is the same for each turn of an
image, and moves with none.

**What the release has besides.** In `SpatialS2Projector` and `HarmonicS2Projector` of
dmklee/image2sphere an activation stands between the steps, weights g start as written here and are
learned, and while it trains 20 of the points are drawn. All that the lifts are asked for here is
linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from impls.families.disk import DiskSizes, points_of, sphere_space
from impls.growth import Growth
from impls.layers.radial import matrix
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.problem import BYTES, Problem, Refusal, Scalar
from impls.so3.harmonics import spherical_harmonics
from impls.so3.healpix import healpix
from impls.spaces import Array, Arrays, Space

Term = tuple[int, int, int, int]
"""Degree l, order n, the source (0: c_(m-n), 1: conj c_(m+n)), and 0 for the real part of w."""
COVERAGE, WIDTH, TAPER = 0.9, 0.2, 75.0


def _counts(problem: Problem) -> tuple[Scalar, ...]:
    return 1, 2, 4, 8


NSIDE = Knob("nside", lambda problem: 4, _counts)


def terms(lmax: int, spin: int) -> Iterator[Term]:
    """Yield what the last axis of w counts: (lmax+1)^2 real numbers, twice as many with a spin."""
    for degree in range(lmax + 1):
        for order in range(degree + 1):
            for source in range(2 if spin and order else 1):
                for part in range(2 if spin or order else 1):
                    yield degree, order, source, part


def disk_weights(rings: Array, radius: Array) -> Array:
    """Return b_j(r) [rings, points]."""
    return np.maximum(0.0, 1 - np.abs(len(rings) * radius - rings[:, None]))


def _restricted(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    sizes, (places, areas) = DiskSizes.of(problem), points_of(problem)
    z, x, w = np.zeros(sphere_space(problem).shape), inputs["x"], weights["w"]
    field = x[:, :, 0] + (1j * x[:, :, 1] if sizes.spin else 0)
    rings = disk_weights(np.arange(1, sizes.rings + 1), np.hypot(*places.T)) * areas
    angle = np.arctan2(places[:, 1], places[:, 0])

    def moment(source: int, order: int) -> Array:
        k = sizes.spin + (order if source else -order)
        found = np.einsum("bcp,jp->bjc", field * np.exp(-1j * k * angle), rings, optimize=True)
        return np.conj(found) if source else found

    known = {(s, n): moment(s, n) for s in (0, 1) for n in range(sizes.lmax + 1)}
    for t, (degree, order, source, part) in enumerate(terms(sizes.lmax, sizes.spin)):
        said = (1j if part else 1) * np.einsum("bjc,jco->bo", known[source, order], w[..., t])
        middle = degree * (degree + 1)
        z[..., middle + order] += said.real
        if order:
            z[..., middle - order] += said.imag
    return {"z": z}


@lru_cache(maxsize=32)
def visible(nside: int) -> Array:
    """Return the points [S, 3] of a HEALPix grid that are not behind the equator."""
    points = healpix(nside)
    return points[points[:, 1] >= 0]


def _orthographic(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    seen, (places, areas) = visible(int(NSIDE.of(problem))), points_of(problem)
    apart = np.linalg.norm(COVERAGE * seen[:, None, [2, 0]] - places, axis=-1)
    looks = np.exp(-((apart / WIDTH) ** 2) / 2) * areas
    looks /= looks.sum(axis=1, keepdims=True)
    taper = np.clip((90 - np.degrees(np.arccos(seen[:, 1]))) / (90 - TAPER), 0, 1)
    values = np.einsum("bcp,sp,co->bos", inputs["x"][:, :, 0], looks, weights["W"], optimize=True)
    harmonics = spherical_harmonics(DiskSizes.of(problem).lmax, seen, "component")
    return {"z": (taper * values) @ harmonics / np.sqrt(len(seen))}


def _pooled(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    mean = np.average(inputs["x"][:, :, 0], axis=-1, weights=points_of(problem)[1])
    return {"z": np.einsum("bc,coi->boi", mean, weights["W"])}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": sphere_space(problem)}


def _scalars(problem: Problem) -> Refusal | None:
    spin = DiskSizes.of(problem).spin
    return Refusal(f"spin={spin}: it lifts scalars", "use spin=0") if spin else None


def _term_weights(problem: Problem) -> Mapping[str, Space]:
    sizes = DiskSizes.of(problem)
    count = sizes.components * (sizes.lmax + 1) ** 2
    shape = sizes.rings, sizes.channels, sizes.channels_out, count
    return {"w": matrix(shape, sizes.channels)}


def _mixing_weights(problem: Problem) -> Mapping[str, Space]:
    sizes = DiskSizes.of(problem)
    return {"W": matrix((sizes.channels, sizes.channels_out), sizes.channels)}


def _degree_weights(problem: Problem) -> Mapping[str, Space]:
    sizes = DiskSizes.of(problem)
    shape = sizes.channels, sizes.channels_out, (sizes.lmax + 1) ** 2
    return {"W": matrix(shape, sizes.channels)}


def _cost(problem: Problem, flops: float, weights: Mapping[str, Space]) -> Mapping[str, float]:
    """Return the operations, and the bytes of image, weights and output."""
    sizes = DiskSizes.of(problem)
    image = sizes.batch * sizes.channels * sizes.components * sizes.points
    held = sum(float(np.prod(space.shape)) for space in weights.values())
    said = sizes.batch * sizes.channels_out * (sizes.lmax + 1) ** 2
    return {"flops": float(flops), "bytes": float(image + held + said) * BYTES[problem.dtype]}


def _restricted_cost(problem: Problem) -> Mapping[str, float]:
    """Count moments, ring by ring on the polar grid, and order by order the products with w."""
    sizes = DiskSizes.of(problem)
    waves = sum(columns_of(sizes.spin, order) for order in range(sizes.lmax + 1))
    read = 2 * sizes.batch * sizes.channels * sizes.components * sizes.points * waves
    moments = read * (sizes.rings if sizes.side else 1)
    mixed = 0
    for order in range(sizes.lmax + 1):
        rows = (sizes.lmax + 1 - order) * (2 if order else 1)
        mixed += rows * columns_of(sizes.spin, order)
    pairs = sizes.batch * sizes.rings * sizes.channels * sizes.channels_out
    return _cost(problem, moments + 2 * pairs * mixed, _term_weights(problem))


def columns_of(spin: int, order: int) -> int:
    """Return how many real moments meet the coefficients of one order.

    >>> [columns_of(0, 0), columns_of(0, 2), columns_of(1, 0), columns_of(1, 2)]
    [1, 2, 2, 4]
    """
    return (2 if spin else 1) * (2 if order else 1)


def _orthographic_cost(problem: Problem) -> Mapping[str, float]:
    """Count one matrix from points to harmonics, and the product with W."""
    sizes = DiskSizes.of(problem)
    each = 2 * sizes.batch * sizes.channels * (sizes.lmax + 1) ** 2
    flops = each * (sizes.points + sizes.channels_out)
    return _cost(problem, flops, _mixing_weights(problem))


def _pooled_cost(problem: Problem) -> Mapping[str, float]:
    """Count the mean, and the product with W."""
    sizes = DiskSizes.of(problem)
    said = sizes.channels_out * (sizes.lmax + 1) ** 2
    flops = 2 * sizes.batch * sizes.channels * (sizes.points + said)
    return _cost(problem, flops, _degree_weights(problem))


RESTRICTED = Operation(
    name="restricted_lift",
    title="Restricted lift of an image",
    family="disk",
    summary="every linear map from a field on a disc to the sphere that commutes with its turns",
    papers=("howell2023",),
    claims=exact("rotation", "grid_turn", "quarter_turn"),
    outputs=_outputs,
    oracle=_restricted,
    cost=_restricted_cost,
    weights=_term_weights,
    linear_in=(("x", 1), ("w", 1)),
    users=("howell2023",),
    growth=Growth({"lmax": 2, "channels": 2}, "angles in proportion to L"),
)

ORTHOGRAPHIC = Operation(
    name="orthographic_lift",
    title="Orthographic lift of an image",
    family="disk",
    summary="points of the visible hemisphere see what lies below them, expanded in harmonics",
    papers=("klee2023", "gorski2005"),
    claims=(SymmetryClaim("rotation", "by_knob", "nside"), *exact("quarter_turn")),
    knobs=(NSIDE,),
    outputs=_outputs,
    oracle=_orthographic,
    cost=_orthographic_cost,
    supports=_scalars,
    weights=_mixing_weights,
    linear_in=(("x", 1), ("W", 1)),
    users=("klee2023",),
    growth=Growth({"lmax": 3, "channels": 2}, "angles in proportion to L"),
)

POOLED = Operation(
    name="pooled_lift",
    title="Pooled lift of an image",
    family="disk",
    summary="harmonic coefficients linear in the mean of an image: no turn moves them",
    papers=("klee2023",),
    claims=(),
    outputs=_outputs,
    oracle=_pooled,
    cost=_pooled_cost,
    supports=_scalars,
    weights=_degree_weights,
    linear_in=(("x", 1), ("W", 1)),
    users=("klee2023",),
    growth=Growth({"lmax": 2, "channels": 2}),
)
