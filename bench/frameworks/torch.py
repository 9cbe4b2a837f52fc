"""PyTorch: eager, on CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from bench.case import Pass
from bench.frameworks import Call, PassFunction
from bench.frameworks.memory import peak_rss
from impls.implementation import Target, Tensors
from impls.spaces import Arrays, Space


def start(target: Target, x64: bool) -> Mapping[str, Any]:
    """Pin threads and precision; TF32 is off unless the case asks for it."""
    torch.set_num_threads(target.threads)
    torch.set_num_interop_threads(1)
    tf32 = target.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    facts: dict[str, Any] = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "tf32": tf32,
    }
    if target.device == "cuda":
        if not torch.cuda.is_available():
            raise ValueError("torch sees no CUDA device; use --device cpu or install a CUDA build")
        facts |= {"cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name()}
    return facts


def put(arrays: Arrays, spaces: Mapping[str, Space], dtype: str, target: Target) -> Tensors:
    """Return tensors on the device, none of which shares memory with its array."""
    real = getattr(torch, dtype)
    return {
        name: torch.tensor(
            a, dtype=real if spaces[name].kind == "real" else None, device=target.device
        )
        for name, a in arrays.items()
    }


def leaves(tensors: Tensors, wanted: tuple[str, ...]) -> Tensors:
    """Return detached tensors; the wanted ones require gradients."""
    return {name: t.detach().requires_grad_(name in wanted) for name, t in tensors.items()}


def get(tensors: Tensors) -> dict[str, Any]:
    """Return NumPy copies, reals as float64."""
    return {
        name: t.detach()
        .to("cpu", torch.float64 if t.is_floating_point() else t.dtype, copy=True)
        .numpy()
        for name, t in tensors.items()
    }


def make(call: Call, pass_: Pass, mode: str, wanted: tuple[str, ...]) -> PassFunction:
    """Return the pass; leaves are the tensors themselves, so nothing is copied."""

    def forward(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        with torch.no_grad():
            return call(inputs, weights)

    def gradient(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        outputs = call(inputs, weights)
        value = sum((c * outputs[name]).sum() for name, c in cotangents.items())
        leaves = [inputs[name] if name in inputs else weights[name] for name in wanted]
        if not wanted or not value.requires_grad:
            grads: Sequence[Any] = [None] * len(wanted)
        else:
            grads = torch.autograd.grad(value, leaves, allow_unused=True)
        named = {
            f"d_{name}": torch.zeros_like(leaf) if g is None else g
            for name, leaf, g in zip(wanted, leaves, grads, strict=True)
        }
        return {"value": value.detach(), **named}

    return forward if pass_ == "fwd" else gradient


def cotangents(call: Call, inputs: Tensors, weights: Tensors) -> Tensors:
    """Return standard normal tensors of the shapes of the real outputs."""
    with torch.no_grad():
        outputs = call(inputs, weights)
    return {name: torch.randn_like(t) for name, t in outputs.items() if t.is_floating_point()}


def wait(out: Any) -> None:
    """Synchronise the device that holds the result."""
    if any(t.is_cuda for t in out.values()):
        torch.cuda.synchronize()


def peak(
    run: Callable[[], Any], function: PassFunction, arguments: tuple[Any, ...]
) -> dict[str, float]:
    """Return torch's own CUDA counter above the live tensors, or the peak of the resident set."""
    if not any(t.is_cuda for part in arguments for t in part.values()):
        return peak_rss(run)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return {"cuda": float(torch.cuda.max_memory_allocated() - before)}
