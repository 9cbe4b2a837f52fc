import math

import numpy as np
import pytest

from analysis.statistics import (
    geometric_mean,
    median_coverage,
    median_interval,
    ratio_interval,
)


def test_median_interval_is_the_textbook_one():
    # n = 10 at 95 %: ranks 2 and 9, coverage 1 - 2 (1 + 10)/1024
    assert median_interval(np.arange(10.0, 0.0, -1)) == (5.5, 2.0, 9.0)
    assert median_coverage(10) == pytest.approx(1 - 22 / 1024)
    assert median_interval([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    assert median_coverage(3) == pytest.approx(0.75)
    assert median_interval([4.0]) == (4.0, 4.0, 4.0)
    assert median_coverage(1) == 0.0


@pytest.mark.parametrize("n", [6, 7, 20, 101])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_coverage_is_reached_and_not_wasted(n, level):
    assert median_coverage(n, level) >= level
    samples = np.random.default_rng(n).lognormal(size=(4000, n))
    bounds = np.array([median_interval(row, level)[1:] for row in samples])
    covered = np.mean((bounds[:, 0] <= 1.0) & (bounds[:, 1] >= 1.0))
    assert covered == pytest.approx(median_coverage(n, level), abs=0.017)


def test_ratio_interval_covers_and_pairing_narrows():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(60):
        drift = rng.lognormal(sigma=0.5, size=12)
        a = 1.3 * drift * rng.lognormal(sigma=0.05, size=12)
        b = drift * rng.lognormal(sigma=0.05, size=12)
        ratio, lo, hi = ratio_interval(a, b, rng=seed)
        assert lo <= ratio <= hi
        hits += lo <= 1.3 <= hi
    assert hits >= 52
    _, low, high = ratio_interval(a, b[:-1])
    assert high / low > 2 * hi / lo


def test_ratio_interval_is_seeded_and_symmetric():
    rng = np.random.default_rng(1)
    a, b = rng.lognormal(size=9), rng.lognormal(size=9)
    assert ratio_interval(a, b, rng=5) == ratio_interval(a, b, rng=5)
    forward, backward = ratio_interval(a, b, rng=5), ratio_interval(b, a, rng=5)
    np.testing.assert_allclose(1 / np.array(backward)[[0, 2, 1]], forward, rtol=1e-6)


def test_ratio_of_one_round_and_of_equal_rounds():
    ratio, lo, hi = ratio_interval([2.0], [1.0])
    assert ratio == pytest.approx(2.0) and math.isnan(lo) and math.isnan(hi)
    assert ratio_interval([2.0, 2.0], [2.0, 2.0]) == (1.0, 1.0, 1.0)


def test_geometric_mean_treats_reciprocals_alike():
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0)
    assert geometric_mean([1.0, 10.0, 100.0]) == pytest.approx(10.0)


@pytest.mark.parametrize("bad", [[], [1.0, np.nan], [[1.0]]])
def test_bad_samples_are_refused(bad):
    for function in (median_interval, geometric_mean, lambda x: ratio_interval(x, [1.0])):
        with pytest.raises(ValueError, match="finite"):
            function(bad)


def test_non_positive_ratios_and_bad_levels_are_refused():
    with pytest.raises(ValueError, match="positive"):
        geometric_mean([1.0, 0.0])
    with pytest.raises(ValueError, match="level"):
        median_interval([1.0], 95)
