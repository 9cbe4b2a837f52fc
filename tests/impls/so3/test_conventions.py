"""Each conversion stated in docs/conventions.md, against the library it converts to."""

from __future__ import annotations

import warnings
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irrep
from impls.so3.quadrature import lebedev
from impls.so3.rotations import random_rotations, wigner_d
from impls.so3.wigner import clebsch_gordan, gaunt, gaunt_coefficient, wigner_3j, wigner_3j_zero

TRIPLES = [(1, 1, 0), (1, 1, 1), (1, 2, 3), (2, 2, 3), (3, 2, 2), (3, 3, 3)]
SINGLE = 2e-6
"""Tolerance for libraries that compute in float32."""

rng = np.random.default_rng(0)
VECTORS = rng.normal(size=(5, 3))


def couple(c: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("ijk,i,j->k", c, x, y)


def part(degree: int) -> slice:
    return slice(degree**2, (degree + 1) ** 2)


@pytest.fixture
def e3nn() -> Any:
    pytest.importorskip("torch", reason="e3nn needs torch")
    return pytest.importorskip("e3nn.o3", reason="compares with e3nn")


@pytest.fixture
def e3nn_jax() -> Any:
    return pytest.importorskip("e3nn_jax", reason="compares with e3nn-jax")


@pytest.fixture
def e3x() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of flax, on import
        return pytest.importorskip("e3x", reason="compares with e3x")


@pytest.mark.parametrize("normalization", ["component", "norm"])
def test_e3nn_full_tensor_product(e3nn: Any, normalization: str) -> None:
    import torch

    for l1, l2, l3 in TRIPLES:
        first, second = f"{l1}e", f"{l2}e"
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", r"`torch\.jit", DeprecationWarning)
                product = e3nn.FullTensorProduct(
                    first, second, [e3nn.Irrep(l3, 1)], irrep_normalization=normalization
                )
        finally:
            torch.set_default_dtype(default)
        x, y = rng.normal(size=2 * l1 + 1), rng.normal(size=2 * l2 + 1)
        z = product(torch.tensor(x)[None], torch.tensor(y)[None])[0].numpy()
        assert_allclose(z, couple(clebsch_gordan(l1, l2, l3, normalization), x, y), atol=1e-13)


NAMES = ("2o", "2e", "1e", "1o", "0o", "0e")


def test_e3nn_order_of_irreps(e3nn: Any) -> None:
    """Degree first, then odd before even, as here."""
    theirs = [str(ir) for _, ir in e3nn.Irreps("+".join(NAMES)).sort().irreps]
    assert theirs == [str(ir) for ir in sorted(Irrep.parse(name) for name in NAMES)]
    assert theirs == ["0o", "0e", "1o", "1e", "2o", "2e"]


def test_e3nn_jax_order_of_irreps(e3nn_jax: Any) -> None:
    """Degree first, then natural parity before the other, unlike here."""
    theirs = [str(ir) for _, ir in e3nn_jax.Irreps("+".join(NAMES)).sort().irreps]
    assert theirs == ["0e", "0o", "1o", "1e", "2e", "2o"]


def test_e3nn_jax_coupling(e3nn_jax: Any) -> None:
    for triple in TRIPLES:
        assert_allclose(e3nn_jax.clebsch_gordan(*triple), wigner_3j(*triple), atol=1e-13)


@pytest.mark.parametrize("normalization", ["component", "norm"])
def test_e3nn_jax_tensor_product(e3nn_jax: Any, normalization: str) -> None:
    for l1, l2, l3 in TRIPLES:
        x = rng.normal(size=2 * l1 + 1).astype(np.float32)
        y = rng.normal(size=2 * l2 + 1).astype(np.float32)
        z = e3nn_jax.tensor_product(
            e3nn_jax.IrrepsArray(f"{l1}e", x),
            e3nn_jax.IrrepsArray(f"{l2}e", y),
            filter_ir_out=[e3nn_jax.Irrep(l3, 1)],
            irrep_normalization=normalization,
        )
        expected = couple(clebsch_gordan(l1, l2, l3, normalization), x, y)
        assert_allclose(np.asarray(z.array), expected, atol=10 * SINGLE)


@pytest.mark.parametrize("normalization", ["integral", "component", "norm"])
def test_e3nn_jax_harmonics(e3nn_jax: Any, normalization: str) -> None:
    irreps = "0e + 1o + 2e + 3o + 4e"
    assert e3nn_jax.config("spherical_harmonics_normalization") == "component"
    theirs = e3nn_jax.spherical_harmonics(irreps, VECTORS, True, normalization).array
    expected = spherical_harmonics(4, VECTORS, normalization)
    assert_allclose(np.asarray(theirs), expected, atol=SINGLE)


@pytest.mark.slow
def test_e3nn_jax_rotation(e3nn_jax: Any) -> None:
    rotation = random_rotations(rng, 1)[0]
    for degree in range(5):
        theirs = np.asarray(e3nn_jax.Irrep(degree, 1).D_from_matrix(rotation))
        assert_allclose(theirs, wigner_d(degree, rotation), atol=SINGLE)


@pytest.mark.slow
@pytest.mark.filterwarnings(r"ignore:jax\.scipy\.special\.lpmn:DeprecationWarning")
def test_e3nn_jax_grid_product(e3nn_jax: Any) -> None:
    """A round trip over the grid with "integral" is sqrt(4pi) times the Gaunt product."""
    x, y = rng.normal(size=(2, 4)).astype(np.float32)
    grids = [
        e3nn_jax.to_s2grid(
            e3nn_jax.IrrepsArray("0e + 1o", v),
            res_beta=4,
            res_alpha=5,
            normalization="integral",
            quadrature="gausslegendre",
        )
        for v in (x, y)
    ]
    product = grids[0].replace_values(grids[0].grid_values * grids[1].grid_values)
    theirs = e3nn_jax.from_s2grid(product, e3nn_jax.s2_irreps(2), normalization="integral")
    expected = np.zeros(9)
    for l1, l2, l3 in np.ndindex(2, 2, 3):
        if abs(l1 - l2) <= l3 <= l1 + l2:
            expected[part(l3)] += couple(gaunt(l1, l2, l3), x[part(l1)], y[part(l2)])
    assert_allclose(np.asarray(theirs.array), sqrt(4 * pi) * expected, atol=10 * SINGLE)


def test_e3x_coupling(e3x: Any) -> None:
    """e3x's coefficients in the order m = -l..l are the "component" tensor."""
    theirs = np.asarray(e3x.so3.clebsch_gordan(3, 3, 3, cartesian_order=False))
    for l1, l2, l3 in TRIPLES:
        block = theirs[part(l1), part(l2), part(l3)]
        assert_allclose(block, clebsch_gordan(l1, l2, l3), atol=SINGLE)


@pytest.mark.parametrize(("theirs", "ours"), [("racah", "norm"), ("orthonormal", "integral")])
def test_e3x_harmonics(e3x: Any, theirs: str, ours: str) -> None:
    """e3x has z polar: its (x, y, z) are (z, x, y) here, so vectors go in as (y, z, x)."""
    values = e3x.so3.spherical_harmonics(VECTORS, 3, cartesian_order=False, normalization=theirs)
    expected = spherical_harmonics(3, VECTORS[:, [1, 2, 0]], ours)
    assert_allclose(np.asarray(values), expected, atol=SINGLE)


def test_e3x_cartesian_order(e3x: Any) -> None:
    """Its default order within a degree is m = l, -l, ..., 1, -1, 0."""
    values = np.asarray(e3x.so3.spherical_harmonics(VECTORS, 3, cartesian_order=True))
    expected = spherical_harmonics(3, VECTORS[:, [1, 2, 0]], "norm")
    index = [
        degree * (degree + 1) + m
        for degree in range(4)
        for m in [*(s for k in range(degree, 0, -1) for s in (k, -k)), 0]
    ]
    assert_allclose(values, expected[:, index], atol=SINGLE)


@pytest.mark.parametrize("normalization", ["component", "norm"])
def test_gaunt_in_other_normalisations(normalization: str) -> None:
    """Sphere averages of three harmonics, as multiples of C."""
    points, weights = lebedev(9)
    y = spherical_harmonics(3, points, normalization)
    for l1, l2, l3 in TRIPLES:
        blocks = (y[:, part(degree)] for degree in (l1, l2, l3))
        average = np.einsum("p,pa,pb,pc->abc", weights / (4 * pi), *blocks, optimize=True)
        factor = abs(wigner_3j_zero(l1, l2, l3))
        if normalization == "component":
            factor *= sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1))
            assert_allclose(factor, sqrt(4 * pi) * gaunt_coefficient(l1, l2, l3), atol=1e-14)
        assert_allclose(average, factor * wigner_3j(l1, l2, l3), atol=1e-14)
