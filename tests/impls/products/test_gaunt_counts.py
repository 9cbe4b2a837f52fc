"""What the Gaunt algorithms save over the originals, counted in numbers, not in seconds.

That grids are minimal (one point fewer fails) is in `test_gaunt`; points of Lebedev rules and
designs are compared in `test_designs`.
"""

import numpy as np
import pytest

from impls.backends import load
from impls.families.product import irreps_of, problem
from impls.implementation import Target
from impls.products.gaunt.fourier import decoder, encoder, fourier
from impls.products.gaunt.fourier_parity import Decoder, Encoder, even_torus, fourier_parity
from impls.products.gaunt.grid import GRIDS, points_of, stages
from impls.products.gaunt.lebedev import point_matrices
from impls.products.gaunt.operation import OPERATION, reached
from impls.so3.quadrature import gauss_legendre, lebedev


class Counted:
    """NumPy's FFTs, which note how many real numbers they were given for each sample."""

    def __init__(self):
        self.given, self.values, self.points = [], [], []

    def irfft2(self, spectrum, s, norm):
        return self._inverse(np.fft.irfft2, spectrum, s, norm)

    def ifft2(self, spectrum, s, norm):
        return self._inverse(np.fft.ifft2, spectrum, s, norm)

    def rfft2(self, values, norm):
        return self._forward(np.fft.rfft2, values, norm)

    def fft2(self, values, norm):
        return self._forward(np.fft.fft2, values, norm)

    def _inverse(self, function, spectrum, s, norm):
        self.given.append(2 * spectrum.size // len(spectrum))
        self.points.append(s)
        return function(spectrum, s=s, norm=norm)

    def _forward(self, function, values, norm):
        self.values.append(values.nbytes // 8 // len(values))
        return function(values, norm=norm)


def counting(asked):
    """Return the backend of NumPy with counted FFTs, and what they count."""
    backend, counted = load("numpy", asked, Target()), Counted()
    backend.fft = counted
    return backend, counted


@pytest.mark.parametrize("algorithm", [fourier, fourier_parity])
@pytest.mark.parametrize("lmax", [2, 5])
def test_real_ffts_hold_half_of_the_complex_series(algorithm, lmax, runner, distance):
    """2 (L+1) real numbers for each u, where a complex series has 2 (2L+1)."""
    asked = problem("mimo", lmax, batch=3, dtype="float64")
    (backend, counted), arrays = counting(asked), runner.draw(asked)
    found = algorithm(asked, backend, {"fft": "real"}).call(arrays, {})["z"]
    assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 1e-12
    for given, (n_u, _) in zip(counted.given, counted.points, strict=True):
        assert given == 2 * (lmax + 1) * n_u
        assert given / (2 * (2 * lmax + 1) * n_u) == (lmax + 1) / (2 * lmax + 1) <= 0.6


@pytest.mark.parametrize("lmax", [2, 5])
def test_complex_ffts_take_the_whole_series_and_hold_twice_the_values(lmax, runner, distance):
    asked = problem("mimo", lmax, batch=3, dtype="float64")
    arrays = runner.draw(asked)
    (real, half), (whole, full) = counting(asked), counting(asked)
    for backend, fft in ((real, "real"), (whole, "complex")):
        found = fourier(asked, backend, {"fft": fft}).call(arrays, {})["z"]
        assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 1e-12
    assert half.points == full.points
    n_u, n_v = full.points[0]
    assert full.given == [2 * (2 * lmax + 1) * n_u] * 2
    assert (half.values, full.values) == ([n_u * n_v], [2 * n_u * n_v])


@pytest.mark.parametrize("lmax", [2, 3])
def test_the_double_grid_has_four_times_the_points(lmax):
    asked = problem("mimo", lmax, dtype="float64")
    minimal, double = (points_of(asked, name) for name in GRIDS)
    degree = 4 * lmax
    assert (len(minimal.cos_theta), len(minimal.phi)) == (degree // 2 + 1, degree + 1)
    assert (len(double.cos_theta), len(double.phi)) == (degree + 1, 2 * (degree + 1))
    assert 3.5 < double.weights().size / minimal.weights().size <= 4


@pytest.mark.parametrize("lmax", [2, 3, 6])
def test_parity_leaves_out_half_of_the_multiplications_and_only_zeros(lmax):
    asked = problem("mimo", lmax, dtype="float64")
    backend = load("numpy", asked, Target())
    (inside, _, out), (n_u, _) = irreps_of(asked), even_torus(asked)
    streams, table = encoder(inside, n_u)
    kept = sum(part.size for _, part in Encoder(streams, table, backend).parts)
    assert kept == table.size / 2
    degrees = np.arange(lmax + 1)[:, None]
    assert not np.any(table[:, (degrees + np.arange(n_u)) % 2 == 1])

    streams, table = decoder(out, reached(asked), 2 * lmax, 2 * lmax)
    kept = sum(part.size for part in Decoder(streams, table, backend).tables)
    assert 0.5 * table.size < kept <= 0.5 * table.size * (1 + 1 / (2 * lmax + 1)) ** 2
    frequencies, degrees = np.arange(2 * lmax + 1)[:, None], np.arange(2 * lmax + 1)
    left_out = table[:, (frequencies + degrees) % 2 == 1]
    assert np.abs(left_out).max() < 1e-14 < np.abs(table).max()


def test_numbers_of_the_tables_by_degree():
    """Dense coefficients O(L^6), points O(L^4), separable stages O(L^3), at the same exactness."""
    numbers = {"coefficients": [], "lebedev": [], "grid": []}
    for lmax in (8, 16):
        asked = problem("mimo", lmax, dtype="float64")
        first, second, out = irreps_of(asked)
        numbers["coefficients"].append(first.dim * second.dim * out.dim)
        matrices = point_matrices(asked, *lebedev(4 * lmax))
        numbers["lebedev"].append(sum(a.size for a in matrices))
        grid = gauss_legendre(4 * lmax)
        parts = [stages(irreps, irreps.lmax, grid) for irreps in (first, second, out)]
        numbers["grid"].append(sum(p.polar.size + p.azimuthal.size for p in parts))
    growth = {name: np.log2(b / a) for name, (a, b) in numbers.items()}
    for name, exponent in (("coefficients", 6), ("lebedev", 4), ("grid", 3)):
        assert growth[name] == pytest.approx(exponent, abs=0.5)
    assert numbers["grid"][1] < numbers["lebedev"][1] / 10 < numbers["coefficients"][1] / 300
