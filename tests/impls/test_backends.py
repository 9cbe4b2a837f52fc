"""Backends: each member means the same in NumPy, PyTorch and JAX."""

import contextlib
import inspect

import numpy as np
import pytest

from impls.backends import Backend, load
from impls.families.product import problem
from impls.implementation import FRAMEWORKS, Target
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 4, 6))
C, D = RNG.standard_normal((3, 3, 4)), RNG.standard_normal((3, 4, 5))
SIGNED = np.array([-2.0, -0.0, 0.0, 3.0])
PICK = np.array([2, 0, 2])
SEGMENT = np.array([2, 0, 2, 3])  # of 5: the segments 1 and 4 are empty
EMPTY = np.full(6, -np.inf)
HALF = 0.5 * (1 + np.tanh(A / 2))
ROOTS = np.array([[-3.0, 1.0, 2.0], [0.5, 4.0, 6.0]])
TURNS = np.linalg.qr(C[:2, :, :3])[0]
SYMMETRIC = TURNS * ROOTS[:, None] @ TURNS.swapaxes(1, 2)
SPACING = {"float32": 2**-25, "float64": 2**-54, "bfloat16": 2**-9}
"""Of the numbers of each data type next to a third."""
FFTS = ("rfft", "irfft", "rfft2", "irfft2", "fft2", "ifft2")


def dft(name, norm):
    """Return what a member of `fft` makes of A, by sums of waves."""
    rows, columns = A.shape
    direction = 1 if name.startswith("i") else -1

    def waves(n):
        return np.exp(direction * 2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)

    real_out, both = name.startswith("ir"), name.endswith("2")
    data = A.astype(complex)
    if real_out:  # half of a spectrum whose other half is its conjugate
        columns = 2 * (columns - 1)
        half = A[-np.arange(rows) % rows] if both else A
        data = np.concatenate([data, half[:, -2:0:-1]], axis=1)
    found = data @ waves(columns)
    if both:
        found = waves(rows) @ found
    size = columns * (rows if both else 1)
    scaled = {"ortho": size**-0.5, "forward": 1 / size, "backward": 1}[norm]
    if direction == 1:
        scaled = {"ortho": size**-0.5, "forward": 1, "backward": 1 / size}[norm]
    found = scaled * found
    if real_out:
        return found.real
    return found[:, : columns // 2 + 1] if name.startswith("r") else found


def summed(messages):
    """Return the sums of three messages at the nodes 3, 1 and 3 of four."""
    first, second, third = messages
    return np.stack([0 * first, second, 0 * first, first + third])


CASES = {
    "table": (lambda b: b.table(A), A),
    "index": (lambda b: b.index(PICK), PICK),
    "take": (lambda b: b.take(b.table(A), b.index(PICK)), A[:, [2, 0, 2]]),
    **{
        f"take {axis}": (
            lambda b, axis=axis: b.take(b.table(C), b.index(PICK), axis),
            C.take(PICK, axis),
        )
        for axis in range(3)
    },
    "contiguous": (lambda b: b.contiguous(b.table(A).swapaxes(0, 1)), A.T),
    "bmm": (
        lambda b: b.bmm(b.table(C), b.table(D)),
        np.stack([c @ d for c, d in zip(C, D, strict=True)]),
    ),
    "outer": (
        lambda b: b.outer(b.table(A), b.table(B[:, :2])),
        np.einsum("ni,nj->nij", A, B[:, :2]).reshape(4, 12),
    ),
    "outer_first": (
        lambda b: b.outer_first(b.table(C[..., None]), b.table(D[:2, :3, None])),
        np.einsum("inu,jnv->ijnuv", C, D[:2, :3]).reshape(6, 3, 4, 5),
    ),
    "is_negative": (
        lambda b: (1 - 2 * b.is_negative(b.table(SIGNED))) * b.table(SIGNED),
        np.array([2.0, 0.0, 0.0, 3.0]),
    ),
    "gather": (lambda b: b.gather(b.table(A), b.index(PICK)), A[[2, 0, 2]]),
    "segment_sum": (
        lambda b: b.segment_sum(b.table(A), b.index(SEGMENT), 5),
        np.stack([A[1], 0 * A[0], A[0] + A[2], A[3], 0 * A[0]]),
    ),
    "segment_max": (
        lambda b: b.segment_max(b.table(A), b.index(SEGMENT), 5),
        np.stack([A[1], EMPTY, np.where(A[0] > A[2], A[0], A[2]), A[3], EMPTY]),
    ),
    "broadcast": (
        lambda b: b.broadcast(b.table(A[:, None]), (4, 3, 6)),
        np.broadcast_to(A[:, None], (4, 3, 6)),
    ),
    "split": (lambda b: b.split(b.table(A), (1, 3, 2), 1)[1], A[:, 1:4]),
    "concatenate": (
        lambda b: b.concatenate([b.table(A), b.table(B[:, :1])], 1),
        np.hstack([A, B[:, :1]]),
    ),
    "trilinear": (
        lambda b: b.trilinear(TrilinearForm.dense(C))(b.table(A[:, :3]), b.table(B[:, :3])),
        np.einsum("ijk,ni,nj->nk", C[:, :3], A[:, :3], B[:, :3]),
    ),
    "convolution": (
        lambda b: b.convolution(Convolution((3, 3, 4), ((0, 0, 0, C[:, :3]),), weighted=False))(
            b.table(A.reshape(4, 2, 3)), b.table(B[:3, :3]), b.index(PICK), b.index(PICK + 1)
        ),
        summed(np.einsum("ijk,eui,ej->euk", C[:, :3], A.reshape(4, 2, 3)[PICK], B[:3, :3])),
    ),
    "complex": (lambda b: b.complex(b.table(A), b.table(B)), A + 1j * B),
    "floor index": (
        lambda b: b.gather(b.table(A), b.floor(b.table(np.array([1.5, 0.0, 2.9])))[0]),
        A[[1, 0, 2]],
    ),
    "floor rest": (lambda b: b.floor(b.table(A))[1], A % 1),
    "sin": (lambda b: b.sin(b.table(A)), np.exp(1j * A).imag),
    "exp": (lambda b: b.exp(b.table(A)), np.cosh(A) + np.sinh(A)),
    "log": (lambda b: b.log(b.table(1 + A * A)), np.log1p(A * A)),
    "arctan2": (lambda b: b.arctan2(b.table(A), b.table(B)), np.log(B + 1j * A).imag),
    "sigmoid": (lambda b: b.sigmoid(b.table(A)), HALF),
    "softmax": (
        lambda b: b.softmax(b.table(A)),
        np.exp(A) / np.exp(A).sum(axis=1, keepdims=True),
    ),
    "softmax far apart": (
        lambda b: b.softmax(b.table(1e4 * np.eye(3))),
        np.eye(3),
    ),
    "activation": (lambda b: b.activation("silu")(b.table(A)), A * HALF),
    "activation tanh": (lambda b: b.activation("tanh")(b.table(A)), np.sinh(A) / np.cosh(A)),
    "norm": (
        lambda b: b.norm(b.table(A)),
        np.sqrt(np.einsum("ij,ij->i", A, A))[:, None],
    ),
    "largest": (lambda b: b.largest(b.table(C), 1), np.sort(C, axis=1)[:, -1]),
    "energy": (
        lambda b: b.energy(b.table(A[None]), (0, 2)),
        np.einsum("ij,ij->i", A, A),
    ),
    "argsort": (
        lambda b: b.argsort(b.table(np.array([2.5, -1.0, 0.5, 3.0]))),
        np.array([1, 2, 0, 3]),
    ),
    "eigenvectors": (
        lambda b: (v := b.eigenvectors(b.table(SYMMETRIC))).swapaxes(1, 2) @ b.table(SYMMETRIC) @ v,
        np.stack([np.diag(roots) for roots in ROOTS]),
    ),
    **{
        f"fft {name} {norm}": (
            lambda b, name=name, norm=norm: getattr(b.fft, name)(b.table(A), norm=norm),
            dft(name, norm),
        )
        for name in FFTS
        for norm in ("forward", "backward", "ortho")
    },
}


@contextlib.contextmanager
def backend(framework, dtype="float64"):
    pytest.importorskip(framework)
    with contextlib.ExitStack() as stack:
        if framework == "jax":
            import jax

            stack.enter_context(jax.enable_x64(dtype == "float64"))
        yield load(framework, problem("siso", 1, dtype=dtype), Target())


def members():
    return {name for name in (*vars(Backend), *Backend.__annotations__) if name[0] != "_"}


def test_every_member_is_tried_here():
    assert {name.split()[0] for name in CASES} == members() - {"target"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_members_have_the_parameters_that_the_protocol_says(framework):
    with backend(framework) as b:
        assert b.target == Target()
        for name in members() - {"target", "fft"}:
            wanted = list(inspect.signature(getattr(Backend, name)).parameters.values())[1:]
            found = inspect.signature(getattr(b, name)).parameters.values()
            assert [(p.name, p.default) for p in found] == [(p.name, p.default) for p in wanted]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", CASES)
def test_members_agree(name, framework):
    ask, wanted = CASES[name]
    with backend(framework) as b:
        found = np.asarray(ask(b))
    assert found.shape == wanted.shape
    assert found.dtype.kind == wanted.dtype.kind
    if wanted.dtype.kind != "i":
        assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", CASES)
def test_members_keep_single_precision(name, framework):
    ask, wanted = CASES[name]
    with backend(framework, "float32") as b:
        found = np.asarray(ask(b))
    if wanted.dtype.kind != "i":
        assert found.dtype == {"f": np.float32, "c": np.complex64}[wanted.dtype.kind]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_activations_do_not_overflow(framework, dtype):
    at = np.array([-1000.0, -20.0, 20.0, 1000.0])
    small = np.exp(-20.0) / (1 + np.exp(-20.0))
    with backend(framework, dtype) as b:
        a = b.table(at)
        for function, wanted in (
            (b.sigmoid, [0, small, 1 - small, 1]),
            (b.activation("silu"), [0, -20 * small, 20 * (1 - small), 1000]),
            (b.activation("tanh"), [-1, -1, 1, 1]),
        ):
            np.testing.assert_allclose(np.asarray(function(a)), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("framework", "dtype"),
    [(f, d) for f in FRAMEWORKS for d in SPACING if (f, d) != ("numpy", "bfloat16")],
)
def test_tables_have_the_data_type_of_the_problem(framework, dtype):
    with backend(framework, dtype) as b:
        found = b.table(np.array([1 / 3, 2.0]))
        assert str(found.dtype).removeprefix("torch.") == dtype
        assert b.table(np.array([1, 2])).dtype == found.dtype
        third, two = (float(a) for a in found)
    assert two == 2.0 and abs(third - 1 / 3) <= SPACING[dtype] / 2


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_signs_keep_single_precision(framework):
    with backend(framework, "float32") as b:
        a = b.table(SIGNED)
        assert ((1 - 2 * b.is_negative(a)) * a).dtype == a.dtype


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_tables_and_indices_are_made_of_any_view_of_a_host_array(framework):
    """Of what torch alone would refuse: strides below zero, and arrays that cannot be written."""
    reversed_, locked = np.arange(6).reshape(2, 3)[:, ::-1].T, np.arange(3)
    locked.flags.writeable = False
    with backend(framework) as b:
        for host in (reversed_, locked):
            np.testing.assert_array_equal(np.asarray(b.table(host)), host)
            np.testing.assert_array_equal(np.asarray(b.index(host)), host)


def gradient(framework, function, at):
    """Return the gradient of the sum of a function of one array."""
    if framework == "torch":
        import torch

        leaf = torch.tensor(at, requires_grad=True)
        return torch.autograd.grad(function(leaf).sum(), leaf)[0].numpy()
    import jax

    return np.asarray(jax.grad(lambda a: function(a).sum())(jax.numpy.asarray(at)))


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_gradient_of_a_norm_is_the_direction_and_zero_at_zero(framework):
    at = np.array([[3.0, 0.0, -4.0], [0.0, 0.0, 0.0]])
    with backend(framework) as b:
        found = gradient(framework, b.norm, at)
        assert np.asarray(b.norm(b.table(at)))[1] == 0.0
    np.testing.assert_allclose(found, [[0.6, 0.0, -0.8], [0.0, 0.0, 0.0]], atol=1e-15)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_gradients_of_sums_and_picks_count_how_often_a_row_is_used(framework):
    with backend(framework) as b:
        index = b.index(PICK)
        rows = gradient(framework, lambda a: b.gather(a, index), A)
        columns = gradient(framework, lambda a: b.take(a, index), A)
        weighted = b.table(np.arange(5.0)[:, None])
        segment = b.index(SEGMENT)
        summed = gradient(framework, lambda a: weighted * b.segment_sum(a, segment, 5), A)
    np.testing.assert_array_equal(rows, np.array([[1], [0], [2], [0]]) * np.ones(6))
    np.testing.assert_array_equal(columns, np.ones((4, 1)) * [1, 0, 2, 0, 0, 0])
    np.testing.assert_array_equal(summed, SEGMENT[:, None] * np.ones(6))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="unknown framework 'tinygrad': choose numpy, torch, jax"):
        load("tinygrad", problem("siso", 1), Target())


@pytest.mark.parametrize("name", ["outer", "outer_first"])
def test_gradients_of_outer_products_of_any_order(name):
    """What JAX is told of their gradients is what it derives of the product itself."""
    with backend("jax") as b:
        import jax

        shapes = {"outer": ((3, 2, 4), (3, 2, 5)), "outer_first": ((4, 3, 2, 1), (5, 3, 1, 2))}
        x, y, h = (b.table(RNG.standard_normal(s)) for s in (*shapes[name], shapes[name][1]))
        plain = {
            "outer": lambda x, y: (x[..., :, None] * y[..., None, :]).reshape(3, 2, 20),
            "outer_first": lambda x, y: (x[:, None] * y[None]).reshape(20, 3, 2, 2),
        }[name]

        def every(function):
            def value(x, y):
                return (function(x, y) ** 3).sum()

            def second(x, y):
                return (jax.grad(value, 1)(x, y) * h).sum()

            return jax.grad(value, (0, 1))(x, y) + jax.grad(second, (0, 1))(x, y)

        found, wanted = every(getattr(b, name)), every(plain)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-11)
