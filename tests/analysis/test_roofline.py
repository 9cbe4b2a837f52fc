"""The roofline: known corners, and continuity at the ridge."""

from __future__ import annotations

import pytest

from analysis.roofline import bound


def test_arithmetic_or_traffic_limits():
    assert bound(1e9, 1e6, 1e9, 1e9) == (1.0, "compute")
    assert bound(1e6, 1e9, 1e9, 1e9) == (1.0, "memory")
    assert bound(0.0, 4.0, 2.0, 2.0) == (2.0, "memory")


def test_both_meet_at_the_ridge():
    peak, bandwidth = 3e12, 1e11
    ridge = peak / bandwidth
    below, above = (bound(ridge * (1 + e) * 1e6, 1e6, peak, bandwidth) for e in (-1e-9, 1e-9))
    assert (below.limit, above.limit) == ("memory", "compute")
    assert below.seconds == pytest.approx(above.seconds)


@pytest.mark.parametrize("counts", [(-1, 1, 1, 1), (1, -1, 1, 1), (1, 1, 0, 1), (1, 1, 1, -1)])
def test_impossible_counts_and_rates_are_refused(counts):
    with pytest.raises(ValueError, match="rates positive"):
        bound(*counts)
