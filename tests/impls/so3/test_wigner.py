"""Coupling tensors: identities, counts, e3nn and wignernj."""

from __future__ import annotations

import itertools
from math import pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose

from impls.so3.harmonics import degrees_and_orders, spherical_harmonics
from impls.so3.quadrature import lebedev
from impls.so3.rotations import random_rotations, wigner_d
from impls.so3.symbols import wigner_3j_symbol, wigner_6j
from impls.so3.wigner import (
    clebsch_gordan,
    gaunt,
    gaunt_coefficient,
    matrix_coefficient,
    wigner_3j,
)


def paths(lmax: int, lmax_out: int | None = None) -> list[tuple[int, int, int]]:
    """List the triples of degrees, of one copy each, coupled up to `lmax_out` (all: None)."""
    return [
        (l1, l2, l3)
        for l1, l2 in itertools.product(range(lmax + 1), repeat=2)
        for l3 in range(abs(l1 - l2), l1 + l2 + 1)
        if lmax_out is None or l3 <= lmax_out
    ]


def test_equal_to_e3nn_with_its_sign() -> None:
    torch = pytest.importorskip("torch", reason="e3nn needs torch")
    o3 = pytest.importorskip("e3nn.o3", reason="compares with e3nn")
    for triple in [*paths(4), (5, 6, 8), (6, 6, 6), (8, 7, 2), (9, 2, 8)]:
        theirs = o3.wigner_3j(*triple, dtype=torch.float64).numpy()
        assert_allclose(wigner_3j(*triple), theirs, rtol=0, atol=1e-13, err_msg=str(triple))


@pytest.mark.parametrize("triple", [(12, 12, 12), (12, 11, 20), (20, 20, 20), (7, 12, 6)])
def test_large_degrees_against_wignernj(triple: tuple[int, int, int]) -> None:
    """Only half of the entries of a real tensor at m1, m2 > 0 are one complex symbol each."""
    wignernj = pytest.importorskip("wignernj", reason="compares with wignernj")
    tensor = wigner_3j(*triple)
    assert_allclose(np.sum(tensor**2), 1, rtol=1e-13)
    l1, l2, l3 = triple
    m1 = np.random.default_rng(2).integers(1, l1 + 1, 40)
    m2 = np.random.default_rng(3).integers(1, l2 + 1, 40)
    for a, b in zip(m1.tolist(), m2.tolist(), strict=True):
        if a + b > l3:
            continue
        m3 = a + b if sum(triple) % 2 == 0 else -(a + b)
        expected = abs(wignernj.wigner3j(*triple, a, b, -a - b)) / sqrt(2)
        assert_allclose(abs(tensor[l1 + a, l2 + b, l3 + m3]), expected, rtol=1e-13, atol=1e-16)


def test_orthogonality_and_completeness() -> None:
    for l1, l2 in itertools.product(range(5), repeat=2):
        blocks = [clebsch_gordan(l1, l2, l3) for l3 in range(abs(l1 - l2), l1 + l2 + 1)]
        q = np.concatenate([b.reshape(-1, b.shape[2]) for b in blocks], axis=1)
        assert_allclose(q @ q.T, np.eye(len(q)), atol=1e-14)


def test_invariance_under_rotations() -> None:
    rotation = random_rotations(np.random.default_rng(4), 1)[0]
    for l1, l2, l3 in [*paths(3), (8, 7, 6), (12, 10, 12)]:
        c = wigner_3j(l1, l2, l3)
        d1, d2, d3 = (wigner_d(degree, rotation) for degree in (l1, l2, l3))
        moved = np.einsum("abc,ia,jb,kc->ijk", c, d1, d2, d3, optimize=True)
        assert_allclose(moved, c, atol=1e-13)


def test_permutations() -> None:
    for l1, l2, l3 in paths(4):
        c = wigner_3j(l1, l2, l3)
        sign = (-1) ** (l1 + l2 + l3)
        assert_allclose(wigner_3j(l2, l1, l3), sign * c.transpose(1, 0, 2), atol=1e-15)
        assert_allclose(wigner_3j(l1, l3, l2), sign * c.transpose(0, 2, 1), atol=1e-15)
        assert_allclose(wigner_3j(l2, l3, l1), c.transpose(1, 2, 0), atol=1e-15)


def test_known_products() -> None:
    """(1,1,0) is the scalar product over sqrt3, (1,1,1) the cross product over sqrt6."""
    assert_allclose(wigner_3j(1, 1, 0)[:, :, 0], np.eye(3) / sqrt(3), atol=1e-16)
    x, y = np.random.default_rng(5).normal(size=(2, 3))
    assert_allclose(
        np.einsum("abc,a,b->c", wigner_3j(1, 1, 1), x, y), np.cross(x, y) / sqrt(6), atol=1e-15
    )


@pytest.mark.parametrize(
    ("lmax", "n_all", "n_even", "nonzeros", "nonzeros_even", "nonzeros_complex"),
    [
        (1, 6, 5, 27, 21, 25),
        (2, 19, 14, 244, 162, 188),
        (3, 44, 30, 1132, 708, 784),
        (4, 85, 55, 3741, 2229, 2425),
        (5, 146, 91, 9691, 5605, 6025),
        (6, 231, 140, 21762, 12322, 13094),
    ],
)
def test_counts(
    lmax: int, n_all: int, n_even: int, nonzeros: int, nonzeros_even: int, nonzeros_complex: int
) -> None:
    everything = paths(lmax)
    even = [t for t in everything if sum(t) % 2 == 0]
    assert len(everything) == n_all == (lmax + 1) * (2 * lmax**2 + 4 * lmax + 3) // 3
    assert len(even) == n_even == (lmax + 1) * (lmax + 2) * (2 * lmax + 3) // 6
    sizes = sum(wigner_3j(*t).size for t in everything)
    assert sizes == ((lmax + 1) * (2 * lmax + 1) * (2 * lmax + 3) // 3) ** 2
    # zeros are exact, so every threshold counts the same
    for threshold in (0, 1e-14, 1e-10):
        assert sum(np.sum(np.abs(wigner_3j(*t)) > threshold) for t in everything) == nonzeros
        assert sum(np.sum(np.abs(wigner_3j(*t)) > threshold) for t in even) == nonzeros_even
    if lmax <= 3:
        symbols = [
            wigner_3j_symbol(*t, m1, m2, -m1 - m2)
            for t in everything
            for m1 in range(-t[0], t[0] + 1)
            for m2 in range(-t[1], t[1] + 1)
            if abs(m1 + m2) <= t[2]
        ]
        assert np.count_nonzero(symbols) == nonzeros_complex


def test_selection_rule_of_the_real_basis() -> None:
    for triple in paths(4):
        l1, l2, l3 = triple
        for i, j, k in np.argwhere(wigner_3j(*triple)):
            m1, m2, m3 = abs(i - l1), abs(j - l2), abs(k - l3)
            assert m3 in (m1 + m2, abs(m1 - m2))


def test_normalisations() -> None:
    c = wigner_3j(2, 3, 4)
    assert_allclose(clebsch_gordan(2, 3, 4), 3 * c)
    assert_allclose(clebsch_gordan(2, 3, 4, "norm"), sqrt(35) * c)
    assert_allclose(clebsch_gordan(2, 3, 4, "none"), c)


def test_gaunt_is_the_integral_of_three_harmonics() -> None:
    points, weights = lebedev(17)
    y = spherical_harmonics(8, points)
    for l1, l2, l3 in paths(4):
        blocks = [y[:, degree**2 : (degree + 1) ** 2] for degree in (l1, l2, l3)]
        integral = np.einsum("p,pa,pb,pc->abc", weights, *blocks, optimize=True)
        assert_allclose(gaunt(l1, l2, l3), integral, atol=1e-13)


def test_gaunt_against_wignernj() -> None:
    wignernj = pytest.importorskip("wignernj", reason="compares with wignernj")
    for l1, l2, l3 in paths(3):
        g = gaunt(l1, l2, l3)
        for i, j, k in np.ndindex(g.shape):
            expected = wignernj.gaunt_real(l1, i - l1, l2, j - l2, l3, k - l3)
            assert abs(g[i, j, k] - expected) < 1e-15


def test_gaunt_coefficient() -> None:
    assert gaunt_coefficient(1, 1, 1) == gaunt_coefficient(1, 1, 3) == 0
    assert_allclose(gaunt_coefficient(2, 2, 0), sqrt(5 / (4 * pi)), rtol=1e-15)
    assert all((gaunt_coefficient(*t) > 0) == (sum(t) % 2 == 0) for t in paths(6))
    assert not gaunt(1, 1, 1).any()


def test_sign_of_odd_paths() -> None:
    """int Y3 r.(grad Y1 x grad Y2) is a non-negative multiple of C for odd sums of degrees."""
    points, weights = lebedev(11)
    step = 1e-5
    y = spherical_harmonics(3, points)
    shifts = step * np.eye(3)
    gradient = np.stack(
        [
            (spherical_harmonics(3, points + s) - spherical_harmonics(3, points - s)) / (2 * step)
            for s in shifts
        ],
        axis=-1,
    )
    for l1, l2, l3 in paths(3, 3):
        s1, s2, s3 = (slice(degree**2, (degree + 1) ** 2) for degree in (l1, l2, l3))
        cross = np.cross(gradient[:, s1, None], gradient[:, None, s2])
        integral = np.einsum("p,pabx,px,pc->abc", weights, cross, points, y[:, s3], optimize=True)
        if (l1 + l2 + l3) % 2 and min(l1, l2, l3) > 0:
            factor = sqrt(l1 * (l1 + 1) * l2 * (l2 + 1))
            factor *= sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * pi))
            factor *= abs(wigner_3j_symbol(l1, l2, l3, 1, -1, 0))
            assert factor > 0
        else:
            factor = 0
        assert_allclose(integral, factor * wigner_3j(l1, l2, l3), atol=1e-8)


@pytest.mark.parametrize("j", range(7))
def test_matrix_coefficient_is_the_contraction(j: int) -> None:
    for l1, l2, l3 in paths(min(6, 2 * j), min(6, 2 * j)):
        c1, c2, c3 = (sqrt(2 * d + 1) * wigner_3j(j, j, d) for d in (l1, l2, l3))
        product = np.einsum("abi,bcj,ack->ijk", c1, c2, c3, optimize=True)
        w = matrix_coefficient(l1, l2, l3, 2 * j)
        assert_allclose(product, w * wigner_3j(l1, l2, l3), atol=1e-13)


def test_matrix_coefficient_vanishes_where_it_must() -> None:
    assert matrix_coefficient(3, 5, 5, 6) == 0 != matrix_coefficient(3, 5, 5, 8)
    assert matrix_coefficient(3, 1, 2, 2) == 0
    assert abs(matrix_coefficient(2, 1, 2, 4)) == abs(sqrt(75) * wigner_6j(2, 1, 2, 2, 2, 2))


def test_numpy_integers_are_degrees() -> None:
    """Called before any equal Python integers, so that the caches do not answer."""
    l1, l2, l3 = np.array([5, 8, 11])
    seen = (wigner_3j(l1, l2, l3), wigner_3j_symbol(l1, l2, l3, l1, -l2, l2 - l1))
    assert_allclose(np.sum(seen[0] ** 2), 1, rtol=1e-14)
    assert seen[1] == wigner_3j_symbol(l2, l3, l1, -l2, l2 - l1, l1)
    assert wigner_6j(l1, l2, l3, l2, l2, l2) == wigner_6j(l2, l1, l3, 8, 8, 8)


def test_arrays_are_shared_and_read_only() -> None:
    assert wigner_3j(1, 2, 2) is wigner_3j(1, 2, 2)
    for array in (wigner_3j(1, 2, 2), clebsch_gordan(1, 2, 2), gaunt(1, 2, 3)):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 1


@pytest.mark.parametrize("triple", [(1, 1, 3), (0, 1, 2), (-1, 1, 1), (2, 5, 2)])
def test_violated_triangle(triple: tuple[int, int, int]) -> None:
    for function in (wigner_3j, clebsch_gordan, gaunt):
        with pytest.raises(ValueError, match="no coupling of degrees"):
            function(*triple)
    with pytest.raises(ValueError, match="no coupling of degrees"):
        matrix_coefficient(*triple, 4)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="'component', 'norm', 'none'"):
        clebsch_gordan(1, 1, 1, "unit")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="even twice_j"):
        matrix_coefficient(1, 1, 1, 3)


def test_components_are_ordered_by_degree_then_order() -> None:
    degree, order = degrees_and_orders(2)
    assert degree.tolist() == [0, 1, 1, 1, 2, 2, 2, 2, 2]
    assert order.tolist() == [0, -1, 0, 1, -2, -1, 0, 1, 2]
