"""The same numbers where code may not expect them: with gaps between them, or off a boundary.

Nothing for JAX, whose arrays are where it puts them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from impls.implementation import Framework, Tensors


def strided(framework: Framework, tensors: Tensors) -> Tensors | None:
    """Return views of every second number of arrays that are twice as wide; None for JAX."""
    return _placed(framework, tensors, _gaps_numpy, _gaps_torch)


def unaligned(framework: Framework, tensors: Tensors) -> Tensors | None:
    """Return arrays that begin one number (of NumPy: one byte) into their memory; None for JAX."""
    return _placed(framework, tensors, _off_numpy, _off_torch)


def _placed(
    framework: Framework,
    tensors: Tensors,
    in_numpy: Callable[[Any], Any],
    in_torch: Callable[[Any], Any],
) -> Tensors | None:
    if framework == "jax":
        return None
    made: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if framework == "numpy":
            made[name] = in_numpy(tensor)
            made[name][...] = tensor
        else:
            view = in_torch(tensor.detach()).copy_(tensor.detach())
            made[name] = view.requires_grad_(tensor.requires_grad)
    return made


def _gaps_numpy(a: Any) -> Any:
    if not a.ndim:
        return np.empty_like(a)
    return np.empty((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)[..., ::2]


def _gaps_torch(t: Any) -> Any:
    if not t.ndim:
        return t.new_empty(())
    return t.new_empty((*t.shape[:-1], 2 * t.shape[-1]))[..., ::2]


def _off_numpy(a: Any) -> Any:
    memory = np.empty(a.nbytes + 1, np.uint8)
    return memory[1:].view(a.dtype).reshape(a.shape)


def _off_torch(t: Any) -> Any:
    return t.new_empty(math.prod(t.shape) + 1)[1:].view(t.shape)
