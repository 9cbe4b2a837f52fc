"""The rule by which a claim that holds by a knob is judged."""

from __future__ import annotations

import math

import pytest

from analysis.knobs import complaint


@pytest.mark.parametrize(
    "errors",
    [
        (0.4, 0.2, 0.1),
        (0.4, 0.44, 0.2),  # a step may be worse by a tenth
        (0.4, 0.4, 0.4, 0.2),
        (0.4, 1e-6, 9e-6),  # below the tolerance it is rounding
        (9e-6, 1e-9, 9e-6),  # from the start
        (0.0, 0.0),
    ],
)
def test_what_decays_is_no_complaint(errors):
    assert complaint(range(len(errors)), errors, 1e-5) is None


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((0.4, 0.45, 0.1), "the error grows from 4.0e-01 at 1 to 4.5e-01 at 2"),
        ((0.4, 0.1, 0.2), "the error grows from 1.0e-01 at 2 to 2.0e-01 at 4"),
        ((0.4, 1e-6, 2e-5), "the error grows from 1.0e-06 at 2 to 2.0e-05 at 4"),
        ((0.4, 0.3, 0.21), "the error at 4, 2.1e-01, is more than half of that at 1, 4.0e-01"),
        ((0.4, 0.4, 0.4), "the error at 4, 4.0e-01, is more than half of that at 1, 4.0e-01"),
        ((0.4, math.nan, 0.1), "the error at 2 is not finite"),
        ((math.inf, 0.2, 0.1), "the error at 1 is not finite"),
    ],
)
def test_what_does_not_is_said_with_its_values(errors, said):
    assert complaint((1, 2, 4), errors, 1e-5) == said


def test_without_a_tolerance_every_digit_counts():
    assert complaint("ab", (1e-30, 0.4e-30)) is None
    assert complaint("ab", (1e-30, 0.6e-30)) is not None


@pytest.mark.parametrize(("values", "errors"), [((1,), (0.1,)), ((), ()), ((1, 2), (0.1,))])
def test_a_sweep_has_at_least_two_values_and_an_error_of_each(values, errors):
    with pytest.raises(ValueError, match="a sweep has at least two"):
        complaint(values, errors)
