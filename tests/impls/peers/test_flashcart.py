"""FlashCart: its basis, and what it cannot answer. Values are those of the conformance tests."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from impls.families.points import ask
from impls.implementation import Target
from impls.points.convolution import flashcart
from impls.points.convolution.flashcart import IMPLEMENTATION, its_paths

GIVEN = {"data": "isotropic:6x2", "channels": 2, "irreps_node": "0e+1o", "irreps_out": "0e+1o+2e"}
DEGREES = {"irreps_node": "0+1", "irreps_out": "0+1+2"}


def test_paths_keep_parity_and_come_by_the_degree_that_they_reach():
    expected = "000 110 101 211 011 112 202 213"
    assert " ".join(f"{a}{b}{c}" for a, b, c in its_paths((2, 1, 3))) == expected


def test_its_basis_of_vectors_is_that_of_this_suite_and_of_larger_ranks_not_orthogonal():
    if IMPLEMENTATION.missing():
        pytest.skip(str(IMPLEMENTATION.missing()))
    assert np.allclose(flashcart.stored_to(1), np.eye(4), atol=1e-14)
    kept = flashcart.stored(2)
    assert np.linalg.matrix_rank(kept) == 5
    assert not np.allclose(kept.T @ kept, np.diag(np.diag(kept.T @ kept)))
    assert all(abs(factor) > 0.1 for factor in flashcart.factors((2, 2, 2)))


@pytest.mark.parametrize("edge", ["0e+2e", "1o+0e", "0+1"])
def test_other_irreps_than_one_of_each_rank_are_refused_by_name(edge):
    given = GIVEN if "o" in edge or "e" in edge else GIVEN | DEGREES
    refused = IMPLEMENTATION.supports(ask(**given, irreps_edge=edge), Target())
    assert "natural parity" in refused.reason and refused.remedy


def test_on_cuda_its_kernels_are_needed_and_go_to_rank_3(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refused = IMPLEMENTATION.supports(ask(**GIVEN, irreps_edge="0e+1o"), Target("cuda"))
    assert refused.reason == "not installed: triton"
    far = ask(**GIVEN, irreps_edge="0e+1o+2e+3o+4e")
    assert "rank 3" in IMPLEMENTATION.supports(far, Target("cuda")).reason
    assert IMPLEMENTATION.supports(far, Target("cpu")) is None
