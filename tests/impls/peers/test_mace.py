"""MACE's symmetric contraction: both of its bases, and what it cannot answer.

The values of its default are those of the conformance tests, where it is installed.
"""

from __future__ import annotations

import pytest

from impls.families.feature import ask, power
from impls.implementation import Target
from impls.powers.symmetric_contraction.mace import BASES, IMPLEMENTATION
from impls.powers.symmetric_contraction.operation import OPERATION, weights_per_output

ASKED = power(3, 2, 1, channels=2, batch=4, dtype="float64")


@pytest.fixture
def built():
    if IMPLEMENTATION.missing():
        pytest.skip(str(IMPLEMENTATION.missing()))
    return {n: IMPLEMENTATION.build(ASKED, Target(), {"basis": n}) for n in BASES}


def test_both_bases_make_the_same_map(built):
    import numpy as np
    import torch

    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 2, 9)), rng.standard_normal((sum(weights_per_output(ASKED)), 2))
    expected = OPERATION.oracle(ASKED, {"x": x}, {"W": w})["z"]
    for name, code in built.items():
        found = code.call({"x": torch.as_tensor(x)}, {"W": torch.as_tensor(w)})
        z = code.unpack(found)["z"].numpy()
        assert np.abs(z - expected).max() < 1e-12 * np.abs(expected).max(), name


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (power(4, 1, 1), "up to nu=3"),
        (ask(irreps_in="1o+2e", irreps_out="1o", nu=3), "scalars"),
        (ask(irreps_in="0e", irreps_out="0e", nu=2), "scalars"),
    ],
)
def test_what_it_cannot_answer_is_refused_by_name(asked, reason):
    refused = IMPLEMENTATION.supports(asked, Target())
    assert reason in refused.reason and refused.remedy


@pytest.mark.parametrize(("basis", "weights"), [("reduced", 29), ("nested", 86)])
def test_it_has_as_many_weights_as_its_users_report(basis, weights):
    """Of orders 1 to 3 for 0e and 1o of L = 3, natural parity: what a model has a channel."""
    pytest.importorskip("mace")
    if IMPLEMENTATION.missing():
        pytest.skip(str(IMPLEMENTATION.missing()))
    from mace.tools.cg import U_matrix_real

    counts = [
        U_matrix_real("0e+1o+2e+3o", out, nu, use_cueq_cg=basis == "reduced")[-1].shape[-1]
        for out in ("0e", "1o")
        for nu in (1, 2, 3)
    ]
    assert sum(counts) == weights, counts
