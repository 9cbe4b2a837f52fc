"""Scalar Wigner symbols from exact integer arithmetic, rounded once at the end."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from math import factorial


def triangle(l1: int, l2: int, l3: int) -> bool:
    """Tell whether |l1-l2| <= l3 <= l1+l2 and no degree is negative.

    >>> triangle(1, 1, 2), triangle(1, 1, 3)
    (True, False)
    """
    return abs(l1 - l2) <= l3 <= l1 + l2 and min(l1, l2, l3) >= 0


def alternating(exponent: int) -> int:
    """Return (-1)^exponent as an integer, for exponents of either sign.

    >>> alternating(3), alternating(-4)
    (-1, 1)
    """
    return -1 if exponent % 2 else 1


def _signed_root(value: Fraction, sign: int) -> float:
    """Return sign * sqrt(value); the exact value is rounded to float64 only here."""
    return math.copysign(math.sqrt(value), sign) if value else 0.0


@lru_cache(maxsize=65536)
def wigner_3j_symbol(l1: int, l2: int, l3: int, m1: int, m2: int, m3: int) -> float:
    r"""Return the Wigner 3j symbol (l1 l2 l3; m1 m2 m3) of integer degrees, complex basis.

    Racah's formula [@varshalovich1988] ch. 8: with J = l1+l2+l3 and Delta the triangle
    coefficient, (-1)^(l1-l2-m3) sqrt(Delta prod (l+m)!(l-m)!) times an alternating sum of inverse
    factorials. It is 0 when the triangle or m1+m2+m3 = 0 fails, as usual; ValueError for a
    negative degree or |m| > l.

    >>> round(wigner_3j_symbol(1, 1, 0, 1, -1, 0), 6)
    0.57735
    """
    for degree, m in ((l1, m1), (l2, m2), (l3, m3)):
        if degree < 0 or abs(m) > degree:
            raise ValueError(f"(l, m) = ({degree}, {m}): need l >= 0 and -l <= m <= l")
    if m1 + m2 + m3 != 0 or not triangle(l1, l2, l3):
        return 0.0
    low = max(0, l2 - l3 - m1, l1 - l3 + m2)
    high = min(l1 + l2 - l3, l1 - m1, l2 + m2)
    total = sum(
        Fraction(
            (-1) ** k,
            factorial(k)
            * factorial(l3 - l2 + k + m1)
            * factorial(l3 - l1 + k - m2)
            * factorial(l1 + l2 - l3 - k)
            * factorial(l1 - k - m1)
            * factorial(l2 - k + m2),
        )
        for k in range(low, high + 1)
    )
    square = _triangle_coefficient(2 * l1, 2 * l2, 2 * l3) * Fraction(total) ** 2
    for degree, m in ((l1, m1), (l2, m2), (l3, m3)):
        square *= factorial(degree + m) * factorial(degree - m)
    return _signed_root(square, alternating(l1 - l2 - m3) * (1 if total > 0 else -1))


def wigner_3j_zero(l1: int, l2: int, l3: int) -> float:
    r"""Return the 3j symbol (l1 l2 l3; 0 0 0) by its closed form [@varshalovich1988] ch. 8.

    With g = (l1+l2+l3)/2 it is (-1)^g sqrt(prod (2g-2l_i)! / (2g+1)!) g! / prod (g-l_i)!, and 0
    for an odd sum or a violated triangle.

    >>> round(wigner_3j_zero(1, 1, 0), 6), wigner_3j_zero(1, 1, 1)
    (-0.57735, 0.0)
    """
    total = l1 + l2 + l3
    if total % 2 or not triangle(l1, l2, l3):
        return 0.0
    g = total // 2
    square = Fraction(factorial(g) ** 2, factorial(total + 1))
    for degree in (l1, l2, l3):
        square *= Fraction(factorial(total - 2 * degree), factorial(g - degree) ** 2)
    return _signed_root(square, alternating(g))


@lru_cache(maxsize=65536)
def wigner_6j(
    a: float | Fraction,
    b: float | Fraction,
    c: float | Fraction,
    d: float | Fraction,
    e: float | Fraction,
    f: float | Fraction,
) -> float:
    r"""Return the Wigner 6j symbol {a b c; d e f}, integers or half-integers.

    Racah's formula [@varshalovich1988] ch. 9 in exact rationals. It is 0 when one of the four
    triangles (abc) (aef) (dbf) (dec) fails; ValueError when an argument is negative or not a
    multiple of 1/2. The 24 arrangements of one symbol are computed once.

    >>> round(wigner_6j(1, 1, 1, 1, 1, 1), 6), wigner_6j(3, 5, 5, 3, 3, 3)
    (0.166667, 0.0)
    """
    return _wigner_6j(*_arranged(*(_twice(value) for value in (a, b, c, d, e, f))))


def _arranged(
    a2: int, b2: int, c2: int, d2: int, e2: int, f2: int
) -> tuple[int, int, int, int, int, int]:
    """Return the first of the equal arrangements: columns permuted, upside down in two columns."""
    turned = (
        ((a2, d2), (b2, e2), (c2, f2)),
        ((a2, d2), (e2, b2), (f2, c2)),
        ((d2, a2), (b2, e2), (f2, c2)),
        ((d2, a2), (e2, b2), (c2, f2)),
    )
    (a2, d2), (b2, e2), (c2, f2) = min(sorted(columns) for columns in turned)
    return a2, b2, c2, d2, e2, f2


@lru_cache(maxsize=65536)
def _wigner_6j(a2: int, b2: int, c2: int, d2: int, e2: int, f2: int) -> float:
    """Return {a b c; d e f} from doubled arguments."""
    triads = ((a2, b2, c2), (a2, e2, f2), (d2, b2, f2), (d2, e2, c2))
    if any(sum(t) % 2 or not triangle(*t) for t in triads):
        return 0.0
    total = _racah_sum(a2, b2, c2, d2, e2, f2)
    square = total**2 * math.prod(_triangle_coefficient(*t) for t in triads)
    return _signed_root(square, 1 if total > 0 else -1)


@lru_cache(maxsize=65536)
def wigner_9j(
    a: float | Fraction,
    b: float | Fraction,
    c: float | Fraction,
    d: float | Fraction,
    e: float | Fraction,
    f: float | Fraction,
    g: float | Fraction,
    h: float | Fraction,
    i: float | Fraction,
) -> float:
    r"""Return the Wigner 9j symbol {a b c; d e f; g h i}, integers or half-integers.

    The sum over products of three 6j symbols [@varshalovich1988] ch. 10,

        sum_x (-1)^(2x) (2x+1) {a b c; f i x} {d e f; b x h} {g h i; x a d},

    in exact rationals: each triangle that holds x occurs twice, so the roots are common to all
    terms. It is 0 when a triangle of a row or of a column fails; ValueError when an argument is
    negative or not a multiple of 1/2.

    >>> round(wigner_9j(1, 1, 0, 1, 1, 0, 0, 0, 0), 6)
    0.333333
    """
    a2, b2, c2, d2, e2, f2, g2, h2, i2 = (_twice(value) for value in (a, b, c, d, e, f, g, h, i))
    rows = ((a2, b2, c2), (d2, e2, f2), (g2, h2, i2))
    triads = (*rows, *zip(*rows, strict=True))
    if any(sum(t) % 2 or not triangle(*t) for t in triads):
        return 0.0
    pairs = ((a2, i2), (d2, h2), (b2, f2))
    low, high = max(abs(p - q) for p, q in pairs), min(p + q for p, q in pairs)
    total = Fraction(0)
    for x2 in range(low, high + 1, 2):
        term = math.prod(_triangle_coefficient(p, q, x2) for p, q in pairs)
        term *= _racah_sum(a2, b2, c2, f2, i2, x2)
        term *= _racah_sum(d2, e2, f2, b2, x2, h2)
        term *= _racah_sum(g2, h2, i2, x2, a2, d2)
        total += alternating(x2) * (x2 + 1) * term
    square = total**2 * math.prod(_triangle_coefficient(*t) for t in triads)
    return _signed_root(square, 1 if total > 0 else -1)


def _twice(value: float | Fraction) -> int:
    """Return 2*value as an integer; ValueError when it is negative or not an integer."""
    twice = 2 * value if isinstance(value, int) else 2 * Fraction(value)
    if twice.denominator != 1 or twice < 0:
        raise ValueError(f"{value} is not an angular momentum: use 0, 1/2, 1, 3/2, ...")
    return int(twice)


@lru_cache(maxsize=65536)
def _racah_sum(a2: int, b2: int, c2: int, d2: int, e2: int, f2: int) -> Fraction:
    """Return the sum in Racah's formula of {a b c; d e f} from doubled arguments."""
    triads = ((a2, b2, c2), (a2, e2, f2), (d2, b2, f2), (d2, e2, c2))
    lower = [sum(t) // 2 for t in triads]
    upper = [(a2 + b2 + d2 + e2) // 2, (b2 + c2 + e2 + f2) // 2, (a2 + c2 + d2 + f2) // 2]
    total = Fraction(0)
    for t in range(max(lower), min(upper) + 1):
        below = math.prod(factorial(t - s) for s in lower)
        above = math.prod(factorial(s - t) for s in upper)
        total += Fraction((-1) ** t * factorial(t + 1), below * above)
    return total


@lru_cache(maxsize=65536)
def _triangle_coefficient(a2: int, b2: int, c2: int) -> Fraction:
    """Return Delta(abc) = (a+b-c)!(a-b+c)!(-a+b+c)!/(a+b+c+1)! from doubled arguments."""
    above = (a2 + b2 - c2, a2 - b2 + c2, -a2 + b2 + c2)
    return Fraction(
        math.prod(factorial(value // 2) for value in above), factorial((a2 + b2 + c2) // 2 + 1)
    )
