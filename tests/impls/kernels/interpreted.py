"""The Triton programs under Triton's interpreter, against einsums; `test_triton.py` runs it.

An interpreted program takes a millisecond for what a GPU does in one step, so that all is small;
tiles are small too, so that each output takes several programs.
"""

import numpy as np
import pytest
import torch

from impls.kernels import torch as binding
from impls.kernels import triton as launching
from impls.kernels.derivative import value
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution, Edges
from impls.kernels.rows import Rows
from tests.impls.kernels import test_graph as graphs
from tests.impls.kernels import test_trilinear as rows

RNG = np.random.default_rng(3)
DIGITS = {"float32": 1e-5, "float64": 1e-13}
DIMS = (4, 4, 7)
CROSS = np.zeros((3, 3, 3))
CROSS[[0, 1, 2], [1, 2, 0], [2, 0, 1]], CROSS[[1, 2, 0], [0, 1, 2], [2, 0, 1]] = 1.0, -0.5
PATHS = (
    (0, 0, 0, np.array([[[1.5]]])),
    (1, 1, 1, CROSS),
    (0, 1, 4, 0.7 * np.eye(3)[None]),
)
FORMS = {weighted: Convolution(DIMS, PATHS, weighted) for weighted in (True, False)}
SRC, DST = np.array([2, 0, 1, 0, 2]), np.array([1, 3, 1, 2, 1])


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(launching, "TILE", 4)
    monkeypatch.setattr(launching, "PROGRAMS", 8)
    monkeypatch.setattr(graphs, "DIMS", DIMS)
    monkeypatch.setattr(graphs, "PATHS", PATHS)
    monkeypatch.setattr(graphs, "NODES", 4)


@pytest.fixture
def everywhere(monkeypatch):
    """Let tensors on the CPU go to the programs too."""
    monkeypatch.setitem(binding.ON, "CPU", binding.on_cuda)
    binding._prepared.cache_clear()
    yield
    binding._prepared.cache_clear()


def evaluated(kernel, derivative, given, dtype="float64", ends=()):
    programs = launching.Programs(kernel, derivative, dtype)
    tensors = [torch.tensor(a, dtype=getattr(torch, dtype)) for a in given]
    tensors += [torch.tensor(end, dtype=torch.int32) for end in ends]
    shapes, counts = programs.sizes(tuple(tuple(t.shape) for t in tensors))
    outputs = [out.fill_(float("nan")) for out in programs.empty(tensors[0], shapes)]
    programs.fill(programs.laid(tensors), outputs, counts)
    return [out.numpy() for out in outputs]


def agree(found, wanted, dtype):
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=DIGITS[dtype] * max(1, np.abs(b).max()))


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("name", ["random", "full", "one", "diagonal"])
def test_derivatives_of_any_order_are_einsums(name, dtype):
    form = rows.FORMS[name]
    for derivative in rows.derivatives():
        given = rows.drawn(form, derivative, 9)
        wanted = rows.expected(form, derivative, given)
        agree(evaluated(Rows(form), derivative, given, dtype), wanted, dtype)


def test_a_component_without_terms_is_zero_whatever_is_given():
    table = np.zeros((2, 2, 3))
    table[1, 1, [0, 2]] = 1.0, 2.0
    given = [np.array([[np.nan, 1.0]]), np.array([[np.inf, 3.0]])]
    (found,) = evaluated(Rows(TrilinearForm.dense(table)), value(3), given)
    assert found.tolist() == [[3.0, 0.0, 6.0]]


@pytest.mark.parametrize("count", [0, 1, 4, 17])
def test_any_number_of_rows(count):
    form = rows.FORMS["random"]
    given = rows.drawn(form, value(3), count)
    (found,) = evaluated(Rows(form), value(3), given)
    np.testing.assert_allclose(found, rows.expected(form, value(3), given)[0], atol=1e-13)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("channels, dtype", [(5, "float64"), (1, "float32")])
def test_derivatives_of_any_order_are_sums_over_edges(weighted, channels, dtype):
    form = FORMS[weighted]
    for derivative in graphs.derivatives(4 if weighted else 3):
        given = graphs.drawn(form, derivative, channels, len(SRC))
        wanted = graphs.expected(form, derivative, given, SRC, DST)
        agree(evaluated(Edges(form), derivative, given, dtype, (SRC, DST)), wanted, dtype)


def test_a_graph_without_edges_sums_to_zero():
    none = np.zeros(0, int)
    given = np.ones((3, 2, DIMS[0])), np.ones((0, DIMS[1])), np.ones((0, len(PATHS), 2))
    (found,) = evaluated(Edges(FORMS[True]), value(4), given, "float64", (none, none))
    assert found.shape == (3, 2, DIMS[2]) and not found.any()


@pytest.mark.parametrize("bad", [-1, 4])
def test_what_depends_on_an_index_out_of_range_is_no_number(bad):
    form, map_ = FORMS[True], value(4)
    gradient = map_.gradient([0], [0, 1, 2])
    for ends in ((np.where(SRC == 1, bad, SRC), DST), (SRC, np.where(DST == 3, bad, DST))):
        given = graphs.drawn(form, gradient, 2, len(SRC))
        (z,) = evaluated(Edges(form), map_, given[:3], "float64", ends)
        gx, gs, gw = evaluated(Edges(form), gradient, given, "float64", ends)
        edge = next(e for e in range(len(SRC)) if bad in (ends[0][e], ends[1][e]))
        lost = np.isnan(gs).all(1)
        assert lost[edge] and lost.sum() == 1 and (np.isnan(gw).all((1, 2)) == lost).all()
        for sums, end, other in ((z, ends[1], ends[0]), (gx, ends[0], ends[1])):
            nan = np.isnan(sums).all((1, 2))
            assert nan.all() if bad in end else nan.tolist() == [n == end[edge] for n in range(4)]
            assert bad in end or bad in other


def test_gradients_in_torch_are_those_of_einsum(everywhere):
    table = RNG.standard_normal((2, 3, 4)) * (RNG.random((2, 3, 4)) < 0.6)
    call = binding.bind(Rows(TrilinearForm.dense(table)), torch.float64, 1)
    x, y = (torch.tensor(RNG.standard_normal((3, n)), requires_grad=True) for n in (2, 3))
    found, wanted = (
        towers(f, (x, y))
        for f in (call, lambda x, y: torch.einsum("ijk,ni,nj->nk", torch.tensor(table), x, y))
    )
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def towers(call, inputs):
    found, scalar = [call(*inputs)], (call(*inputs) ** 3).sum()
    for _ in range(3):
        gradients = torch.autograd.grad(scalar, inputs, create_graph=True)
        found += gradients
        scalar = sum((g**2).cumsum(0).sum() for g in gradients)
    return found


def test_gradients_of_a_convolution_in_torch_pass_gradcheck(everywhere):
    call = binding.bind(Edges(FORMS[True]), torch.float64, 1)
    drawn = graphs.drawn(FORMS[True], value(4), 1, len(SRC))
    inputs = [torch.tensor(a, requires_grad=True) for a in drawn]
    ends = [torch.tensor(end, dtype=torch.int32) for end in (SRC, DST)]
    options = {"fast_mode": True, "check_undefined_grad": False, "check_batched_grad": False}
    assert torch.autograd.gradcheck(lambda *a: call(*a, *ends), inputs, **options)
    options.pop("check_batched_grad")
    assert torch.autograd.gradgradcheck(lambda *a: call(*a, *ends), inputs, **options)
