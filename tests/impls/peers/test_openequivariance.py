"""OpenEquivariance with a stand-in: what it is asked, and what is made of its answer.

The stand-in is written from its documentation: e3nn's product with weights in an order of its own,
gathered by columns and summed by rows.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from impls.families import weighted
from impls.families.points import ask
from impls.implementation import Target
from impls.peers.openequivariance import supports
from impls.points.convolution import openequivariance as convolution
from impls.products.channel_modes import openequivariance as product
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


class TensorProduct:
    """A product whose weights come in the opposite order."""

    def __init__(self, asked):
        from e3nn import o3

        assert asked.named.pop("irrep_dtype") is asked.named.pop("weight_dtype") is np.float64
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        self.product = o3.TensorProduct(*asked.irreps, asked.instructions, **asked.named)
        torch.set_default_dtype(before)

    def reorder_weights_from_e3nn(self, weights, has_batch_dim=True):
        assert weights.ndim == 1 + has_batch_dim
        return weights.flip(-1)

    def __call__(self, x, y, w):
        return self.product(x, y, w.flip(-1))


class TensorProductConv(TensorProduct):
    """A convolution by the same."""

    def __call__(self, x, y, w, rows, cols):
        messages = super().__call__(x[cols], y, w)
        return messages.new_zeros(len(x), messages.shape[1]).index_add(0, rows, messages)


@pytest.fixture
def stand_in(monkeypatch):
    from e3nn import o3

    made = SimpleNamespace(
        Irreps=o3.Irreps,
        TPProblem=TPProblem,
        TensorProduct=TensorProduct,
        TensorProductConv=TensorProductConv,
    )
    monkeypatch.setitem(sys.modules, "openequivariance", made)
    for adapter in (convolution, product):
        monkeypatch.setattr(adapter, "version", lambda name: "0")


def agrees(build, asked, operation):
    """Return the code that was built, after its answer was compared with the oracle."""
    registry = load()
    operation = registry.operation(operation)
    family = registry.family(operation.family)
    inputs = operation.taken(family.draw(asked, Streams(0, 0)))
    drawn = np.random.default_rng(0)
    weights = {n: drawn.standard_normal(s.shape) for n, s in operation.weights(asked).items()}
    code = build(asked, Target(), {})
    put = [{n: torch.as_tensor(a) for n, a in part.items()} for part in (inputs, weights)]
    z = code.unpack(code.call(*code.pack(*put)))["z"].numpy()
    expected = operation.oracle(asked, inputs, weights)["z"]
    assert np.abs(z - expected).max() < 1e-12 * np.abs(expected).max()
    return code


def test_what_it_answers_is_the_convolution(stand_in):
    code = agrees(convolution.torch_openequivariance, ASKED, "channelwise")
    assert code.runs == ("libtorch_tp_jit::jit_conv*",)


@pytest.mark.parametrize("weights", ["shared", "per_sample"])
@pytest.mark.parametrize("implementation", product.IMPLEMENTATIONS, ids=lambda i: i.operation)
def test_what_it_answers_is_the_product(stand_in, implementation, weights):
    asked = weighted.ask(
        irreps_in1="1e+0e", irreps_in2="1o+0o", irreps_out="1o+2o+0o",
        mul1=3, mul2=2, mul3=4, weights=weights, batch=5, dtype="float64",
    )  # fmt: skip
    code = agrees(implementation.build, asked, implementation.operation)
    assert code.runs == ("libtorch_tp_jit::jit_tp*",)


def test_where_it_does_not_run_is_refused_with_the_remedy():
    assert supports(ASKED, Target("cpu")).remedy == "use --device cuda"
    half = replace(ASKED, dtype="bfloat16")
    assert "bfloat16" in supports(half, Target("cuda")).reason
    assert supports(ASKED, Target("cuda")) is None
