"""Tensors that lie on the CPU and say that they are on the card.

A mode of torch's functions sends what is asked for on "cuda" to the CPU, marks it as a `CudaTensor`
and so everything that is computed from it. It launches a kernel for what is computed, waits where
CUDA would, and refuses what CUDA refuses: NumPy, and tensors of the host in between. Random
numbers, copies and products that are LARGE have their memory and their time, and no numbers.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pretend_gpu.device import BOOST, Device
from pretend_gpu.memory import Memory

BANDWIDTH = 3e12
"""Of the memory of the card [B/s]."""
RATE = 5e13
"""Of products of matrices [1/s]."""
LARGE = 2**26
"""As many bytes, or multiplications, take the CPU too long to be computed: a full L2 does not."""
WAITING = ("item", "tolist", "__bool__", "__float__", "__int__", "__index__", "cpu", "nonzero",
           "equal", "allclose", "masked_select", "unique", "__repr__", "__format__")  # fmt: skip
MEETING = ("copy_", "to", "tensor", "as_tensor", "__getitem__", "__setitem__", "grad", "backward")
"""What takes tensors of the host and of the card together."""
OF_HOST = ("numpy", "__array__", "__dlpack__")
OUT_OF_RANGE = "device-side assert triggered"


class CudaTensor(torch.Tensor):
    """A tensor of the card."""

    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)
    device = property(lambda self: torch.device("cuda", 0))

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return STATE[0].run(func, args, kwargs or {})


STATE: list[Tensors] = []


class Tensors(TorchFunctionMode):
    """Every call of torch while the pretend GPU is on."""

    def __init__(self, device: Device, memory: Memory, kernel: float) -> None:
        super().__init__()
        self.gpu, self.memory, self.kernel = device, memory, kernel

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self.run(func, args, kwargs or {})

    def run(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of torch for the card, or for the host as it is."""
        name = getattr(func, "__name__", "")
        if name == "_parse_to":  # of a module, which sends its tensors itself
            return func(*args, **kwargs)
        if name in ("__get__", "__set__"):
            if not _on_card(args[0]):
                return func(*args, **kwargs)
            with torch._C.DisableTorchFunctionSubclass():
                return self._marked(func(*args, **kwargs))
        args, kwargs, to = _sent(func, args, kwargs)
        if to != "cuda" and not any(map(_on_card, _tensors((args, kwargs)))):
            return func(*args, **kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            return self._run(func, name, args, kwargs, to)

    def _run(self, func: Any, name: str, args: Any, kwargs: Any, to: str) -> Any:
        given = list(_tensors((args, kwargs)))
        ours = [t for t in given if _on_card(t)]
        self.gpu.check()
        if name in OF_HOST:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the "
                "tensor to host memory first."
            )
        if ours and name not in MEETING and any(t.dim() and not _on_card(t) for t in given):
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"cuda:0 and cpu! (in {name})"
            )
        if name in WAITING or to == "cpu":
            self.gpu.wait()
        kernels = _nodes(args[0]) if func is torch.autograd.grad else 1
        large = _large(name, args, kwargs)
        found = self._called(func, args, kwargs) if large is None else large
        if to == "cpu":
            return _plain(found)
        addresses = {_address(t) for t in ours}
        made = [t for t in _tensors(found) if _address(t) not in addresses or name.endswith("_")]
        if made:
            size = sum(t.nbytes for t in (*made, *ours) if t.layout is torch.strided)
            moved, computed = size / BANDWIDTH / kernels, _multiplications(name, args) / RATE
            self.gpu.launch(BOOST * max(self.kernel, moved, computed), kernels)
        return self._marked(found)

    def _called(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            return func(*args, **kwargs)
        except IndexError as error:
            if "index out of range" not in str(error):
                raise  # what torch refuses on the host
            raise self.gpu.fail(OUT_OF_RANGE) from error

    def _marked(self, found: Any) -> Any:
        """Return the same with its tensors on the card."""
        sparse = isinstance(found, torch.Tensor) and found.layout is not torch.strided
        if sparse or isinstance(found, torch.nn.Parameter):
            found.pretends = True  # keeps its class, so that its own `is_cuda` is false
            return found
        if isinstance(found, CudaTensor) or not any(True for _ in _tensors(found)):
            return found
        if isinstance(found, torch.Tensor):
            leaf = found.is_leaf and found.requires_grad
            marked = (found.detach() if leaf else found).as_subclass(CudaTensor)
            if leaf:
                marked.requires_grad_()
            self._hold(marked)
            return marked
        if isinstance(found, dict):
            return {key: self._marked(value) for key, value in found.items()}
        parts = [self._marked(value) for value in found]
        return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)

    def _hold(self, tensor: torch.Tensor) -> None:
        address = _address(tensor)
        if not address:
            return
        self.memory.hold(address, tensor.untyped_storage().nbytes())
        weakref.finalize(tensor, self.memory.release, address).atexit = False


def _multiplications(name: str, args: Any) -> int:
    """Return how many a product of two matrices has; 0 for anything else."""
    if name not in ("matmul", "__matmul__", "mm") or any(t.dim() != 2 for t in args[:2]):
        return 0
    return int(args[0].shape[0] * args[0].shape[1] * args[1].shape[1])


def _large(name: str, args: Any, kwargs: Any) -> torch.Tensor | None:
    """Return memory without numbers for what would take the CPU too long, None for the rest."""
    if name == "randn" and all(isinstance(n, int) for n in args) and math.prod(args) > LARGE // 8:
        return torch.empty(*args, dtype=kwargs.get("dtype"))
    if name == "copy_" and args[0].nbytes > LARGE and all(map(_on_card, args[:2])):
        return args[0]
    if _multiplications(name, args) > LARGE:
        return torch.empty(len(args[0]), args[1].shape[1], dtype=args[0].dtype)
    return None


def _on_card(value: Any) -> bool:
    return isinstance(value, CudaTensor) or getattr(value, "pretends", False)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _address(tensor: torch.Tensor) -> int:
    """Return where a tensor is stored; 0 for one that has no storage of its own."""
    return tensor.untyped_storage().data_ptr() if tensor.layout is torch.strided else 0


def _plain(found: Any) -> Any:
    """Return a tensor of the host."""
    return found.as_subclass(torch.Tensor) if isinstance(found, CudaTensor) else found


def _kind(value: Any) -> str:
    """Return "cuda" or "cpu" for what names a device, "" for anything else."""
    if isinstance(value, torch.Tensor):
        return "cuda" if _on_card(value) else "cpu"
    text = str(value) if isinstance(value, str | torch.device) else ""
    return next((kind for kind in ("cuda", "cpu") if text.startswith(kind)), "")


def _sent(func: Any, args: Any, kwargs: Any) -> tuple[Any, Any, str]:
    """Return the arguments with "cpu" for every device, and the kind of device that was asked."""
    if func is torch.Tensor.cuda or func is torch.Tensor.cpu:
        return args, kwargs, func.__name__ if func is torch.Tensor.cpu else "cuda"
    to = _kind(kwargs.get("device"))
    if to:
        kwargs = {**kwargs, "device": "cpu"}
    if func is torch.Tensor.to:
        for place, value in enumerate(args[1:], 1):
            kind = _kind(value)
            if kind:
                to = kind
                if not isinstance(value, torch.Tensor):
                    args = (*args[:place], "cpu", *args[place + 1 :])
    return args, kwargs, to


def _nodes(outputs: Any) -> int:
    """Return how many steps the gradient of these outputs has."""
    waiting = [t.grad_fn for t in _tensors(outputs) if t.grad_fn is not None]
    seen = set(waiting)
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                waiting.append(node)
    return max(1, len(seen))
