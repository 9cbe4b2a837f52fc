"""What a diagnosis says of exceptions, numbers and names."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.diagnosis import blocks, faults, numbers
from bench.record.case import Case
from impls.families.weighted import problem as weighted
from impls.implementation import Target
from impls.near import alike
from impls.registry import load

WEIGHTED = weighted("truncated", 1, mul=(3, 3, 2), batch=6, dtype="float64")
SPOILED = """
from impls.implementation import Built, Implementation


def build(problem, target, options):
    def call(inputs, weights):
        return {answer}

    return Built(call)


MINE = Implementation("uvw", "mine", "numpy", build)
"""


def explained(tmp_path, answer, request=None):
    file = tmp_path / f"mine_{abs(hash(answer))}.py"
    file.write_text(SPOILED.format(answer=answer), encoding="utf-8")
    registry = load([file])
    case = Case(WEIGHTED, "uvw.mine", "fwd", "eager", Target())
    with pytest.raises(Exception) as raised:
        built = build(case, registry)
        built.call(built.arrays())
    asked = raised.value, case, registry
    return faults.form(*asked) or faults.explained(*asked), file.name


def test_an_exception_has_a_file_and_a_line(tmp_path):
    found, name = explained(tmp_path, "{'z': 1 / 0}")
    assert found == f"{name}:7, in call"


def test_a_wrong_key_has_what_may_be_meant(tmp_path):
    found, name = explained(tmp_path, "{'z': inputs['X']}")
    assert found == f"{name}:7, in call; inputs are x, y, weights w; did you mean 'x'?"


def test_an_answer_that_is_no_dict_is_said_to_be_none(tmp_path):
    found, _ = explained(tmp_path, "inputs['x']")
    assert found == "the answer is a ndarray, not a dict: return {'z': ...}"


# ---- numbers and names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "limit", "words"),
    [
        (2.0, 1e-10, "2"), (-1.0, 1e-10, "-1"), (0.25, 1e-10, "0.25"),
        (1 / 3, 1e-10, "0.33333 (1/3)"),
        (np.sqrt(5), 1e-10, "2.2361 (sqrt(5))"), (np.sqrt(4 * np.pi), 1e-10, "3.5449 (sqrt(4 pi))"),
        (1 / np.sqrt(4 * np.pi), 1e-10, "0.28209 (sqrt(1/(4 pi)))"), (0.1234567, 1e-10, "0.12346"),
        (-np.sqrt(3 / 5), 1e-5, "-0.7746 (-sqrt(3/5))"), (0.4987, 5e-2, "0.5"), (1.002, 5e-2, "1"),
    ],
)  # fmt: skip
def test_a_factor_in_words(k, limit, words):
    assert numbers.said(k, limit) == words


def test_a_factor_is_one_only_if_nothing_is_left():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((5, 7))
    assert numbers.factor(3 * a, a, 1e-10) == pytest.approx(3)
    assert numbers.factor(3 * a + 1e-8, a, 1e-10) is None
    assert numbers.factor(a * np.nan, a, 1e-10) is None
    assert numbers.factor(a, 0 * a, 1e-10) is None


def test_blocks_are_not_said_to_be_moved_when_they_overlap():
    rng = np.random.default_rng(0)
    parts = blocks.blocks_of("0e+0e+1o")
    expected = rng.standard_normal((8, 5))
    found = expected.copy()
    found[:, 1] = found[:, 0]  # the second scalar is the first one
    assert blocks.moved(found, expected, parts, 1e-10) == ""


def test_names_are_alike_in_another_case():
    assert alike("Y", ["x", "y"]) == "did you mean 'y'?"
