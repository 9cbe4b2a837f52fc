"""JAX: jit, on CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.case import Pass
from bench.frameworks import Call, PassFunction
from bench.frameworks.memory import peak_rss
from impls.implementation import Target, Tensors
from impls.spaces import Arrays, Space


def start(target: Target, x64: bool) -> Mapping[str, Any]:
    """Pin precision; dispatch on the CPU is synchronous, so that one wait ends a burst."""
    jax.config.update("jax_enable_x64", x64)
    matmul = {"ieee": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}[target.precision]
    jax.config.update("jax_default_matmul_precision", matmul)
    if target.device == "cpu":
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    device = jax.devices()[0]
    found = "cpu" if device.platform == "cpu" else "cuda"
    if found != target.device:
        raise ValueError(
            f"JAX runs on {found}, not {target.device}; use --device {found}, or install JAX's "
            "CUDA build"
        )
    return {"jax": jax.__version__, "jax_device": device.device_kind, "matmul_precision": matmul}


def put(arrays: Arrays, spaces: Mapping[str, Space], dtype: str, target: Target) -> Tensors:
    """Return arrays on the default device; indices have JAX's default integer type."""
    return {
        name: jnp.asarray(a, dtype=dtype) if spaces[name].kind == "real" else jnp.asarray(a)
        for name, a in arrays.items()
    }


def leaves(tensors: Tensors, wanted: tuple[str, ...]) -> Tensors:
    """Return the tensors: JAX differentiates functions, not arrays."""
    return tensors


def get(tensors: Tensors) -> dict[str, Any]:
    """Return NumPy arrays, reals as float64."""
    return {
        name: np.array(a, np.float64) if jnp.issubdtype(a.dtype, jnp.floating) else np.array(a)
        for name, a in tensors.items()
    }


def make(call: Call, pass_: Pass, mode: str, wanted: tuple[str, ...]) -> PassFunction:
    """Return the jitted pass. The value is returned too: else XLA drops the forward pass."""

    def gradient(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        def value(leaves: Tensors) -> Any:
            outputs = call(
                {name: leaves.get(name, a) for name, a in inputs.items()},
                {name: leaves.get(name, a) for name, a in weights.items()},
            )
            return sum(jnp.sum(c * outputs[name]) for name, c in cotangents.items())

        leaves = {name: {**inputs, **weights}[name] for name in wanted}
        result, grads = jax.value_and_grad(value)(leaves)
        return {"value": result, **{f"d_{name}": g for name, g in grads.items()}}

    if pass_ == "fwd":
        return jax.jit(lambda inputs, weights, cotangents: call(inputs, weights))
    return jax.jit(gradient)


def cotangents(call: Call, inputs: Tensors, weights: Tensors) -> Tensors:
    """Return standard normal arrays of the shapes of the real outputs."""
    shapes = jax.eval_shape(call, inputs, weights)
    rng = np.random.default_rng(0)
    return {
        name: jnp.asarray(rng.standard_normal(s.shape), dtype=s.dtype)
        for name, s in shapes.items()
        if jnp.issubdtype(s.dtype, jnp.floating)
    }


def wait(out: Any) -> None:
    """Block until every array is ready."""
    jax.block_until_ready(out)


def peak(
    run: Callable[[], Any], function: PassFunction, arguments: tuple[Any, ...]
) -> dict[str, float]:
    """Return the peak of the resident set on the CPU, else XLA's own analysis of the program.

    The analysis (temporaries and outputs) costs a second compilation. JAX's allocator counters
    cannot be reset, so that they say nothing of one call.
    """
    if jax.devices()[0].platform == "cpu":
        return peak_rss(run)
    analysis = function.lower(*arguments).compile().memory_analysis()  # type: ignore[attr-defined]
    return {"xla": float(analysis.temp_size_in_bytes + analysis.output_size_in_bytes)}
