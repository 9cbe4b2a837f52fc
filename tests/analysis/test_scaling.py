import math

import numpy as np
import pytest

from analysis.scaling import crossovers, exponent, tail
from analysis.statistics import paired_ratio

SIZES = np.arange(1.0, 9.0)


def test_power_law_is_recovered():
    alpha, lo, hi = exponent(SIZES, 5.0 * SIZES**3.0)
    assert alpha == pytest.approx(3.0, abs=1e-12) and hi - lo < 1e-6
    assert tail(SIZES, 5.0 * SIZES**3.0) == 8


def test_only_the_largest_sizes_count():
    sizes = np.array([8, 1, 2, 4, 16, 32])
    values = np.maximum(sizes, 4.0) ** 2
    alpha, *_ = exponent(sizes, values, last=4)
    assert alpha == pytest.approx(2.0)
    assert exponent(sizes, values, last=6).value < 1.9
    assert tail(sizes, values) == 4 and exponent(sizes, values) == exponent(sizes, values, last=4)


@pytest.mark.parametrize("truth", [3.0, 6.0])
def test_the_tail_leaves_out_what_has_not_settled(truth):
    # a latency of 5 us below work that grows as a power: all sizes together say far less
    times = 5e-6 + 2e-7 * SIZES**truth
    alpha, lo, hi = exponent(SIZES, times)
    kept = tail(SIZES, times)
    assert 3 <= kept < 8 and abs(alpha - truth) < 0.4
    assert exponent(SIZES, times, last=8).value < truth - 0.5
    local = np.diff(np.log(times)) / np.diff(np.log(SIZES))
    assert np.ptp(local[-(kept - 1) :]) < 0.5 < np.ptp(local)
    assert lo < local[1 - kept :].max() and hi > local[1 - kept :].min()
    assert tail(SIZES, times, tolerance=100.0) == 8


def test_the_tail_stands_noise():
    rng = np.random.default_rng(0)
    kept = [
        tail(SIZES, np.maximum(SIZES, 3.0) ** 4 * rng.lognormal(sigma=0.02, size=8))
        for _ in range(100)
    ]
    assert np.mean(np.array(kept) == 6) > 0.9  # 3 .. 8: the flat part is left out and no more


def test_what_never_settles_gives_the_last_local_exponent():
    values = np.exp(SIZES)
    assert tail(SIZES, values) == 2
    alpha, lo, hi = exponent(SIZES, values)
    assert alpha == pytest.approx(1 / math.log(8 / 7)) and math.isnan(lo) and math.isnan(hi)


def test_interval_of_three_sizes_is_the_textbook_one():
    # at 1, e, e^2 the logs 0, 1, 3: slope 1.5, residuals 1/6 (1, -2, 1), and t(1) of 95 % is 12.7
    alpha, lo, hi = exponent(np.exp([0, 1, 2]), np.exp([0, 1, 3]), last=3)
    error = math.sqrt(6 / 36 / 1 / 2)
    assert (alpha, lo, hi) == pytest.approx((1.5, 1.5 - 12.7062 * error, 1.5 + 12.7062 * error))


def test_interval_covers():
    rng = np.random.default_rng(0)
    sizes = np.arange(3.0, 9.0)
    noise = rng.lognormal(sigma=0.1, size=(400, 6))
    for last, low in ((6, 0.92), (None, 0.88)):
        found = [exponent(sizes, sizes**4 * factor, last=last) for factor in noise]
        assert low < np.mean([lo <= 4.0 <= hi for _, lo, hi in found]) < 0.98
    quiet = [exponent(sizes, sizes**4 * factor**0.2) for factor in noise]  # 2 %
    assert 0.92 < np.mean([lo <= 4.0 <= hi for _, lo, hi in quiet]) < 0.98
    naive = [exponent(sizes, sizes**4 * f, last=6, level=0.68) for f in noise]  # one sigma
    assert np.mean([lo <= 4.0 <= hi for _, lo, hi in naive]) < 0.8


def test_rounds_at_the_same_size_are_points_of_their_own():
    sizes = np.repeat(SIZES, 3)
    values = np.maximum(sizes, 4.0) ** 2 * np.tile([0.99, 1.0, 1.01], 8)
    assert tail(sizes, values) == 5
    alpha, lo, hi = exponent(sizes, values)
    assert lo < 2.0 < hi and hi - lo < 0.1 and alpha == pytest.approx(2.0)


def test_two_points_have_no_interval_and_one_is_refused():
    alpha, lo, hi = exponent([1, 2], [1, 8])
    assert alpha == pytest.approx(3.0) and math.isnan(lo) and math.isnan(hi)
    with pytest.raises(ValueError, match="two distinct"):
        exponent([2, 2], [1, 1])
    with pytest.raises(ValueError, match="positive"):
        exponent([1, 2], [0, 1])
    with pytest.raises(ValueError, match="finite"):
        exponent([1, 2], [math.inf, 1])
    with pytest.raises(ValueError, match="last"):
        exponent([1, 2], [1, 8], last=1)


def bands(ratios, width):
    return [(r, r / width, r * width) for r in ratios]


def test_power_laws_cross_where_they_are_equal():
    # 8 L^3 and L^4 are equal at L = 8; the band is a factor 1.1 wide: 8/1.1 .. 8 * 1.1
    sizes = [1, 2, 4, 16, 32]
    ratios = [8 / s for s in sizes]
    ((at, lo, hi),) = crossovers(sizes, bands(ratios, 1.1))
    assert (at, lo, hi) == pytest.approx((8.0, 8 / 1.1, 8 * 1.1))
    ((at, lo, hi),) = crossovers(sizes[::-1], bands([1 / r for r in ratios[::-1]], 1.1))
    assert (at, lo, hi) == pytest.approx((8.0, 8 / 1.1, 8 * 1.1))


def test_what_is_not_beyond_its_interval_does_not_cross():
    sizes = [1, 2, 3, 4]
    assert crossovers(sizes, bands([3.0, 2.0, 2.0, 1.5], 1.1)) == ()
    assert crossovers(sizes, bands([1.05, 0.95, 1.05, 0.95], 1.1)) == ()
    assert crossovers(sizes, bands([3.0, 2.0, 1.5, 0.95], 1.1)) == ()
    nan = math.nan
    assert crossovers(sizes, [(r, nan, nan) for r in (2.0, 1.5, 0.5, 0.4)]) == ()


def test_every_crossing_is_found_and_noise_between_is_one():
    sizes = [1, 2, 4, 8, 16]
    first, second = crossovers(sizes, bands([0.5, 2.0, 2.0, 2.0, 0.5], 1.2))
    assert first.value == pytest.approx(math.sqrt(2)) and second.value == pytest.approx(8 * 2**0.5)
    assert first.lo < first.value < first.hi < second.lo < second.value < second.hi
    (one,) = crossovers(sizes, bands([0.5, 1.05, 0.95, 1.05, 2.0], 1.2))
    assert one.lo < 2.0 and one.hi > 8.0
    assert one.value == pytest.approx(2 ** (1 + np.log(1.05) / np.log(1.05 / 0.95)))  # 2nd of 3


def test_a_size_without_an_interval_leaves_the_place_open():
    ratios = bands([2.0, 1.2, 0.5], 1.1)
    ratios[1] = (1.2, math.nan, math.nan)
    ((at, lo, hi),) = crossovers([1, 2, 4], ratios)
    assert 2.0 < at < 4.0 and math.isnan(lo) and math.isnan(hi)


def test_interval_of_a_crossover_covers():
    # times L^3 against 100 L^1.5 cross at 100^(2/3) = 21.5
    rng = np.random.default_rng(0)
    sizes, truth = np.array([4.0, 8.0, 16.0, 32.0, 64.0]), 100 ** (2 / 3)
    hits, missed, thin = 0, 0, 0
    trials = 300
    for _ in range(trials):
        noise = 0.2 * rng.standard_normal((2, 5, 5, 11)) + 0.3 * rng.standard_normal((2, 5, 5, 1))
        a, b = np.exp(noise)
        ratios = [paired_ratio(s**3 * a[i], 100 * s**1.5 * b[i]) for i, s in enumerate(sizes)]
        found = crossovers(sizes, ratios)
        if not found:
            missed += 1
            continue
        ((at, lo, hi),) = found
        assert lo < at < hi
        hits += lo <= truth <= hi
        thin += at / 1.05 <= truth <= at * 1.05
    assert missed < 0.1 * trials
    assert hits >= 0.92 * (trials - missed) > 0.6 * trials > thin


def test_bad_crossovers_are_refused():
    good = [(2.0, 1.9, 2.1), (0.5, 0.4, 0.6)]
    for sizes, ratios in (([1, 1], good), ([1], good), ([1, 2], [2.0, 0.5])):
        with pytest.raises(ValueError, match="distinct"):
            crossovers(sizes, ratios)
    for sizes, ratios in (([0, 2], good), ([1, 2], [(0.0, 0.0, 1.0), good[1]])):
        with pytest.raises(ValueError, match="positive"):
            crossovers(sizes, ratios)
