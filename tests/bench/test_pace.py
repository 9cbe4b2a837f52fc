"""The estimate before a run: a first guess, and what the last run of this machine taught."""

from __future__ import annotations

import pytest

from bench.ask.plan import plan
from bench.ask.reading import load as load_profile
from bench.commands import pace
from bench.drive.run import execute
from impls.implementation import Target


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "CALIBRATIONS", tmp_path / "calibrations")


def test_a_run_teaches_the_next_estimate():
    assert pace.pace("m", "cpu") == 1.0
    pace.learn("m", "cpu", 100.0, 350.0, pace.LEAST)
    assert pace.pace("m", "cpu") == 3.5
    assert pace.pace("m", "cuda") == pace.pace("other", "cpu") == 1.0
    pace.learn("m", "cpu", 100.0, 9e9, pace.LEAST - 1)  # too few cases to teach
    pace.learn("m", "cpu", 0.0, 5.0, 99)
    assert pace.pace("m", "cpu") == 3.5


@pytest.mark.parametrize("text", ["", "{}", '{"pace": "quick"}', '{"pace": NaN}'])
def test_a_pace_that_cannot_be_used_is_none(text):
    pace.learn("m", "cpu", 1.0, 2.0, 99)
    pace.file_of("m", "cpu").write_text(text)
    assert pace.pace("m", "cpu") == 1.0


def test_the_guess_grows_with_cases_rounds_and_passes(registry):
    def guessed(*select):
        meant = plan(load_profile("quick"), Target(), registry, *select)
        return pace.guess(meant, registry, "cpu")

    assert 0 < guessed("clebsch_gordan.torch_dense") < guessed("clebsch_gordan") < guessed()


def test_one_directory_holds_one_profile(hand, registry, tmp_path):
    from dataclasses import replace

    meant = hand.plan(registry, [hand.case(registry, "clebsch_gordan.numpy_dense")])
    execute(meant, registry, tmp_path)
    with pytest.raises(ValueError, match="holds a run of the profile hand, and this is other"):
        execute(replace(meant, profile="other"), registry, tmp_path)
