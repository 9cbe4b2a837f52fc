"""OpenEquivariance with a stand-in: what it is asked, and what is made of its answer.

The stand-in is written from its documentation: e3nn's product with weights in an order of its own,
gathered by columns and summed by rows.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from impls.families.points import ask
from impls.implementation import Target
from impls.points.convolution import openequivariance as adapter
from impls.points.convolution.operation import paths_of
from impls.registry import load
from impls.streams import Streams

torch = pytest.importorskip("torch")
pytest.importorskip("e3nn")

ASKED = ask(
    irreps_node="0e+1o+1e", irreps_edge="0e+1o+2e", irreps_out="0e+1o+1e+2o",
    data="isotropic:6x3", channels=3, dtype="float64",
)  # fmt: skip


class TPProblem:
    """What is asked, by the names of its documentation."""

    def __init__(self, irreps_in1, irreps_in2, irreps_out, instructions, **named):
        self.irreps = irreps_in1, irreps_in2, irreps_out
        self.instructions, self.named = instructions, named


class TensorProductConv:
    """A convolution whose weights come in the opposite order."""

    def __init__(self, asked):
        from e3nn import o3

        assert asked.named.pop("irrep_dtype") is asked.named.pop("weight_dtype") is np.float64
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        self.product = o3.TensorProduct(*asked.irreps, asked.instructions, **asked.named)
        torch.set_default_dtype(before)

    def reorder_weights_from_e3nn(self, weights, has_batch_dim=True):
        assert has_batch_dim
        return weights.flip(1)

    def __call__(self, x, y, w, rows, cols):
        messages = self.product(x[cols], y, w.flip(1))
        return messages.new_zeros(len(x), messages.shape[1]).index_add(0, rows, messages)


@pytest.fixture
def stand_in(monkeypatch):
    from e3nn import o3

    made = SimpleNamespace(
        Irreps=o3.Irreps, TPProblem=TPProblem, TensorProductConv=TensorProductConv
    )
    monkeypatch.setitem(sys.modules, "openequivariance", made)
    monkeypatch.setattr(adapter, "version", lambda name: "0")


def test_what_it_answers_is_the_convolution(stand_in):
    registry = load()
    family, operation = registry.family("points"), registry.operation("channelwise")
    inputs = operation.taken(family.draw(ASKED, Streams(0, 0)))
    shape = len(inputs["src"]), len(paths_of(ASKED)), 3
    weights = {"w": np.random.default_rng(0).standard_normal(shape)}
    code = adapter.torch_openequivariance(ASKED, Target(), {})
    put = [{n: torch.as_tensor(a) for n, a in part.items()} for part in (inputs, weights)]
    z = code.unpack(code.call(*code.pack(*put)))["z"].numpy()
    expected = operation.oracle(ASKED, inputs, weights)["z"]
    assert np.abs(z - expected).max() < 1e-12 * np.abs(expected).max()
    assert code.runs == ("libtorch_tp_jit::jit_conv*",)


def test_where_it_does_not_run_is_refused_with_the_remedy():
    refused = adapter.cuda_only(ASKED, Target("cpu"))
    assert refused.remedy == "use --device cuda"
    half = ask(data="isotropic:6x3", irreps_node="0e", irreps_edge="0e", irreps_out="0e",
               channels=2, dtype="bfloat16", given="harmonics")  # fmt: skip
    assert "bfloat16" in adapter.cuda_only(half, Target("cuda")).reason
    assert adapter.cuda_only(ASKED, Target("cuda")) is None
