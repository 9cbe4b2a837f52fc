"""Kernels in PyTorch, with gradients of any order.

`torch.compile`, modes and subclasses see an operator `equibench::map_<tensors>_<indices>_<outputs>`
with a fake kernel and registered gradients. The kernel and its derivative are one string, its key:
the digest of the form, then for each gradient that was taken the outputs with a cotangent and the
tensors that it is with respect to. So a compiled graph that is found in a cache means the same in
another process that has built the same kernel. Plain tensors go to the same function without the
dispatcher, which in Python costs several times what the function does around a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import torch
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from impls.kernels import memory
from impls.kernels.derivative import Derivative
from impls.kernels.kernel import Kernel, check_dtypes, first
from impls.kernels.numpy import Function

LIBRARY = torch.library.Library("equibench", "FRAGMENT")
KERNELS: dict[str, Kernel] = {}
"""By digest: every kernel that was bound in this process."""
PLAIN = {torch.Tensor, torch.nn.Parameter}
DTYPE, SHAPE, CUDA = map(attrgetter, ("dtype", "shape", "is_cuda"))


def bind(
    kernel: Kernel, dtype: torch.dtype, threads: int, device: str = "cpu"
) -> Callable[..., Any]:
    """Return the map as a function of tensors: the given ones, then those of indices (int32).

    The table of the map is made here and the C library compiled, what gradients need when they are
    asked for. Triton compiles a program when it is first launched.
    """
    KERNELS[kernel.digest] = kernel
    digest, operator = kernel.digest, _operator(kernel.slots - 1, kernel.indices, 1)
    dtypes = (dtype,) * (kernel.slots - 1) + (torch.int32,) * kernel.indices
    _prepared(digest, dtypes, (device != "cpu",) * len(dtypes), threads)

    def call(*tensors: Any) -> Any:
        if torch.compiler.is_compiling():
            return operator(*tensors, digest, threads)
        return _apply(operator, tensors, digest, threads)

    return call


def _apply(operator: Any, tensors: Sequence[Any], key: str, threads: int) -> Any:
    """Call an operator, directly where nothing looks on."""
    if is_in_torch_dispatch_mode() or not PLAIN.issuperset(map(type, tensors)):
        return operator(*tensors, key, threads)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return Eager.apply(key, threads, *tensors)
    return _run(key, threads, tensors)


class Eager(torch.autograd.Function):
    """A derivative of a kernel, and its gradients."""

    @staticmethod
    def forward(ctx: Any, key: str, threads: int, *tensors: Any) -> Any:
        """Return the outputs: a tensor, or a tuple of several."""
        _save(ctx, key, threads, tensors)
        return _run(key, threads, tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        """Return the gradients with respect to what needs them."""
        return None, None, *_gradients(ctx, ctx.needs_input_grad[2:], cotangents)


def _save(ctx: Any, key: str, threads: int, tensors: Sequence[Any]) -> None:
    ctx.key, ctx.threads = key, threads
    ctx.save_for_backward(*tensors)
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, needed: Sequence[bool], cotangents: Sequence[Any]) -> list[Any]:
    """Return the gradient, or None, with respect to each tensor of a call."""
    tensors, (kernel, derivative) = ctx.saved_tensors, _derivative(ctx.key)
    of = [n for n, c in enumerate(cotangents) if c is not None]
    to = [n for n in derivative.depends(of) if needed[n]]
    found: list[Any] = [None] * len(tensors)
    if to:
        given = len(derivative.given)
        operator = _operator(given + len(of), kernel.indices, len(to))
        arguments = *tensors[:given], *(cotangents[n] for n in of), *tensors[given:]
        gradient = f"{','.join(map(str, of))}>{','.join(map(str, to))}"
        gradients = _apply(operator, arguments, f"{ctx.key}/{gradient}", ctx.threads)
        for n, g in zip(to, (gradients,) if len(to) == 1 else gradients, strict=True):
            found[n] = g
    return found


@lru_cache(maxsize=1024)
def _derivative(key: str) -> tuple[Kernel, Derivative]:
    """Return what a key says: "digest/of,of>to,to/...".

    Raises:
        ValueError: for a kernel that this process has not built.
    """
    digest, *gradients = key.split("/")
    if digest not in KERNELS:
        raise ValueError(f"kernel {digest} was not built in this process; build its case first")
    derivative = first(KERNELS[digest])
    for gradient in gradients:
        of, to = ([int(n) for n in part.split(",")] for part in gradient.split(">"))
        derivative = derivative.gradient(of, to)
    return KERNELS[digest], derivative


class OnCpu(Function):
    """The C function of a derivative, called with tensors."""

    def laid(self, tensors: Sequence[Any]) -> list[Any]:
        """Return tensors as they lie in memory here; copies of those that lie otherwise."""
        return [tensor.contiguous() for tensor in tensors]

    def empty(self, leader: Any, shapes: Sequence[Any]) -> list[Any]:
        """Return new tensors for the outputs."""
        return [leader.new_empty(shape) for shape in shapes]

    def fill(self, tensors: Sequence[Any], outputs: Sequence[Any], counts: Any) -> None:
        """Fill the outputs; `counts` are as `sizes` returned them."""
        self([t.data_ptr() for t in (*tensors, *outputs)], counts)


def on_cuda(kernel: Kernel, derivative: Derivative, dtype: str, threads: int) -> Any:
    """Return the Triton programs of a derivative, whatever the threads."""
    from impls.kernels.triton import Programs

    return Programs(kernel, derivative, dtype)


ON: dict[str, Callable[[Kernel, Derivative, str, int], Any]] = {"CPU": OnCpu, "CUDA": on_cuda}
"""What computes a derivative on a type of device."""


@lru_cache(maxsize=256)
def _prepared(
    key: str, dtypes: tuple[torch.dtype, ...], cuda: tuple[bool, ...], threads: int
) -> Any:
    """Return the function for tensors of these data types, on CUDA or not; both checked once.

    Raises:
        TypeError: for data types that do not go together.
        ValueError: for tensors on CUDA behind one that is not, of which C would read the addresses;
            Triton refuses it the other way round.
    """
    kernel, derivative = _derivative(key)
    if any(cuda) and not cuda[0]:
        where = ", ".join("cuda" if on else "cpu" for on in cuda)
        raise ValueError(f"{kernel.symbol} got tensors on {where}; put all on one device")
    names = [str(dtype).removeprefix("torch.") for dtype in dtypes]
    check_dtypes(kernel, names[0], names)
    return ON["CUDA" if cuda[0] else "CPU"](kernel, derivative, names[0], threads)


def _run(key: str, threads: int, tensors: Sequence[Any]) -> Any:
    """Compute the outputs: a tensor, or a tuple of several."""
    leader = tensors[0]
    dtypes, cuda = tuple(map(DTYPE, tensors)), tuple(map(CUDA, tensors))
    function = _prepared(key, dtypes, cuda, threads)
    tensors = function.laid(tensors)
    shapes, counts = function.sizes(tuple(map(SHAPE, tensors)))
    found = function.empty(leader, shapes)
    function.fill(tensors, found, counts)
    return found[0] if len(found) == 1 else tuple(found)


@cache
def _operator(given: int, indices: int, outputs: int) -> Any:
    """Return the operator with so many tensors, index tensors and outputs; defined once."""
    name, tensors = f"map_{given}_{indices}_{outputs}", given + indices
    arguments = ", ".join(f"Tensor a{n}" for n in range(tensors))
    returns = "Tensor" if outputs == 1 else f"({', '.join(['Tensor'] * outputs)})"
    LIBRARY.define(f"{name}({arguments}, str key, int threads) -> {returns}")

    def run(*arguments: Any) -> Any:
        return _run(arguments[-2], arguments[-1], arguments[:-2])

    def fake(*arguments: Any) -> Any:
        kernel, derivative = _derivative(arguments[-2])
        shapes = kernel.shapes(derivative, [tuple(t.shape) for t in arguments[:given]])
        leader = arguments[0]
        if leader.is_cuda:
            found = memory.empty(kernel, derivative, leader, shapes)
        else:
            found = [leader.new_empty(shape) for shape in shapes]
        return found[0] if outputs == 1 else tuple(found)

    def setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _save(ctx, inputs[-2], inputs[-1], inputs[:-2])

    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        return *_gradients(ctx, ctx.needs_input_grad, cotangents), None, None

    for device in ON:
        LIBRARY.impl(name, run, device)
    full = f"equibench::{name}"
    torch.library.register_fake(full, fake, lib=LIBRARY)
    torch.library.register_autograd(full, backward, setup_context=setup, lib=LIBRARY)
    return getattr(torch.ops.equibench, name).default
