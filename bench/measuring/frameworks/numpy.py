"""NumPy: eager, forward only, on the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench.measuring.frameworks import Activity, Call, PassFunction
from bench.measuring.frameworks.memory import peak_rss
from bench.record.case import Pass
from impls.implementation import Target, Tensors
from impls.spaces import Space


def start(target: Target, x64: bool) -> Mapping[str, Any]:
    """Return the version; threads are set in the environment before the process starts."""
    if target.device != "cpu":
        raise ValueError("NumPy runs on the CPU only; use --device cpu for it")
    return {"numpy": np.__version__}


def precision(device: str) -> str:
    """Return "ieee": NumPy has no other products."""
    return "ieee"


def put(
    arrays: Tensors, spaces: Mapping[str, Space], dtype: str, target: Target, own: bool = False
) -> Tensors:
    """Round reals to the dtype; bfloat16 does not exist in NumPy."""
    if dtype == "bfloat16":
        raise ValueError("NumPy has no bfloat16; use float32 or float64")
    return {
        name: a.astype(dtype if spaces[name].kind == "real" else a.dtype, copy=not own)
        for name, a in arrays.items()
    }


def leaves(tensors: Tensors, wanted: tuple[str, ...]) -> Tensors:
    """Return the tensors: there are no gradients."""
    return tensors


def copy(tensors: Tensors) -> Tensors:
    """Return copies of the arrays."""
    return {name: a.copy() for name, a in tensors.items()}


def get(tensors: Tensors) -> dict[str, Any]:
    """Return float64 copies of reals."""
    return {
        name: np.array(a, dtype=np.float64) if np.asarray(a).dtype.kind == "f" else np.array(a)
        for name, a in tensors.items()
    }


def held(tensors: Tensors, own: bool = False) -> dict[str, Any]:
    """Return copies."""
    return {name: np.asarray(a) if own else np.array(a) for name, a in tensors.items()}


def strange(tensor: Any, dtype: str, target: Target) -> str:
    """Return why something is no plain NumPy array of a data type."""
    if type(tensor) is not np.ndarray:
        return f"is a {type(tensor).__qualname__}, not a numpy.ndarray"
    if tensor.dtype.kind in "fc" and tensor.dtype != dtype:
        return f"is in {tensor.dtype}, not {dtype}"
    return ""


def strided(tensors: Tensors) -> Tensors | None:
    """Return views of arrays that are transposed and twice as long."""
    found = {}
    for name, a in tensors.items():
        wide = np.empty((*reversed(a.shape[1:]), *(2 * n for n in a.shape[:1])), a.dtype).T
        found[name] = wide[::2] if a.ndim else wide
        found[name][...] = a
    return found


def real(tensor: Any) -> bool:
    """Return whether an array holds floating-point numbers."""
    return bool(tensor.dtype.kind == "f")


def make(call: Call, pass_: Pass, mode: str, wanted: tuple[str, ...]) -> PassFunction:
    """Return the forward pass."""
    if pass_ != "fwd":
        raise ValueError("NumPy has no gradients; use --pass fwd for it")
    return lambda inputs, weights, cotangents: call(inputs, weights)


def cotangents(call: Call, inputs: Tensors, weights: Tensors) -> Tensors:
    """Return standard normal arrays of the shapes of the real outputs."""
    rng = np.random.default_rng(0)
    outputs = call(inputs, weights)
    return {n: rng.standard_normal(a.shape).astype(a.dtype) for n, a in outputs.items() if real(a)}


def wait(out: Any) -> None:
    """Return at once: NumPy is synchronous."""


def overwrite(tensor: Any, value: Any) -> None:
    """Write a value into an array in place."""
    tensor[...] = value


def first(function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, float]:
    """Return the seconds of the first call."""
    start = time.perf_counter()
    function(*arguments)
    return {"time.first": time.perf_counter() - start}


def ran(function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, int]:
    """Return {}: NumPy does not tell what it runs."""
    return {}


def counted(function: PassFunction, arguments: tuple[Any, ...]) -> dict[str, float]:
    """Return {}: NumPy counts nothing."""
    return {}


def peak(
    run: Callable[[], Any], function: PassFunction, arguments: tuple[Any, ...]
) -> dict[str, float]:
    """Return the peak of the resident set."""
    return peak_rss(run)


def fresh_peak(run: Callable[[], Any], arguments: tuple[Any, ...]) -> dict[str, float]:
    """Return the peak of the resident set after one call that warms up."""
    run()
    return peak_rss(run)


def traced(work: Callable[[], Any]) -> list[Activity]:
    """Return []: NumPy uses no GPU."""
    work()
    return []


def release() -> None:
    """Nothing: NumPy keeps nothing on a GPU."""
