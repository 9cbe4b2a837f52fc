"""The backend of PyTorch, on the target's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from impls.implementation import Target
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution
from impls.problem import Problem


class TorchBackend:
    """See `impls.backends.Backend`."""

    fft = torch.fft

    def __init__(self, problem: Problem, target: Target) -> None:
        self.target = target
        self.dtype, self.device = getattr(torch, problem.dtype), torch.device(target.device)

    def table(self, a: np.ndarray) -> Any:
        return torch.tensor(np.array(a), dtype=self.dtype, device=self.device)

    def index(self, a: np.ndarray) -> Any:
        return torch.tensor(np.array(a), dtype=torch.int64, device=self.device)

    def take(self, a: Any, index: Any, axis: int = -1) -> Any:
        return a.index_select(axis, index)

    def gather(self, a: Any, index: Any) -> Any:
        return a.index_select(0, index)

    def segment_sum(self, rows: Any, index: Any, count: int) -> Any:
        return rows.new_zeros((count, *rows.shape[1:])).index_add(0, index, rows)

    def segment_max(self, rows: Any, index: Any, count: int) -> Any:
        constant = rows.detach()
        places = index.reshape(-1, *(1 for _ in rows.shape[1:])).expand(rows.shape)
        least = constant.new_full((count, *rows.shape[1:]), -torch.inf)
        return least.scatter_reduce(0, places, constant, "amax")

    def contiguous(self, a: Any) -> Any:
        return a.contiguous()

    def bmm(self, a: Any, b: Any) -> Any:
        return torch.bmm(a, b)

    def outer(self, a: Any, b: Any) -> Any:
        return (a[..., :, None] * b[..., None, :]).reshape(*a.shape[:-1], -1)

    def outer_first(self, a: Any, b: Any) -> Any:
        products = a[:, None] * b[None]
        return products.reshape(-1, *products.shape[2:])

    def is_negative(self, a: Any) -> Any:
        return a < 0

    def floor(self, a: Any) -> tuple[Any, Any]:
        below = a.detach().floor()
        return below.long(), a - below

    def broadcast(self, a: Any, shape: tuple[int, ...]) -> Any:
        return a.expand(shape)

    def split(self, a: Any, sizes: Sequence[int], axis: int) -> Sequence[Any]:
        return torch.split(a, list(sizes), axis)

    def concatenate(self, arrays: Sequence[Any], axis: int) -> Any:
        return torch.cat(tuple(arrays), axis)

    def complex(self, real: Any, imag: Any) -> Any:
        return torch.complex(real, imag)

    def sin(self, a: Any) -> Any:
        return torch.sin(a)

    def exp(self, a: Any) -> Any:
        return torch.exp(a)

    def log(self, a: Any) -> Any:
        return torch.log(a)

    def arctan2(self, y: Any, x: Any) -> Any:
        return torch.arctan2(y, x)

    def sigmoid(self, a: Any) -> Any:
        return torch.sigmoid(a)

    def softmax(self, a: Any) -> Any:
        return torch.softmax(a, -1)

    def activation(self, name: str) -> Callable[[Any], Any]:
        functions: dict[str, Callable[[Any], Any]] = {
            "silu": torch.nn.functional.silu,
            "tanh": torch.tanh,
        }
        return functions[name]

    def norm(self, a: Any) -> Any:
        return torch.linalg.vector_norm(a, dim=-1, keepdim=True)

    def largest(self, a: Any, axis: int) -> Any:
        return a.amax(axis)

    def energy(self, a: Any, axes: tuple[int, ...]) -> Any:
        wide = torch.promote_types(a.dtype, torch.float32)
        return a.detach().to(wide).square().sum(axes)

    def eigenvectors(self, a: Any) -> Any:
        return torch.linalg.eigh(a)[1]

    def argsort(self, a: Any) -> Any:
        return torch.argsort(a)

    def trilinear(self, form: TrilinearForm) -> Callable[[Any, Any], Any]:
        from impls.kernels.rows import Rows
        from impls.kernels.torch import bind

        return bind(Rows(form), self.dtype, self.target.threads, self.target.device)

    def convolution(self, form: Convolution) -> Callable[..., Any]:
        from impls.kernels.graph import Edges
        from impls.kernels.kernel import MOST
        from impls.kernels.torch import bind

        call = bind(Edges(form), self.dtype, self.target.threads, self.target.device)

        cpu = self.target.device == "cpu"  # on a GPU it would be a launch for each array

        def int32(index: Any) -> Any:  # what it does not hold stays out of range
            held = index.clamp(-1, MOST) if cpu and index.dtype != torch.int32 else index
            return held.to(torch.int32)

        def convolution(*tensors: Any) -> Any:
            return call(*tensors[:-2], *map(int32, tensors[-2:]))

        return convolution


BACKEND = TorchBackend
