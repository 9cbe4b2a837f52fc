"""The face to Python: a question and names in, a frame out; one line that asserts a symmetry."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest

import analysis
import bench


def test_a_question_is_measured(tmp_path):
    asked = dict(irreps_in1="0e+1o", batch=[8, 16], dtype="float64")
    frame = bench.measure(
        "product", implementations=["clebsch_gordan.numpy_dense"], passes=["fwd"], device="cpu",
        rounds=1, out=tmp_path, **asked,
    )  # fmt: skip
    times = frame[frame["probe"] == "time.host"]
    assert sorted(times["size.batch"]) == [8, 16] and (times["value"] > 0).all()
    assert set(frame[frame["probe"] == "case"]["status"]) <= {"ok", "noisy"}
    assert bench.load(tmp_path).equals(frame)


def test_an_implementation_is_checked():
    frame = bench.check("clebsch_gordan.numpy_cartesian")
    assert len(frame) > 3 and frame["passed"].all()


def test_what_judges_is_drawn_again_from_its_nonce():
    one, again, other = (
        bench.check("norm_activation.numpy_direct", nonce=nonce).set_index("case")["equiv.rotation"]
        for nonce in (7, 7, 8)
    )
    assert one.to_dict() == pytest.approx(again.to_dict(), rel=0, abs=0, nan_ok=True)
    assert one.to_dict() != pytest.approx(other.to_dict(), rel=0, abs=0, nan_ok=True)
    with pytest.raises(ValueError, match="nonce must be a number from 0 on"):
        bench.check("norm_activation.numpy_direct", nonce=-1)


def test_what_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="unknown family 'produkt'"):
        bench.measure("produkt", lmax=2)
    with pytest.raises(ValueError, match="option 'chanels'"):
        bench.measure("product", setting="mimo", lmax=2, chanels=3)
    with pytest.raises(ValueError, match="unknown implementation"):
        bench.check("clebsch_gordan.numpy_nothing")
    with pytest.raises(ValueError, match=r"rows\.jsonl"):
        bench.load(tmp_path)


def test_a_symmetry_is_asserted():
    analysis.assert_equivariant(lambda x, y: (x * y).sum(-1, keepdims=True), "1o", "1o", "0e")
    analysis.assert_equivariant(lambda x: np.tanh(np.linalg.norm(x)) * x, "1", "1")
    with pytest.raises(AssertionError, match="under rotation: error"):
        analysis.assert_equivariant(np.tanh, "1o", "1o")
    with pytest.raises(ValueError, match="at least two"):
        analysis.assert_equivariant(np.tanh, "1o")
    with pytest.raises(ValueError, match="some have none"):
        analysis.assert_equivariant(np.tanh, "1o", "1")
    with pytest.raises(ValueError, match=r"shape \(8, 3\), and 0e means \(8, 1\)"):
        analysis.assert_equivariant(np.tanh, "1o", "0e")


def test_its_example_is_true():
    assert doctest.testmod(analysis).failed == 0


@pytest.mark.slow
def test_the_page_of_the_documentation_is_true():
    page = Path(__file__).parents[1] / "docs/python.md"
    assert doctest.testfile(str(page), module_relative=False).failed == 0
