"""Spherical harmonics as an operation: normalisation, basis, poles, far degrees, zero vectors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import sph_harm_y

from impls.families.vectors import FAMILY, ask
from impls.implementation import Target
from impls.points.spherical_harmonics.kernel import forms_of, stretched
from impls.points.spherical_harmonics.operation import OPERATION
from impls.registry import load
from impls.so3.harmonics import degrees_and_orders, spherical_harmonics
from impls.streams import Streams

REGISTRY = load()
NAMES = [
    i.name
    for i in REGISTRY.implementations_of(OPERATION.name)
    if i.framework == "torch" and i.missing() is None
]


def oracle(asked):
    v = FAMILY.draw(asked, Streams(0))["v"]
    return v, OPERATION.oracle(asked, {"v": v}, {})["z"]


@pytest.mark.parametrize("data", FAMILY.data)
def test_the_oracle_is_scipys_real_harmonics_with_y_polar(data):
    """Real parts of complex harmonics, Condon-Shortley phase taken out, times sqrt(4 pi)."""
    v, found = oracle(ask(12, batch=50, data=data, dtype="float64"))
    x, y, z = (v / np.linalg.norm(v, axis=1, keepdims=True)).T
    degree, order = degrees_and_orders(12)
    theta, phi = np.arctan2(np.hypot(x, z), y), np.arctan2(x, z)
    signed = (-1.0) ** order * sph_harm_y(degree, np.abs(order), theta[:, None], phi[:, None])
    real = np.where(order < 0, signed.imag, signed.real) * np.where(order == 0, 1, np.sqrt(2))
    np.testing.assert_allclose(found, np.sqrt(4 * np.pi) * real, atol=1e-12)


def test_component_normalised_and_first_degrees_written_out():
    v, found = oracle(ask(7, batch=20, dtype="float64"))
    squares = np.add.reduceat(found**2, np.arange(8) ** 2, axis=1)
    np.testing.assert_allclose(squares, np.tile(2 * np.arange(8) + 1, (20, 1)), rtol=1e-12)
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, :1], 1)
    np.testing.assert_allclose(found[:, 1:4], np.sqrt(3) * unit, atol=1e-14)


@pytest.mark.parametrize(
    "asked",
    [
        *(ask(lmax, batch=40, data=d, dtype="float64") for lmax in (1, 6, 10) for d in FAMILY.data),
        ask(irreps_out="5+1+0+3", batch=9, dtype="float64"),
        ask(irreps_out="4e", batch=9, dtype="float64"),
    ],
    ids=str,
)
def test_of_any_degrees_and_at_the_poles(asked, agrees):
    agrees(OPERATION, asked)


def test_products_of_harmonics_are_harmonics():
    """What the kernel doubles by, at a pole of its own and in general."""
    v = np.random.default_rng(0).standard_normal((6, 3))
    y = spherical_harmonics(7, v, "component")
    part = [y[:, n * n : (n + 1) ** 2] for n in range(8)]
    for i, j in ((1, 1), (3, 2), (4, 3)):
        found = np.einsum("ni,nj,ijk->nk", part[i], part[j], stretched(i, j))
        np.testing.assert_allclose(found, part[i + j], atol=1e-12)


@pytest.mark.parametrize(("lmax", "passes"), [(1, 0), (2, 1), (3, 2), (4, 2), (6, 3), (8, 3)])
def test_the_kernel_takes_the_logarithm_of_the_degree_in_passes(lmax, passes):
    forms = list(forms_of(lmax))
    assert len(forms) == passes
    assert 4 + sum(form.dims[2] for form in forms) == (lmax + 1) ** 2


@pytest.mark.parametrize("name", [n for n in NAMES if n != "torch_e3nn"])
def test_a_vector_of_length_zero_has_none_and_spoils_no_other(name):
    torch = pytest.importorskip("torch")
    asked = ask(3, batch=4, dtype="float64")
    implementation = REGISTRY.implementation(f"spherical_harmonics.{name}")
    built = implementation.build(asked, Target(), {})
    v = torch.tensor(FAMILY.draw(asked, Streams(0))["v"])
    wanted = built.call({"v": v}, {})["z"]
    v = v.clone()
    v[2] = 0
    found = built.call({"v": v}, {})["z"]
    assert bool(torch.isnan(found[2, 1:]).all())
    kept = [0, 1, 3]
    torch.testing.assert_close(found[kept], wanted[kept])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_lengths_do_not_matter(scale, judge, distance):
    asked = ask(3, batch=6, dtype="float64")
    v, wanted = oracle(asked)
    for implementation in REGISTRY.implementations_of(OPERATION.name):
        if implementation.framework == "numpy":
            found = judge.value(implementation, asked, {"v": scale * v}, {})["z"]
            assert distance(found, wanted) < 1e-13


def test_a_constant_is_no_question():
    assert "is 1, whatever the vector" in str(OPERATION.supports(ask(0)))
    assert OPERATION.supports(ask(1)) is None


def test_degrees_that_e3nn_lacks_are_refused():
    supports = REGISTRY.implementation("spherical_harmonics.torch_e3nn").supports
    assert supports(ask(11), Target()) is None
    assert "harmonics up to 11" in str(supports(ask(12), Target()))
    for implementation in REGISTRY.implementations_of(OPERATION.name):
        if implementation.framework != "numpy":
            refused = implementation.supports(replace(ask(2), dtype="bfloat16"), Target())
            assert "bfloat16" in str(refused)
