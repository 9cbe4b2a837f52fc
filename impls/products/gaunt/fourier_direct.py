r"""Gaunt product by two-dimensional Fourier series, convolved directly [@luo2024] [@xin2021].

On the torus f_x = sum_m trig_m(phi) sum_u a_um e^(iu theta), where a_um is real for even m and i
times real for odd m. So the coefficients of f_x f_y are the real sums

    c_uv = sum_{m n} t(m, n, v) sum_u' a_(u', m) b_(u-u', n),

with t the products of two sines or cosines, and i i = -1. The sum over u' is a product with a
Toeplitz matrix, the one over (m, n) with the sparse constant t taken as dense: O(L^4)
multiplications, O(L^3) numbers at once for each sample, no FFT and no complex number. Only u >= 0
is kept, because c_(-u,v) = (-1)^v c_uv.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.gaunt.layout import Merge, Split, Streams, degrees_of, output_degree
from impls.products.gaunt.operation import reached
from impls.so3.fourier import fourier_to_sphere, sphere_to_fourier
from impls.so3.harmonics import trigonometric
from impls.so3.irreps import Irreps


def fourier_direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    first, second, out = irreps_of(problem)
    lmax1, lmax2, lmax3 = first.lmax, second.lmax, output_degree(problem)
    band = lmax1 + lmax2
    split_x = Split(*_encoder(first), b)
    streams, table = _encoder(second)
    split_y = Split(streams, np.pad(table, ((0, 0), (0, 0), (0, 1))), b)
    merge = Merge(*_decoder(out, reached(problem), lmax3, band), b)
    # b[u - u'] for u = 0..band and u' = -L1..L1; beyond its band, b's last entry, a zero
    shift = (np.arange(band + 1)[:, None] - np.arange(-lmax1, lmax1 + 1)).ravel()
    toeplitz = b.index(np.where(np.abs(shift) <= lmax2, shift + lmax2, 2 * lmax2 + 1))
    waves = b.table(trigonometric_products(lmax1, lmax2, lmax3))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x, y = (inputs[name].reshape(-1, inputs[name].shape[-1]) for name in "xy")
        a = split_x(x).swapaxes(0, 1).swapaxes(1, 2)  # [n, u', m]
        c = b.take(split_y(y), toeplitz).swapaxes(0, 1)  # [n, orders of y, u and u']
        c = c.reshape(-1, (2 * lmax2 + 1) * (band + 1), 2 * lmax1 + 1)
        pairs = (c @ a).reshape(-1, 2 * lmax2 + 1, band + 1, 2 * lmax1 + 1)
        series = pairs.swapaxes(1, 2).reshape(-1, band + 1, waves.shape[0]) @ waves
        z = merge(series.swapaxes(1, 2).swapaxes(0, 1))
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"Toeplitz matrices {band + 1} x {2 * lmax1 + 1}")


def trigonometric_products(lmax1: int, lmax2: int, lmax3: int) -> np.ndarray:
    """Return t [(orders of y, orders of x), orders of z]: trig_n trig_m = sum_v t trig_v.

    The sign of i i is included where m and n are odd.
    """
    size = lmax1 + lmax2 + lmax3 + 1
    azimuths = 2 * np.pi / size * np.arange(size)
    waves = [trigonometric(lmax, azimuths) for lmax in (lmax2, lmax1, lmax3)]
    table = np.einsum("pn,pm,pv->nmv", *waves, optimize=True) / size
    odd2, odd1 = (np.arange(-lmax, lmax + 1) % 2 == 1 for lmax in (lmax2, lmax1))
    table[np.logical_and.outer(odd2, odd1)] *= -1
    table[np.abs(table) < 1e-12] = 0.0
    return table.reshape(-1, 2 * lmax3 + 1)


def _real(at_u: np.ndarray, m: int) -> np.ndarray:
    """Return a from coefficients that are a for even m and ia for odd m."""
    return at_u.imag if m % 2 else at_u.real


def _encoder(irreps: Irreps) -> tuple[Streams, np.ndarray]:
    """Return a [orders, irreps, u = -lmax..lmax]."""
    lmax = irreps.lmax
    streams = Streams(degrees_of(irreps), range(-lmax, lmax + 1))
    series = sphere_to_fourier(lmax)
    values = np.zeros((2 * lmax + 1, lmax + 1, 2 * lmax + 1))
    for stream, m in enumerate(streams.orders):
        v = abs(m)
        for degree in range(v, lmax + 1):
            at_u = series[degree * (degree + 1) + v, :, lmax + v]  # trig_v holds sqrt(1/2) e^(iv.)
            values[stream, degree] = _real(at_u, v) * (np.sqrt(2) if v else 1.0)
    return streams, streams.table(values)


def _decoder(
    irreps: Irreps, kept: tuple[bool, ...], lmax: int, band: int
) -> tuple[Streams, np.ndarray]:
    """Return [orders, u = 0..band, irreps]: what c_uv gives, together with c_(-u,v)."""
    streams = Streams(degrees_of(irreps), range(-lmax, lmax + 1))
    integrals = fourier_to_sphere(lmax, band)
    values = np.zeros((2 * lmax + 1, lmax + 1, band + 1))
    for stream, m in enumerate(streams.orders):
        v = abs(m)
        for degree in range(v, lmax + 1):
            at_u = integrals[:, band + v, degree * (degree + 1) + v]
            both = at_u[band:].copy()
            both[1:] += (-1) ** v * at_u[band - 1 :: -1] if band else 0
            # e^(iu theta) stands with i for odd v; e^(iv phi) is half of sqrt2 trig_v
            both *= (1j if v % 2 else 1.0) * (np.sqrt(2) if v else 1.0)
            values[stream, degree] = both.real
    return streams, streams.table(values, kept).swapaxes(1, 2)


ALGORITHM = Algorithm(
    "gaunt",
    "fourier_direct",
    "2D Fourier series, convolved directly",
    fourier_direct,
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
