import math

import numpy as np
import pytest

from analysis.scaling import exponent


def test_power_law_is_recovered():
    sizes = np.arange(1, 9)
    alpha, lo, hi = exponent(sizes, 5.0 * sizes**3.0)
    assert alpha == pytest.approx(3.0, abs=1e-12) and hi - lo < 1e-6


def test_only_the_largest_sizes_count():
    sizes = np.array([8, 1, 2, 4, 16, 32])
    alpha, *_ = exponent(sizes, np.maximum(sizes, 4.0) ** 2, last=4)
    assert alpha == pytest.approx(2.0)
    assert exponent(sizes, np.maximum(sizes, 4.0) ** 2, last=6)[0] < 1.9


def test_interval_covers():
    rng = np.random.default_rng(0)
    sizes = np.arange(3.0, 9.0)
    hits = 0
    for _ in range(300):
        _, lo, hi = exponent(sizes, sizes**4 * rng.lognormal(sigma=0.1, size=6), last=6)
        hits += lo <= 4.0 <= hi
    assert hits / 300 == pytest.approx(0.95, abs=0.04)


def test_two_points_have_no_interval_and_one_is_refused():
    alpha, lo, hi = exponent([1, 2], [1, 8])
    assert alpha == pytest.approx(3.0) and math.isnan(lo) and math.isnan(hi)
    with pytest.raises(ValueError, match="two distinct"):
        exponent([2, 2], [1, 1])
    with pytest.raises(ValueError, match="positive"):
        exponent([1, 2], [0, 1])
