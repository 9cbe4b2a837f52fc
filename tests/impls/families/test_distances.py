"""Family distances: lengths, what is asked, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.distances import BEYOND, FAMILY, INSIDE, ask
from impls.inputs.named import cutoff_of
from impls.streams import Streams


def lengths(asked):
    return np.linalg.norm(FAMILY.draw(asked, Streams(0))["v"], axis=1) / cutoff_of(asked)


def test_lengths_are_inside_the_cutoff_or_half_of_them_beyond():
    x = lengths(ask(batch=400, cutoff=3.0))
    assert INSIDE[0] < x.min() < 0.15 and 0.95 < x.max() < INSIDE[1]
    x = lengths(ask(batch=400, cutoff=3.0, data="around"))
    assert (x[::2] < INSIDE[1]).all() and (x[1::2] > BEYOND[0]).all() and x.max() < BEYOND[1]


def test_directions_are_random():
    v = FAMILY.draw(ask(batch=4000), Streams(0))["v"]
    n = v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(n.T @ n / len(v), np.eye(3) / 3, atol=0.05)


def test_facets_say_what_is_asked_and_no_more():
    found = {"functions": 8, "envelope": "polynomial", "cutoff": 5.0, "batch": 1000}
    assert FAMILY.facets(ask()) == found
    assert FAMILY.facets(ask(data="around")) == {**found, "data": "around"}
    assert all(set(FAMILY.facets(p)) <= set(FAMILY.labels) for p in FAMILY.examples)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"functions": 0}, "functions=0"),
        ({"cutoff": -1.0}, "cutoff=-1.0 is not a positive, finite number"),
        ({"envelope": "hat"}, "unknown envelope 'hat' (use polynomial or cosine or exponential)"),
        ({"batch": 0}, "batch=0"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    assert reason in str(FAMILY.check(ask().with_sizes(**changes)))
    assert "unknown data 'normal'" in str(FAMILY.check(replace(ask(), data="normal")))
