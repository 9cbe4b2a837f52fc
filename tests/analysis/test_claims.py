"""The verdict on a claim, from what was found at each place."""

from __future__ import annotations

from itertools import product
from math import inf, nan

import pytest

from analysis.claims import Finding, judge, within


def findings(*holds):
    return [Finding(f"L = {i}", each, "") for i, each in enumerate(holds)]


@pytest.mark.parametrize(
    ("holds", "kind"),
    [
        ((), "not decided"),
        ((None, None), "not decided"),
        ((True, True), "reproduced"),
        ((True, None), "reproduced in part"),
        ((True, False), "reproduced in part"),
        ((False, None), "not reproduced"),
        ((False, False), "not reproduced"),
    ],
)
def test_a_verdict_needs_every_place(holds, kind):
    assert judge(findings(*holds)) == kind


def test_a_further_place_never_turns_a_failure_into_a_success():
    for first in product((True, False, None), repeat=2):
        for more in (False, None):
            if judge(findings(*first, more)) == "reproduced":
                raise AssertionError(first)


def test_an_interval_that_holds_both_answers_decides_nothing():
    assert within(1.9, 2.1, least=2.0) is None
    assert within(2.0, 2.1, least=2.0) is True and within(1.0, 1.9, least=2.0) is False
    assert within(nan, nan, most=3.0) is None and within(0.0, inf, least=1.0) is None
    with pytest.raises(ValueError, match="wrong order"):
        within(2.0, 1.0)
