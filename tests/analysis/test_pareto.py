"""The front: against the definition, on random points with ties."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.pareto import front


def dominated(p, points):
    return any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in points)


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_nothing_dominates(seed):
    rng = np.random.default_rng(seed)
    points = [tuple(map(float, p)) for p in rng.integers(0, 6, (12, 2))]
    expected = {i for i, p in enumerate(points) if not dominated(p, points)}
    found = front(points)
    assert set(found) == expected and len(found) == len(expected)
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


def test_corners():
    assert front([]) == []
    assert front([(1.0, 1.0)]) == [0]
    assert front([(2.0, 2.0), (1.0, 1.0), (3.0, 2.0), (2.0, 2.0)]) == [1, 0, 3]
    with pytest.raises(ValueError, match="finite"):
        front([(1.0, float("nan"))])
