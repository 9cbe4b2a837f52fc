"""Tensors of kernels lie on a GPU as its threads read them, with the values that they had."""

import pytest
import torch

from impls.implementation import Target
from impls.kernels import memory
from impls.kernels.derivative import value
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution, Edges
from impls.kernels.rows import Rows

ROWS = Rows(TrilinearForm.dense(torch.ones(2, 3, 4).numpy()))
EDGES = Edges(Convolution((2, 3, 4), ((0, 0, 0, torch.ones(2, 3, 4).numpy()),)))


@pytest.mark.parametrize("shape", [(7, 2), (7, 5, 2), (0, 2), (1, 1, 2)])
def test_components_of_a_form_lie_in_front_of_its_samples(shape):
    x = torch.randn(shape)
    y = torch.randn(*shape[:-1], 3)
    laid = memory.laid(ROWS, value(3), [x, y])
    for before, after in zip((x, y), laid, strict=True):
        assert torch.equal(before, after) and after.movedim(-1, 0).is_contiguous()
    (z,) = memory.empty(ROWS, value(3), x, ROWS.shapes(value(3), [x.shape, y.shape]))
    assert z.shape == (*shape[:-1], 4) and z.movedim(-1, 0).is_contiguous()


def test_channels_of_a_convolution_are_innermost_and_what_edges_have_stays():
    x, s, w = torch.randn(6, 5, 2), torch.randn(9, 3), torch.randn(9, 1, 5)
    ends = torch.zeros(9, dtype=torch.int32), torch.ones(9, dtype=torch.int32)
    laid = memory.laid(EDGES, value(4), [x, s, w, *ends])
    assert torch.equal(laid[0], x) and laid[0].transpose(1, 2).is_contiguous()
    assert all(a.data_ptr() == b.data_ptr() for a, b in zip(laid[1:], (s, w, *ends), strict=True))
    (z,) = memory.empty(EDGES, value(4), x, [(6, 5, 4)])
    assert z.shape == (6, 5, 4) and z.transpose(1, 2).is_contiguous()


def test_what_lies_so_already_is_not_copied():
    once = memory.in_order(torch.randn(4, 5, 2), memory.SAMPLES_INNERMOST)
    assert memory.in_order(once, memory.SAMPLES_INNERMOST).data_ptr() == once.data_ptr()
    assert memory.laid(ROWS, value(3), [once, once])[0].data_ptr() == once.data_ptr()


def test_inputs_are_packed_on_a_gpu_alone():
    assert not memory.packed(Target("cpu"), {"x": memory.CHANNELS_INNERMOST})
    lies = memory.packed(Target("cuda"), {"x": memory.CHANNELS_INNERMOST})
    x, y = torch.randn(4, 5, 2), torch.randn(4, 5, 2)
    inputs, weights = lies["pack"]({"x": x, "y": y}, {})
    assert torch.equal(inputs["x"], x) and inputs["x"].transpose(1, 2).is_contiguous()
    assert inputs["y"] is y and not weights and lies["layout"] == "ir_mul"
