"""The few array operations in which frameworks differ, so that an algorithm is written once.

Indexing, arithmetic, `@`, `reshape` and `swapaxes` are the same in NumPy, PyTorch and JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.implementation import Target
from impls.problem import Problem


@dataclass(frozen=True)
class Backend:
    """One framework, at the device and data type of a case.

    `table` makes a constant of the problem's data type, `index` one of integers, `take(a, index)`
    picks entries of the last axis, `concatenate(arrays, axis)` joins arrays.
    """

    table: Callable[[np.ndarray], Any]
    index: Callable[[np.ndarray], Any]
    take: Callable[[Any, Any], Any]
    concatenate: Callable[[Sequence[Any], int], Any]


def numpy_backend(problem: Problem) -> Backend:
    """Return the backend of NumPy, which has no bfloat16."""
    return Backend(
        table=lambda a: np.ascontiguousarray(a, dtype=problem.dtype),
        index=np.asarray,
        take=lambda a, index: np.take(a, index, axis=-1),
        concatenate=lambda arrays, axis: np.concatenate(arrays, axis),
    )


def torch_backend(problem: Problem, target: Target) -> Backend:
    """Return the backend of PyTorch on the target's device."""
    import torch

    dtype, device = getattr(torch, problem.dtype), torch.device(target.device)
    return Backend(
        table=lambda a: torch.tensor(np.array(a), dtype=dtype, device=device),
        index=lambda a: torch.tensor(np.array(a), dtype=torch.int64, device=device),
        take=lambda a, index: a.index_select(-1, index),
        concatenate=lambda arrays, axis: torch.cat(tuple(arrays), axis),
    )


def jax_backend(problem: Problem) -> Backend:
    """Return the backend of JAX on its default device."""
    import jax.numpy as jnp

    return Backend(
        table=lambda a: jnp.asarray(a, dtype=problem.dtype),
        index=lambda a: jnp.asarray(a, dtype=jnp.int32),
        take=lambda a, index: a[..., index],
        concatenate=lambda arrays, axis: jnp.concatenate(arrays, axis),
    )
