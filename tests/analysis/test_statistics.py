import math

import numpy as np
import pytest
from scipy import stats

from analysis.simulation import (
    MODELS,
    autocorrelated,
    bimodal,
    coverage,
    drifting,
    hierarchical_bootstrap,
    lognormal,
    pooled,
)
from analysis.statistics import (
    autocorrelation_time,
    below_median,
    drift,
    geometric_mean,
    hierarchical_interval,
    log_ratios,
    median_coverage,
    median_interval,
    paired_ratio,
    series_interval,
)

TRIALS = 400
ERROR = 4 * math.sqrt(0.05 * 0.95 / TRIALS)  # of a coverage of 0.95, four standard errors


def drawn(model, *shape, seed=0):
    return np.exp(model(np.random.default_rng(seed), shape))


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
    samples = np.random.default_rng(n).lognormal(size=(2000, n))
    covered = coverage(samples, lambda x: median_interval(x, level))
    assert covered == pytest.approx(median_coverage(n, level), abs=4 * math.sqrt(0.09 / 2000))


@pytest.mark.parametrize("n", [2, 5, 10, 31])
@pytest.mark.parametrize("tau", [1.0, 1.5, 4.0, 20.0])
def test_the_count_below_the_median_has_the_variance_of_dependent_samples(n, tau):
    below = below_median(n, tau)
    density = np.diff(below, prepend=0.0)
    middle = [1 - 2 * density.sum()] * (n % 2 == 0)  # n/2, which is not listed
    both = np.concatenate([density, middle, density[::-1]])
    variance = np.sum(both * (np.arange(len(both)) - n / 2) ** 2)
    assert np.sum(both) == pytest.approx(1.0)
    assert variance == pytest.approx(n * min(tau, n) / 4, rel=1e-6)
    np.testing.assert_allclose(below_median(n, 1 + 1e-7), below_median(n), atol=1e-5)


def test_dependent_samples_widen_and_cover_less():
    x = np.random.default_rng(0).lognormal(size=31)
    _, lo, hi = median_interval(x, tau=3.0)
    assert lo < median_interval(x).lo and hi > median_interval(x).hi
    assert median_interval(x, tau=31.0)[1:] == (x.min(), x.max())
    assert median_coverage(31, tau=3.0) >= 0.95 > median_coverage(31, tau=15.0) > 0.8
    assert median_coverage(31, tau=31.0) < 1e-6


def test_autocorrelation_time_of_a_long_series():
    n = 40_000
    for rho in (0.0, 0.5, 0.9):
        x = drawn(autocorrelated(rho), n)[0]
        assert autocorrelation_time(x) == pytest.approx((1 + rho) / (1 - rho), rel=0.1)
        x[n // 2] = 1e9  # a spike blinds the plain autocorrelation, not that of ranks
        assert autocorrelation_time(x) == pytest.approx((1 + rho) / (1 - rho), rel=0.1)
    # 0.9 in half of the variance: 1 + 2 (rho_1 = 0.45)/(1 - 0.9)
    x = drawn(autocorrelated(0.9, white=0.01), n)[0]
    assert autocorrelation_time(x) == pytest.approx(10.0, rel=0.15)


def test_autocorrelation_time_is_within_one_and_n():
    assert autocorrelation_time([1.0, 2.0, 3.0, 4.0]) == 1.0
    assert autocorrelation_time(np.full(9, 2.0)) == 1.0
    assert autocorrelation_time([1.0, 2.0] * 10) == 1.0
    assert autocorrelation_time(np.arange(40.0)) == 40.0
    for seed in range(200):
        x = np.random.default_rng(seed).standard_normal(5 + seed % 7)
        assert 1.0 <= autocorrelation_time(x) <= len(x)


@pytest.mark.parametrize("n", [31, 101])
def test_a_wandering_series_is_not_overconfident(n):
    independent = drawn(lognormal(0.01), TRIALS, n)[0]
    assert coverage(independent, series_interval) > 0.95 - ERROR
    mild = drawn(autocorrelated(0.5), TRIALS, n)[0]
    assert coverage(mild, series_interval) > 0.95 - ERROR > 0.9 > coverage(mild, median_interval)
    strong = drawn(autocorrelated(0.9), TRIALS, n)[0]
    # 31 samples say as much as 1.6: what cannot be known is nearly known to be so
    assert coverage(strong, series_interval) > {31: 0.85, 101: 0.92}[n]
    assert coverage(strong, median_interval) < 0.5


@pytest.mark.parametrize("rounds", [2, 3, 5, 10])
@pytest.mark.parametrize("name", [name for name in MODELS if "bimodal" not in name])
def test_hierarchical_interval_covers(name, rounds):
    times = drawn(MODELS[name], TRIALS, rounds, 31, seed=rounds)[0]
    assert coverage(times, hierarchical_interval) == pytest.approx(0.95, abs=ERROR)


def test_two_modes_cover_but_for_the_chance_that_all_processes_share_one():
    for rounds in (2, 3, 4, 5):
        times = drawn(bimodal, TRIALS, rounds, 31, seed=rounds)[0]
        assert coverage(times, hierarchical_interval) > 1 - 2 * 0.5**rounds - 0.1
        assert coverage(times, pooled) < 0.6
    times = drawn(bimodal, TRIALS, 10, 31)[0]
    assert coverage(times, hierarchical_interval) > 0.95 - ERROR


@pytest.mark.parametrize("model", [drifting, autocorrelated(0.9)])
def test_methods_that_forget_the_process_fail_the_same_check(model):
    times = drawn(model, TRIALS, 3, 31, seed=3)[0]
    assert coverage(times, hierarchical_interval) > 0.95 - ERROR
    assert coverage(times, pooled) < 0.6
    assert coverage(times[:100], hierarchical_bootstrap) < 0.95 - ERROR


def test_bootstrap_draws_medians_as_resampling_does():
    rng = np.random.default_rng(0)
    groups = [rng.lognormal(size=n) for n in (5, 9, 31)]
    chosen = rng.integers(0, 3, (3000, 3))
    means = [
        np.mean([np.log(np.median(rng.choice(groups[i], len(groups[i])))) for i in row])
        for row in chosen
    ]
    _, lo, hi = hierarchical_bootstrap(groups)
    np.testing.assert_allclose(np.log([lo, hi]), np.quantile(means, [0.025, 0.975]), atol=0.08)


def test_hierarchical_interval_is_students_on_log_medians():
    groups = [[1.0, 2.0, 90.0], [1.0], [4.0, 3.0, 5.0, 6.0]]
    logs = np.log([2.0, 1.0, 4.5])
    value, lo, hi = hierarchical_interval(groups, 0.9)
    assert value == pytest.approx(9.0 ** (1 / 3))
    expected = stats.t.interval(0.9, 2, logs.mean(), stats.sem(logs))
    np.testing.assert_allclose(np.log([lo, hi]), expected)
    scaled = hierarchical_interval([np.multiply(1e-6, g) for g in groups], 0.9)
    np.testing.assert_allclose(scaled, 1e-6 * np.array([value, lo, hi]))
    one = np.random.default_rng(0).lognormal(size=31)
    assert hierarchical_interval([one]) == series_interval(one)


def test_no_sample_is_deleted():
    rng = np.random.default_rng(0)
    groups = rng.lognormal(sigma=0.01, size=(3, 31))
    before = hierarchical_interval(groups)
    for r, i in np.ndindex(groups.shape):  # each sample counts: moved to the other side, it shows
        moved = groups.copy()
        moved[r, i] = 1e3 if moved[r, i] <= np.median(moved[r]) else 1e-3
        assert hierarchical_interval(moved) != before
    # a whole process that is far off is not dropped: it moves the estimate and widens the interval
    slow = groups * np.array([[1.0], [1.0], [2.0]])
    after = hierarchical_interval(slow)
    assert after.value == pytest.approx(before.value * 2 ** (1 / 3))
    assert after.hi / after.lo > 5 * before.hi / before.lo
    # within a process, spikes on one side carry the interval with them
    x = np.sort(groups[0])
    x[-11:] *= 100.0
    assert median_interval(x).hi > 90.0 > median_interval(groups[0]).hi


@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
@pytest.mark.parametrize("name", ["lognormal 5 %", "drifting, shared"])
def test_paired_ratio_covers(name, rounds):
    a, b = drawn(MODELS[name], TRIALS, rounds, 31, seed=rounds)
    pairs = np.stack([1.3 * a, b], axis=1)
    shifted = coverage(pairs, lambda x: np.divide(paired_ratio(x[0], x[1]), 1.3))
    assert 0.95 - ERROR < shifted < (1.0 if rounds == 1 else 0.95 + ERROR)


def test_pairing_cancels_what_is_shared():
    a, b = drawn(drifting, 3, 31)
    ratio = paired_ratio(a, b)
    apart = np.log(np.median(a, axis=1) / np.median(b[::-1], axis=1))  # the wrong partners
    assert ratio.hi / ratio.lo < 1.05 < np.exp(2 * 4.3 * stats.sem(apart))
    # memory of each other within a single round widens
    a, b = drawn(autocorrelated(0.9), 400, 1, 31)
    pairs = np.stack([a, b], axis=1)
    assert coverage(pairs, lambda x: paired_ratio(x[0], x[1])) > 0.85
    assert coverage(pairs, lambda x: np.exp(median_interval(log_ratios(*x)[0]))) < 0.5


def test_paired_ratio_is_students_on_medians_of_log_ratios():
    b = drawn(lognormal(0.1), 3, 5)[0]
    factors = np.array([[1.0, 2.0, 3.0, 4.0, 900.0], [2.0, 2.0, 2.0, 2.0, 2.0], [1, 1, 4, 5, 6]])
    logs = np.log([3.0, 2.0, 4.0])
    ratio, lo, hi = paired_ratio(factors * b, b, 0.9)
    assert ratio == pytest.approx(24.0 ** (1 / 3))
    expected = stats.t.interval(0.9, 2, logs.mean(), stats.sem(logs))
    np.testing.assert_allclose(np.log([lo, hi]), expected)


def test_paired_ratio_is_symmetric_and_scale_free():
    a, b = drawn(lognormal(0.05), 4, 11)
    for rounds in (1, 4):
        forward = paired_ratio(3 * a[:rounds], 6 * b[:rounds])
        backward = paired_ratio(b[:rounds], a[:rounds])
        np.testing.assert_allclose(0.5 / np.array(backward)[[0, 2, 1]], forward)
    first = np.log(a[0] / b[0])
    np.testing.assert_allclose(np.log(paired_ratio(a[:1], b[:1])), series_interval(first))


def test_what_has_no_partner_is_refused():
    with pytest.raises(ValueError, match="round 1 has 2 and 3 samples"):
        paired_ratio([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="rounds must be paired"):
        paired_ratio([[1.0], [2.0]], [[1.0]])
    with pytest.raises(ValueError, match="rounds must be paired"):
        paired_ratio([], [])
    with pytest.raises(ValueError, match=r"b_groups\[0\] must be positive"):
        paired_ratio([[1.0]], [[0.0]])
    with pytest.raises(ValueError, match=r"groups\[1\] must be positive"):
        hierarchical_interval([[1.0], [-1.0]])


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_drift_is_found_and_its_interval_covers(factor):
    trend = factor ** np.linspace(0, 1, 21)
    samples = trend * drawn(lognormal(0.03), 300, 21)[0]
    assert coverage(samples, lambda x: np.divide(drift(x), factor)) > 0.9
    exact = drift(trend)
    np.testing.assert_allclose(exact, factor)
    spiked = trend.copy()
    spiked[7] *= 1000
    np.testing.assert_allclose(drift(spiked).value, factor)
    none = coverage(samples[:100], drift)  # how often it holds 1
    assert none < 0.05 if factor != 1.0 else none > 0.85
    with pytest.raises(ValueError, match="two samples"):
        drift([1.0])


def test_geometric_mean_treats_reciprocals_alike():
    assert geometric_mean([2.0, 0.5]).value == pytest.approx(1.0)
    assert geometric_mean([1.0, 10.0, 100.0]).value == pytest.approx(10.0)
    value, lo, hi = geometric_mean([3.0])
    assert value == pytest.approx(3.0) and math.isnan(lo) and math.isnan(hi)
    ratios = np.random.default_rng(0).lognormal(0.3, 0.8, (TRIALS, 6))
    np.testing.assert_allclose(
        1 / np.array(geometric_mean(1 / ratios[0]))[[0, 2, 1]], geometric_mean(ratios[0])
    )
    covered = coverage(ratios, lambda x: np.divide(geometric_mean(x), np.exp(0.3)))
    assert covered == pytest.approx(0.95, abs=ERROR)
    # the mean of ratios is not 1/(the mean of their reciprocals), and neither is near e^0.3
    assert np.mean(ratios) > 1.3 * np.exp(0.3) and 1 / np.mean(1 / ratios) < np.exp(0.3) / 1.3


@pytest.mark.parametrize("bad", [[], [1.0, np.nan], [[1.0]]])
def test_bad_samples_are_refused(bad):
    for function in (
        median_interval,
        geometric_mean,
        series_interval,
        drift,
        lambda x: hierarchical_interval([x]),
        lambda x: paired_ratio([x], [[1.0]]),
    ):
        with pytest.raises(ValueError, match="finite"):
            function(bad)


def test_non_positive_ratios_and_bad_levels_are_refused():
    with pytest.raises(ValueError, match="positive"):
        geometric_mean([1.0, 0.0])
    with pytest.raises(ValueError, match="level"):
        median_interval([1.0], 95)
    with pytest.raises(ValueError, match="level"):
        hierarchical_interval([[1.0], [2.0]], 95)
