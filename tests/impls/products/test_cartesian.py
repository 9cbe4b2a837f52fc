"""Clebsch-Gordan by Cartesian tensors: closed forms and limits."""

import numpy as np
import pytest

from impls.families.product import problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.clebsch_gordan.cartesian import constant, contract, couple, traceless
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics

REGISTRY = load()
NAMES = ("torch_cartesian", "jax_cartesian")


def implementation(name):
    return REGISTRY.implementation(f"clebsch_gordan.{name}")


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


@pytest.mark.parametrize("degree", range(7))
def test_basis_is_orthonormal_symmetric_and_traceless(degree):
    basis = traceless(degree)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2 * degree + 1), atol=1e-13)
    tensors = basis.reshape(*(3,) * degree, -1)
    for axis in range(degree - 1):
        np.testing.assert_allclose(np.swapaxes(tensors, axis, axis + 1), tensors, atol=1e-14)
        np.testing.assert_allclose(np.trace(tensors, axis1=axis, axis2=axis + 1), 0, atol=1e-13)


@pytest.mark.parametrize("degree", range(1, 4))
def test_power_of_a_vector_is_its_harmonics(degree):
    """The STF part of n...n has norm sqrt(l!/(2l-1)!!)."""
    n = np.array([0.6, -0.48, 0.64])
    power = n
    for _ in range(degree - 1):
        power = np.multiply.outer(power, n)
    harmonics = spherical_harmonics(degree, n, "norm")[degree**2 :]
    norm = np.prod([k / (2 * k - 1) for k in range(1, degree + 1)])
    found = power.ravel() @ traceless(degree)
    np.testing.assert_allclose(found, np.sqrt(norm) * harmonics, atol=1e-13)


def test_constants_in_closed_form():
    for degree in range(4):
        assert constant(degree, degree, 0) == pytest.approx(1 / np.sqrt(2 * degree + 1))
        assert constant(0, degree, degree) == pytest.approx(1)
    assert constant(1, 1, 1) == pytest.approx(1 / np.sqrt(2))
    assert constant(1, 1, 2) == pytest.approx(1)


def test_contraction_of_two_vectors_is_their_scalar_and_cross_product():
    u, v = np.random.default_rng(0).standard_normal((2, 4, 3))
    scalar = couple(contract(u, v, 1, 1, 0), 1, 1, 0, np.concatenate)
    np.testing.assert_allclose(scalar[:, 0], (u * v).sum(1))
    cross = couple(contract(u, v, 1, 1, 1), 1, 1, 1, np.concatenate)
    np.testing.assert_allclose(cross, np.cross(u, v))


@pytest.mark.parametrize("name", NAMES)
def test_refusals_name_the_degree(name):
    supports = implementation(name).supports
    assert supports(problem("mimo", 3, "so3"), Target()) is None
    refusal = supports(custom("1", "4", "4"), Target())
    assert "degree 4 of irreps_in2 is above 3" in str(refusal)
    assert "3^l = 81" in str(refusal)
