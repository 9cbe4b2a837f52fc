"""The kernel of convolutions against einsum and a sum by receiver, edge by edge."""

import numpy as np
import pytest

from impls.backends import load
from impls.families.product import problem
from impls.implementation import Target
from impls.kernels import numpy as native
from impls.kernels.derivative import value
from impls.kernels.graph import MOST, Convolution, Edges

RNG = np.random.default_rng(2)
DIMS = (9, 5, 12)


def coupling(i, ni, j, nj, k, nk):
    return i, j, k, RNG.standard_normal((ni, nj, nk)) * (RNG.random((ni, nj, nk)) < 0.6)


PATHS = (
    coupling(0, 1, 0, 1, 0, 1),
    coupling(1, 3, 1, 3, 1, 5),
    coupling(1, 3, 0, 1, 6, 3),
    coupling(2, 6, 4, 1, 9, 2),  # of a size that has no loop of its own; component 11 has no path
)
FORMS = {weighted: Convolution(DIMS, PATHS, weighted) for weighted in (True, False)}
NODES, EDGES = 6, 45


def graph(nodes=NODES, edges=EDGES):
    """Return indices in no order; the first node receives nothing, the last sends nothing."""
    return RNG.integers(0, nodes - 1, edges), RNG.integers(1, nodes, edges)


def drawn(form, derivative, channels, edges=EDGES):
    dim_x, dim_s, dim_z = DIMS
    shapes = [(NODES, channels, dim_x), (edges, dim_s), (edges, len(PATHS), channels)]
    shapes = [*shapes[: 3 if form.weighted else 2], (NODES, channels, dim_z)]
    return [RNG.standard_normal(shapes[derivative.slots[a]]) for a in derivative.given]


def term_value(arguments, weighted, slot, src, dst):
    """Return the derivative of F at some arguments with respect to a slot, path by path."""
    x, s, w, g = arguments if weighted else (*arguments[:2], None, arguments[2])
    named = {"x": x, "s": s, "w": w, "g": g}
    wanted = ("xswg" if weighted else "xsg")[slot]
    shapes = {
        "x": (NODES, (x if x is not None else g).shape[1], DIMS[0]),
        "s": (len(src), DIMS[1]),
        "g": (NODES, (x if x is not None else g).shape[1], DIMS[2]),
    }
    shapes["w"] = (len(src), len(PATHS), shapes["x"][1])
    total = np.zeros(shapes[wanted])
    for p, (i, j, k, tensor) in enumerate(PATHS):
        parts = {
            "x": ("eui", lambda a, i=i, t=tensor: a[src][..., i : i + t.shape[0]]),
            "s": ("ej", lambda a, j=j, t=tensor: a[:, j : j + t.shape[1]]),
            "w": ("eu", lambda a, p=p: a[:, p]),
            "g": ("euk", lambda a, k=k, t=tensor: a[dst][..., k : k + t.shape[2]]),
        }
        if not weighted:
            del parts["w"]
        letters = [parts[n][0] for n in parts if n != wanted]
        arrays = [parts[n][1](named[n]) for n in parts if n != wanted]
        found = np.einsum(
            f"ijk,{','.join(letters)}->{parts[wanted][0]}", tensor, *arrays, optimize=True
        )
        if wanted == "s":
            total[:, j : j + tensor.shape[1]] += found
        elif wanted == "w":
            total[:, p] += found
        elif wanted == "x":
            np.add.at(total[..., i : i + tensor.shape[0]], src, found)
        else:
            np.add.at(total[..., k : k + tensor.shape[2]], dst, found)
    return total


def expected(form, derivative, given, src, dst):
    arrays = dict(zip(derivative.given, given, strict=True))
    return [
        sum(
            term_value(
                [None if b == a else arrays[b] for b in term],
                form.weighted,
                derivative.slots[a],
                src,
                dst,
            )
            for term in derivative.terms
            if a in term
        )
        for a in derivative.wanted
    ]


def evaluated(form, derivative, given, src, dst, dtype="float64", threads=1):
    function = native.Function(Edges(form), derivative, dtype, threads)
    arrays = [np.ascontiguousarray(a, dtype) for a in given]
    arrays += [np.ascontiguousarray(a, np.int32) for a in (src, dst)]
    shapes, counts = function.sizes(tuple(a.shape for a in arrays))
    outputs = [np.full(shape, np.nan, dtype) for shape in shapes]
    function([a.ctypes.data for a in (*arrays, *outputs)], counts)
    return outputs


def derivatives(slots):
    map_ = value(slots)
    yield map_
    inputs = list(range(slots - 1))
    for to in (*([n] for n in inputs), inputs):
        yield map_.gradient([0], to)
    first = map_.gradient([0], inputs)
    for of in (*([n] for n in inputs), inputs):
        yield first.gradient(of, first.depends(of))


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("edges", [NODES, EDGES])  # each edge reads its nodes alone, or shares them
@pytest.mark.parametrize("channels", [1, 7, 16, 40])
def test_derivatives_of_any_order_are_sums_over_edges(weighted, channels, edges):
    form, (src, dst) = FORMS[weighted], graph(edges=edges)
    for derivative in derivatives(4 if weighted else 3):
        given = drawn(form, derivative, channels, edges)
        wanted = expected(form, derivative, given, src, dst)
        for found, right in zip(evaluated(form, derivative, given, src, dst), wanted, strict=True):
            np.testing.assert_allclose(found, right, rtol=0, atol=1e-12 * np.abs(right).max())
        single = evaluated(form, derivative, given, src, dst, "float32")
        for found, right in zip(single, wanted, strict=True):
            np.testing.assert_allclose(found, right, rtol=0, atol=2e-5 * np.abs(right).max())


def test_threads_find_the_same():
    form, (src, dst) = FORMS[True], graph()
    for derivative in derivatives(4):
        given = drawn(form, derivative, 20)
        for threads in (2, 3):
            pairs = zip(
                evaluated(form, derivative, given, src, dst),
                evaluated(form, derivative, given, src, dst, threads=threads),
                strict=True,
            )
            for one, many in pairs:
                np.testing.assert_allclose(one, many, rtol=0, atol=1e-13 * np.abs(one).max())


def test_a_graph_without_edges_sums_to_zero():
    form = FORMS[True]
    call = native.bind(Edges(form), "float64", 1)
    empty = np.zeros(0, int)
    found = call(
        np.ones((3, 2, DIMS[0])), np.ones((0, DIMS[1])), np.ones((0, len(PATHS), 2)), empty, empty
    )
    assert found.shape == (3, 2, DIMS[2]) and not found.any()


@pytest.mark.parametrize("end", ["src", "dst"])
@pytest.mark.parametrize("bad", [-1, NODES])
def test_an_index_out_of_range_is_an_error(end, bad):
    form, ends = FORMS[True], dict(zip(("src", "dst"), graph(), strict=True))
    ends[end][3] = bad
    for derivative in (value(4), value(4).gradient([0], [0, 1, 2])):
        given = drawn(form, derivative, 2)
        with pytest.raises(IndexError, match="convolve: an index is out of range"):
            evaluated(form, derivative, given, **ends)


@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("bad", [2**32 + 1, 2**31, -(2**32) + 1, 2**63 - 1])
def test_an_index_that_int32_does_not_hold_is_out_of_range(framework, bad, precision):
    module = pytest.importorskip(framework)
    array = {
        "numpy": lambda a: a,
        "torch": lambda a: module.from_numpy(a),
        "jax": lambda a: module.numpy.asarray(a),
    }[framework]
    form, (src, dst) = FORMS[True], graph()
    src = src.astype(np.int64)
    src[3] = bad
    with precision(framework, "float64"):
        backend = load(framework, problem("mimo", 1, dtype="float64"), Target())
        call = backend.convolution(form)
        given = [backend.table(a) for a in drawn(form, value(4), 2)]
        ends = [array(a) for a in (src, dst)]
        assert all("int64" in str(a.dtype) for a in ends)
        with pytest.raises(Exception, match="an index is out of range"):
            np.asarray(call(*given, *ends))


def test_arrays_that_do_not_fit_are_refused_by_shape():
    form, (src, dst) = FORMS[True], graph()
    call = native.bind(Edges(form), "float64", 1)
    x, s, w = drawn(form, value(4), 2)
    with pytest.raises(ValueError, match=r"got an array \(45, 3, 2\), not \(45, 4, 2\)"):
        call(x, s, w[:, :3], src, dst)
    with pytest.raises(ValueError, match=r"got an array \(44,\), not \(45,\)"):
        call(x, s, w, src[:44], dst)


def test_more_nodes_or_edges_than_are_numbered_are_refused():
    kernel, channels, many = Edges(FORMS[False]), 2, MOST + 1
    for nodes, edges in ((many, 1), (1, many)):
        shapes = [(nodes, channels, DIMS[0]), (edges, DIMS[1]), (edges,), (edges,)]
        with pytest.raises(ValueError, match=f"up to {MOST} nodes and edges, not {nodes}, {edges}"):
            kernel.counts(value(3), shapes)
    assert kernel.counts(value(3), [(MOST, 2, DIMS[0]), (4, DIMS[1]), (4,), (4,)]) == (MOST, 4, 2)


def test_equal_convolutions_have_equal_digests():
    again = Convolution(DIMS, tuple((i, j, k, t.copy()) for i, j, k, t in PATHS))
    assert again.digest == FORMS[True].digest != FORMS[False].digest


def test_a_map_over_graphs_in_jax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        from impls.kernels.jax import bind

        form, (src, dst) = FORMS[True], graph()
        ends = [jax.numpy.asarray(a, "int32") for a in (src, dst)]
        x, s, w = drawn(form, value(4), 2)
        call = bind(Edges(form), "float64", 1)
        many = np.stack([x, 2 * x, -x])
        found = jax.vmap(lambda x: call(x, s, w, *ends))(many)
        one = expected(form, value(4), [x, s, w], src, dst)[0]
        np.testing.assert_allclose(found, np.stack([one, 2 * one, -one]), atol=1e-12)
