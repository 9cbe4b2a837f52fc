"""Rotations and representations: homomorphism, harmonics, e3nn."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from numpy.testing import assert_allclose

from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps
from impls.so3.rotations import axis_angle, random_rotations, representation, wigner_d


@pytest.fixture
def rotations() -> np.ndarray:
    """Random rotations, and those at which Euler angles or quaternions have trouble."""
    special = [
        np.eye(3),
        axis_angle([0, 1, 0], 0.3),
        axis_angle([0, 1, 0], pi),
        axis_angle([1, 0, 0], pi),
        axis_angle([1, 0, 0], 1e-9),
        axis_angle([1, 2, 3], pi - 1e-9),
    ]
    return np.concatenate([random_rotations(np.random.default_rng(0), 6), special])


def test_random_rotations_are_rotations_and_uniform() -> None:
    r = random_rotations(np.random.default_rng(1), 20000)
    assert_allclose(r @ r.swapaxes(1, 2), np.broadcast_to(np.eye(3), r.shape), atol=1e-14)
    assert_allclose(np.linalg.det(r), 1, atol=1e-14)
    # Haar averages: of D_l the zero matrix, of each squared entry of D_1 one third
    assert np.max(np.abs(np.mean(r, axis=0))) < 0.02
    assert_allclose(np.mean(r**2, axis=0), np.full((3, 3), 1 / 3), atol=0.01)
    same = random_rotations(np.random.default_rng(1), 20000)
    assert np.array_equal(r, same)


def test_axis_angle() -> None:
    quarter = axis_angle([0, 0, 5], pi / 2)
    assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    a, b = axis_angle([1, 2, 2], 0.4), axis_angle([1, 2, 2], 0.7)
    assert_allclose(a @ b, axis_angle([1, 2, 2], 1.1), atol=1e-15)
    for bad in ([0, 0, 0], [1, float("nan"), 0], [1, 2]):
        with pytest.raises(ValueError, match="is no direction"):
            axis_angle(bad, 1)


def test_d_moves_the_harmonics(rotations: np.ndarray) -> None:
    v = np.random.default_rng(2).normal(size=(7, 3))
    y = spherical_harmonics(12, v)
    moved = spherical_harmonics(12, v @ rotations.swapaxes(1, 2))
    for degree in range(13):
        part = slice(degree**2, (degree + 1) ** 2)
        d = wigner_d(degree, rotations)
        assert_allclose(y[:, part] @ d.swapaxes(1, 2), moved[..., part], atol=2e-13)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 12])
def test_d_is_an_orthogonal_homomorphism(degree: int, rotations: np.ndarray) -> None:
    d = wigner_d(degree, rotations)
    one = np.broadcast_to(np.eye(2 * degree + 1), d.shape)
    assert_allclose(d @ d.swapaxes(1, 2), one, atol=1e-12)
    other = np.roll(rotations, 1, axis=0)
    product = d @ wigner_d(degree, other)
    assert_allclose(wigner_d(degree, rotations @ other), product, atol=1e-12)


def test_d_of_degree_one_is_the_rotation(rotations: np.ndarray) -> None:
    assert np.array_equal(wigner_d(1, rotations), rotations)


def test_d_keeps_batches() -> None:
    r = random_rotations(np.random.default_rng(3), 6).reshape(2, 3, 3, 3)
    assert wigner_d(2, r).shape == (2, 3, 5, 5)
    assert wigner_d(0, r[0, 0]).shape == (1, 1)
    assert_allclose(wigner_d(3, r)[1, 2], wigner_d(3, r[1, 2]), atol=1e-15)


def test_equal_to_e3nn(rotations: np.ndarray) -> None:
    torch = pytest.importorskip("torch", reason="e3nn needs torch")
    o3 = pytest.importorskip("e3nn.o3", reason="compares with e3nn")
    irreps = "2x0o + 1o + 3x1e + 2e + 3o"
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # e3nn computes the generators in the default precision
    try:
        for element in (*rotations[:6], *(-rotations[:6])):
            theirs = o3.Irreps(irreps).D_from_matrix(torch.tensor(element)).numpy()
            # e3nn goes through Euler angles and a matrix exponential
            assert_allclose(representation(irreps, element), theirs, atol=1e-12)
    finally:
        torch.set_default_dtype(default)


@pytest.mark.parametrize("irreps", ["2x0e + 0o + 1o + 2x1e + 2e", "2x0 + 1 + 2"])
def test_representation_is_a_homomorphism_of_o3(irreps: str) -> None:
    r = random_rotations(np.random.default_rng(4), 8)
    elements = r * np.array([1, -1, 1, -1, -1, 1, 1, -1])[:, None, None]
    matrices = representation(irreps, elements)
    assert matrices.shape == (8, Irreps.parse(irreps).dim, Irreps.parse(irreps).dim)
    products = representation(irreps, elements[:-1] @ elements[1:])
    assert_allclose(products, matrices[:-1] @ matrices[1:], atol=1e-14)


def test_inversion() -> None:
    signs = np.diag(representation("0e + 0o + 1o + 1e", -np.eye(3)))
    assert signs.tolist() == [1, -1, -1, -1, -1, 1, 1, 1]
    assert_allclose(representation("0 + 1 + 2", -np.eye(3)), np.eye(9), atol=1e-15)
    assert representation("", np.eye(3)).shape == (0, 0)


def test_multiplicities_are_laid_out_copy_after_copy() -> None:
    r = random_rotations(np.random.default_rng(5), 1)[0]
    d = wigner_d(2, r)
    assert_allclose(representation("3x2e", r), np.kron(np.eye(3), d), atol=1e-15)


def test_bad_matrices() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        wigner_d(1, np.eye(2))
    for bad in (2 * np.eye(3), np.full((3, 3), np.nan)):
        with pytest.raises(ValueError, match="orthogonal"):
            representation("1o", bad)
    with pytest.raises(ValueError, match="proper"):
        wigner_d(1, -np.eye(3))
    with pytest.raises(ValueError, match="negative"):
        wigner_d(-1, np.eye(3))
