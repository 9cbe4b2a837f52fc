r"""Gaunt product by two-dimensional Fourier series and real FFTs [@xin2021] [@luo2024].

Continued to theta in [0, 2pi), f_x = sum_uv F_uv e^(i(u theta + v phi)) with exact F, sparse in v.
The product of two functions is taken on a torus grid without aliasing,

    W = rfft2(irfft2(F_x) * irfft2(F_y)),   z_lm = sum_uv W_uv int e^(i(u theta + v phi)) Y_lm,

with exact integrals over the sphere. Series of real functions that come from the sphere obey
F_(-u,-v) = conj F_uv and F_(-u,v) = (-1)^v F_uv; so only v >= 0 is kept, half of W is read, and
every m meets either the real or the imaginary part alone: both ends are real matrices, O(L^3). The
FFTs are O(L^2 log L).

The option `fft` decides only the speed: "complex" makes all v from -L to L and takes complex FFTs
of the same size, the way first published [@luo2024]: about twice as many numbers in the series and
twice as many in the values. What is read of W is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.gaunt.layout import Merge, Split, Streams, degrees_of, output_degree
from impls.products.gaunt.operation import reached
from impls.so3.fourier import fourier_to_sphere, sphere_to_fourier
from impls.so3.irreps import Irreps

FFTS = ("real", "complex")
"""Values of the option `fft`, the default first."""


def torus(problem: Problem) -> tuple[int, int]:
    """Return the size (n_u, n_v) of the grid: no alias into the coefficients that are read.

    The product has band B = L1 + L2; it is read at |u| <= B and |v| <= L3.
    """
    first, second, _ = irreps_of(problem)
    band = first.lmax + second.lmax
    azimuths = max(band + output_degree(problem), 2 * first.lmax, 2 * second.lmax) + 1
    return next_fast_len(2 * band + 1, real=False), next_fast_len(azimuths, real=True)


def fourier(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm.

    A complex series starts at v = -L, which turns the values by e^(i L phi). So the product's
    starts at -(L1 + L2): nothing has to be moved.
    """
    first, second, out = irreps_of(problem)
    size, lmax, band = torus(problem), output_degree(problem), first.lmax + second.lmax
    full = options["fft"] == "complex"
    encoders = (
        Split(*encoder(first, size[0], full=full), b),
        Split(*encoder(second, size[0], full=full), b),
    )
    decode = Merge(*decoder(out, reached(problem), lmax, band), b)
    start = band if full else 0
    return on_torus(problem, b, str(options["fft"]), size, encoders, decode, start)


def on_torus(
    problem: Problem,
    b: Backend,
    fft: str,
    size: tuple[int, int],
    encoders: tuple[Callable[[Any], Any], Callable[[Any], Any]],
    decode: Callable[[Any], Any],
    start: int = 0,
) -> Built:
    """Build the product on a grid of `size`, between encoders of x and y and a decoder.

    `fft` is "real", of half spectra, or "complex", of full spectra and with complex values.

    An encoder takes components [n, dim] to parts of F [streams, n, n_u], real ones first; the
    decoder takes parts of W [streams, n, u = 0..band] to components. The series of the product
    has v = 0 at `start`.
    """
    first, second, _ = irreps_of(problem)
    lmax, band = output_degree(problem), first.lmax + second.lmax
    real = fft == "real"
    inverse = b.fft.irfft2 if real else b.fft.ifft2
    forward = b.fft.rfft2 if real else b.fft.fft2

    def values(encode: Callable[[Any], Any], x: Any) -> Any:
        parts = encode(x.reshape(-1, x.shape[-1])).swapaxes(0, 1).swapaxes(1, 2)
        half = parts.shape[-1] // 2
        return inverse(b.complex(parts[..., :half], parts[..., half:]), s=size, norm="forward")

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        product = values(encoders[0], inputs["x"]) * values(encoders[1], inputs["y"])
        spectrum = forward(product, norm="forward")
        read = [
            part[:, : band + 1, start : start + lmax + 1] for part in (spectrum.real, spectrum.imag)
        ]
        series = b.concatenate(read, -1)
        z = decode(series.swapaxes(1, 2).swapaxes(0, 1))
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"{size[0]} x {size[1]} {fft} FFT")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16, for which no framework has an FFT."""
    if problem.dtype == "bfloat16":
        return Refusal("there is no FFT in bfloat16", "use the grid, lebedev or coefficients")
    return None


def _orders(frequencies: Sequence[int]) -> list[int]:
    """Return the m whose series is real at each v, then the m whose series is imaginary.

    The polar factor is a cosine series for even and i times a sine series for odd v, the azimuthal
    one is real for m = |v| and imaginary for m = -|v|.
    """
    real = [abs(v) if v % 2 == 0 else -abs(v) for v in frequencies]
    return real + [-m for m in real]


def encoder(irreps: Irreps, n_u: int, *, full: bool = False) -> tuple[Streams, np.ndarray]:
    """Return [streams, irreps, n_u]: parts of F at (u modulo n_u, v), real ones first.

    v is 0..lmax, or -lmax..lmax for the `full` series.
    """
    lmax = irreps.lmax
    frequencies = range(-lmax if full else 0, lmax + 1)
    streams = Streams(degrees_of(irreps), _orders(frequencies))
    series = sphere_to_fourier(lmax)
    values = np.zeros((len(streams.orders), lmax + 1, n_u))
    for stream, (v, m) in enumerate(zip([*frequencies] * 2, streams.orders, strict=True)):
        for degree in range(abs(m), lmax + 1):
            at_v = series[degree * (degree + 1) + m, :, lmax + v]
            part = at_v.real if stream < len(frequencies) else at_v.imag
            values[stream, degree, np.arange(-lmax, lmax + 1) % n_u] = part
    return streams, streams.table(values)


def decoder(
    irreps: Irreps, kept: tuple[bool, ...], lmax: int, band: int
) -> tuple[Streams, np.ndarray]:
    """Return [streams, u, irreps]: what the parts of W at u = 0..band give, real ones first."""
    streams = Streams(degrees_of(irreps), _orders(range(lmax + 1)))
    integrals = fourier_to_sphere(lmax, band)
    values = np.zeros((len(streams.orders), lmax + 1, band + 1))
    for stream, m in enumerate(streams.orders):
        v = abs(m)
        for degree in range(v, lmax + 1):
            at_v = integrals[:, band + v, degree * (degree + 1) + m]
            both = at_v[band:].copy()
            both[1:] += (-1) ** v * at_v[band - 1 :: -1] if band else 0
            both *= 2 if v else 1
            values[stream, degree] = both.real if stream <= lmax else -both.imag
    return streams, streams.table(values, kept).swapaxes(1, 2)


ALGORITHM = Algorithm(
    "gaunt",
    "fourier",
    "2D Fourier series, FFTs",
    fourier,
    supports=supports,
    options={"fft": FFTS},
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
