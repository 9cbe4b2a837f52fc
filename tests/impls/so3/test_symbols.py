"""3j, 6j and 9j symbols: against wignernj and SymPy, and their own identities."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import isclose, sqrt

import numpy as np
import pytest

from impls.so3.symbols import wigner_3j_symbol, wigner_3j_zero, wigner_6j, wigner_9j


def test_3j_against_wignernj() -> None:
    wignernj = pytest.importorskip("wignernj", reason="compares with wignernj")
    rng = np.random.default_rng(0)
    for _ in range(2000):
        l1, l2 = (int(v) for v in rng.integers(0, 21, 2))
        l3 = int(rng.integers(abs(l1 - l2), l1 + l2 + 1))
        m1, m2 = int(rng.integers(-l1, l1 + 1)), int(rng.integers(-l2, l2 + 1))
        if abs(m1 + m2) > l3:
            continue
        arguments = (l1, l2, l3, m1, m2, -m1 - m2)
        assert isclose(
            wigner_3j_symbol(*arguments), wignernj.wigner3j(*arguments), rel_tol=1e-14, abs_tol=0
        )


def test_3j_and_6j_against_sympy() -> None:
    wigner = pytest.importorskip("sympy.physics.wigner", reason="compares with SymPy")
    for l1, l2, m1, m2 in ((1, 1, 0, 1), (2, 1, -2, 1), (2, 2, 1, 1), (3, 2, 0, 0)):
        for l3 in range(abs(l1 - l2), l1 + l2 + 1):
            if abs(m1 + m2) <= l3:
                expected = float(wigner.wigner_3j(l1, l2, l3, m1, m2, -m1 - m2))
                assert isclose(
                    wigner_3j_symbol(l1, l2, l3, m1, m2, -m1 - m2), expected, abs_tol=1e-15
                )
    assert isclose(wigner_6j(2, 3, 4, 2, 2, 2), float(wigner.wigner_6j(2, 3, 4, 2, 2, 2)))


def test_3j_orthogonality() -> None:
    for l1, l2 in itertools.product(range(4), repeat=2):
        lowest, m = abs(l1 - l2), range(-l1, l1 + 1)
        for l3, other in itertools.product(range(lowest, l1 + l2 + 1), repeat=2):
            m3 = min(l3, other)
            total = sum(
                wigner_3j_symbol(l1, l2, l3, m1, m3 - m1, -m3)
                * wigner_3j_symbol(l1, l2, other, m1, m3 - m1, -m3)
                for m1 in m
                if abs(m3 - m1) <= l2
            )
            assert isclose(total, (l3 == other) / (2 * l3 + 1), abs_tol=1e-15)


def test_3j_zero_is_the_symbol_at_zero() -> None:
    for degrees in itertools.product(range(9), repeat=3):
        assert isclose(wigner_3j_zero(*degrees), wigner_3j_symbol(*degrees, 0, 0, 0), rel_tol=1e-15)


def test_6j_against_wignernj() -> None:
    wignernj = pytest.importorskip("wignernj", reason="compares with wignernj")
    rng = np.random.default_rng(1)
    nonzero = 0
    for _ in range(2000):
        arguments = [Fraction(int(v), 2) for v in rng.integers(0, 9, 6)]
        expected = wignernj.wigner6j(*arguments)
        nonzero += expected != 0
        assert isclose(wigner_6j(*arguments), expected, rel_tol=1e-14, abs_tol=1e-16)
        assert wigner_6j(*arguments) == wigner_6j(*(float(v) for v in arguments))
    assert nonzero > 50


def test_6j_orthogonality() -> None:
    a, b, c, d = 2, 1.5, 2.5, 3
    for p, q in itertools.product(range(6), repeat=2):
        total = sum(
            (2 * x + 1) * (2 * p + 1) * wigner_6j(a, b, x, c, d, p) * wigner_6j(a, b, x, c, d, q)
            for x in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)
        )
        triangles = abs(a - d) <= p <= a + d and abs(b - c) <= p <= b + c
        assert isclose(total, p == q and triangles, abs_tol=1e-14)


def test_6j_accidental_zeros() -> None:
    """{l1 l2 l3; j j j} = 0 although every triangle holds."""
    for j, degrees in ((3, (3, 5, 5)), (4, (5, 6, 7)), (5, (4, 9, 9)), (6, (3, 5, 6))):
        assert wigner_6j(*degrees, j, j, j) == 0


def test_6j_tends_to_3j_for_large_j() -> None:
    """Ponzano and Regge: sqrt(2j+1) |6j| -> |3j(000)| for even sums of degrees."""
    j = 160
    for degrees in ((2, 2, 2), (1, 2, 3), (4, 3, 5)):
        ratio = sqrt(2 * j + 1) * abs(wigner_6j(*degrees, j, j, j)) / abs(wigner_3j_zero(*degrees))
        assert abs(ratio - 1) < 2e-3


def test_bad_arguments() -> None:
    assert wigner_3j_symbol(1, 1, 3, 0, 0, 0) == 0
    assert wigner_3j_symbol(1, 1, 1, 1, 1, 1) == 0
    assert wigner_3j_zero(1, 1, 3) == wigner_3j_zero(1, 1, 1) == 0
    with pytest.raises(ValueError, match="-l <= m <= l"):
        wigner_3j_symbol(1, 1, 1, 2, -1, -1)
    for bad in (-1, 0.25, Fraction(1, 3)):
        with pytest.raises(ValueError, match="not an angular momentum"):
            wigner_6j(bad, 1, 1, 1, 1, 1)


def _random_9j(rng: np.random.Generator) -> list[Fraction]:
    """Draw a 9j symbol whose rows hold their triangles, and often its columns too."""
    rows = []
    for _ in range(2):
        j1, j2 = (int(v) for v in rng.integers(0, 8, 2))
        rows.append([j1, j2, int(rng.choice(range(abs(j1 - j2), j1 + j2 + 1, 2)))])
    last = [int(rng.choice(range(abs(p - q), p + q + 1, 2))) for p, q in zip(*rows, strict=True)]
    return [Fraction(v, 2) for v in (*rows[0], *rows[1], *last)]


def test_9j_against_wignernj() -> None:
    wignernj = pytest.importorskip("wignernj", reason="compares with wignernj")
    rng = np.random.default_rng(2)
    nonzero = 0
    for _ in range(1500):
        arguments = _random_9j(rng)
        expected = wignernj.wigner9j(*arguments)
        nonzero += expected != 0
        assert isclose(wigner_9j(*arguments), expected, rel_tol=1e-13, abs_tol=1e-16)
    assert nonzero > 300


def test_9j_against_sympy() -> None:
    wigner = pytest.importorskip("sympy.physics.wigner", reason="compares with SymPy")
    for arguments in (
        (2, 3, 4, 1, 1, 1, 2, 2, 4),
        (1, 2, 3, 1, 1, 0, 2, 1, 3),
        (1, 1, 2, 1, 1, 1, 1, 2, 3),
    ):
        expected = float(wigner.wigner_9j(*arguments))
        assert expected != 0 and isclose(wigner_9j(*arguments), expected, rel_tol=1e-14)


def test_9j_symmetries() -> None:
    """Transposition changes nothing; exchanging two rows gives (-1)^(sum of all)."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        a, b, c, d, e, f, g, h, i = (float(v) for v in _random_9j(rng))
        value = wigner_9j(a, b, c, d, e, f, g, h, i)
        assert wigner_9j(a, d, g, b, e, h, c, f, i) == value
        sign = (-1) ** round(a + b + c + d + e + f + g + h + i) if value else 1
        assert wigner_9j(d, e, f, a, b, c, g, h, i) == sign * value


def test_9j_with_a_zero_is_a_6j() -> None:
    for a, b, c, d, e, g in itertools.product(range(4), repeat=6):
        found = wigner_9j(a, b, c, d, e, c, g, g, 0)
        expected = (-1) ** (b + c + d + g) * wigner_6j(a, b, c, e, d, g)
        assert isclose(found, expected / sqrt((2 * c + 1) * (2 * g + 1)), abs_tol=1e-16)


def test_9j_orthogonality() -> None:
    a, b, d, e, j = 1, 1.5, 2, 0.5, 2
    for (c, f), (c2, f2) in itertools.product(((0.5, 1.5), (1.5, 1.5), (2.5, 2.5)), repeat=2):
        total = sum(
            (2 * g + 1) * (2 * h + 1) * (2 * c + 1) * (2 * f + 1)
            * wigner_9j(a, b, c, d, e, f, g, h, j) * wigner_9j(a, b, c2, d, e, f2, g, h, j)
            for g in (1, 2, 3)
            for h in (1, 2)
        )  # fmt: skip
        assert isclose(total, (c, f) == (c2, f2), abs_tol=1e-14)


def test_9j_bad_arguments() -> None:
    assert wigner_9j(1, 1, 3, 1, 1, 1, 1, 1, 1) == wigner_9j(1, 1, 1, 1, 1, 1, 1, 1, 3) == 0
    assert wigner_9j(0.5, 1, 1, 1, 1, 1, 0.5, 1, 1) == 0
    with pytest.raises(ValueError, match="not an angular momentum"):
        wigner_9j(1, 1, 1, 1, -1, 1, 1, 1, 1)
