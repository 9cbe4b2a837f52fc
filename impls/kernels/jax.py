"""Kernels as foreign functions of XLA, with gradients of any order, under jit and vmap."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import jax
import numpy as np

from impls.kernels.compiler import library
from impls.kernels.derivative import Derivative
from impls.kernels.kernel import Kernel, check_dtypes, first


@jax.tree_util.register_static
class Static(tuple[int, ...]):
    """Numbers that are known when a function is traced."""

    __slots__ = ()


def bind(kernel: Kernel, dtype: str, threads: int) -> Callable[..., Any]:
    """Return the map as a function of arrays: the given ones, then those of indices (int32)."""
    function = _function(kernel, first(kernel), dtype, threads)

    def call(*arrays: Any) -> Any:
        return function(*arrays)[0]

    return call


@cache
def _target(
    sources: tuple[str, ...], flags: tuple[str, ...], symbol: str, dtype: str, parallel: bool
) -> str:
    """Compile the function for XLA and register it; return its name."""
    include = jax.ffi.include_dir()
    loaded = library((*sources, "xla.c"), dtype, flags, parallel=parallel, include=include)
    name = f"equibench_{symbol}_{dtype}{'_parallel' if parallel else ''}"
    handler = loaded.call_of_xla
    jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(handler), platform="cpu")
    return name


@lru_cache(maxsize=256)
def _function(kernel: Kernel, derivative: Derivative, dtype: str, threads: int) -> Any:
    """Return a derivative as a function that JAX can differentiate."""
    target = _target(kernel.sources, kernel.flags, kernel.symbol, dtype, threads > 1)
    table, many = kernel.table(derivative), len(derivative.given)
    words, numbers = np.asarray(table.words, np.int32), np.asarray(table.numbers, dtype)

    @jax.custom_vjp
    def call(*arrays: Any) -> Any:
        check_dtypes(kernel, dtype, [a.dtype.name for a in arrays])
        shapes = [a.shape for a in arrays[:many]]
        outputs = [jax.ShapeDtypeStruct(s, dtype) for s in kernel.shapes(derivative, shapes)]
        counts = kernel.counts(derivative, [a.shape for a in arrays])
        function = jax.ffi.ffi_call(
            target, outputs, vmap_method="sequential" if kernel.indices else "broadcast_all"
        )
        return function(
            *arrays,
            counts=np.array(counts if kernel.indices else [0], np.int64),
            numbers=numbers,
            threads=np.int64(threads),
            words=words,
        )

    def forward(*primals: Any) -> tuple[Any, Any]:
        values = tuple(p.value for p in primals)
        wanted = Static(n for n in range(many) if primals[n].perturbed)
        return call(*values), (values, wanted)

    def backward(residuals: Any, cotangents: Any) -> tuple[Any, ...]:
        values, to = residuals
        zero = jax.custom_derivatives.SymbolicZero
        of = [n for n, c in enumerate(cotangents) if not isinstance(c, zero)]
        to = [n for n in derivative.depends(of) if n in to]
        gradients: list[Any] = [None] * len(values)
        if to:
            inner = _function(kernel, derivative.gradient(of, to), dtype, threads)
            found = inner(*values[:many], *(cotangents[n] for n in of), *values[many:])
            for n, g in zip(to, found, strict=True):
                gradients[n] = g
        return tuple(gradients)

    call.defvjp(forward, backward, symbolic_zeros=True)
    return call
