"""What the Gaunt algorithms save over the originals, counted in numbers, not in seconds.

That grids are minimal (one point fewer fails) is in `test_gaunt`; points of Lebedev rules and
designs are compared in `test_designs`.
"""

import numpy as np
import pytest

from impls.families.product import irreps_of, problem
from impls.products.backend import numpy_backend
from impls.products.gaunt.fourier import Transforms, decoder, encoder, fourier
from impls.products.gaunt.fourier_parity import Decoder, Encoder, even_torus, fourier_parity
from impls.products.gaunt.grid import GRIDS, grid_of, stages
from impls.products.gaunt.lebedev import point_matrices
from impls.products.gaunt.operation import OPERATION, reached
from impls.so3.quadrature import gauss_legendre, lebedev


class Counted:
    """NumPy's FFTs, which note how many real numbers they were given for each sample."""

    def __init__(self, fft="real"):
        self.given, self.values, self.points = [], [], []
        half = fft == "real"
        self.inverse, self.forward = (
            (np.fft.irfft2, np.fft.rfft2) if half else (np.fft.ifft2, np.fft.fft2)
        )
        self.transforms = Transforms(self._to_grid, self._to_series, fft)

    def _to_grid(self, real, imag, size):
        self.given.append((real.size + imag.size) // len(real))
        self.points.append(size)
        return self.inverse(real + 1j * imag, s=size, norm="forward")

    def _to_series(self, values):
        self.values.append(values.nbytes // 8 // len(values))
        series = self.forward(values, norm="forward")
        return series.real, series.imag


@pytest.mark.parametrize("algorithm", [fourier, fourier_parity])
@pytest.mark.parametrize("lmax", [2, 5])
def test_real_ffts_hold_half_of_the_complex_series(algorithm, lmax, runner, distance):
    """2 (L+1) real numbers for each u, where a complex series has 2 (2L+1)."""
    asked = problem("mimo", lmax, batch=3, dtype="float64")
    counted, arrays = Counted(), runner.draw(asked)
    found = algorithm(asked, numpy_backend(asked), counted.transforms).call(arrays, {})["z"]
    assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 1e-12
    for given, (n_u, _) in zip(counted.given, counted.points, strict=True):
        assert given == 2 * (lmax + 1) * n_u
        assert given / (2 * (2 * lmax + 1) * n_u) == (lmax + 1) / (2 * lmax + 1) <= 0.6


@pytest.mark.parametrize("lmax", [2, 5])
def test_complex_ffts_take_the_whole_series_and_hold_twice_the_values(lmax, runner, distance):
    asked = problem("mimo", lmax, batch=3, dtype="float64")
    arrays = runner.draw(asked)
    half, full = Counted("real"), Counted("complex")
    for counted in (half, full):
        found = fourier(asked, numpy_backend(asked), counted.transforms).call(arrays, {})["z"]
        assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 1e-12
    assert half.points == full.points
    n_u, n_v = full.points[0]
    assert full.given == [2 * (2 * lmax + 1) * n_u] * 2
    assert (half.values, full.values) == ([n_u * n_v], [2 * n_u * n_v])


@pytest.mark.parametrize("lmax", [2, 3])
def test_the_double_grid_has_four_times_the_points(lmax):
    asked = problem("mimo", lmax, dtype="float64")
    minimal, double = (grid_of(asked, {"grid": name}) for name in GRIDS)
    degree = 4 * lmax
    assert (len(minimal.cos_theta), len(minimal.phi)) == (degree // 2 + 1, degree + 1)
    assert (len(double.cos_theta), len(double.phi)) == (degree + 1, 2 * (degree + 1))
    assert 3.5 < double.weights().size / minimal.weights().size <= 4


@pytest.mark.parametrize("lmax", [2, 3, 6])
def test_parity_leaves_out_half_of_the_multiplications_and_only_zeros(lmax):
    asked = problem("mimo", lmax, dtype="float64")
    backend = numpy_backend(asked)
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
