"""PyTorch: eager, compiled by inductor, or as a CUDA graph; on CPU or CUDA."""

from __future__ import annotations

import functools
import operator
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.measuring.frameworks import COMPILED, Activity, Call, PassFunction, Uncounted
from bench.measuring.frameworks.memory import peak_rss
from bench.record.case import Pass
from impls.implementation import Target, Tensors
from impls.spaces import Space

ALLOCATOR = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
"""The variable with the settings of the allocator, and its older name."""
MEMORY_SHARE = 0.9
"""A process that asks for more of the GPU's memory than this share is out of memory."""
REPEATS = 9
COPY = {"cpu": 2**28, "cuda": 2**30}
GEMM = {"cpu": 1024, "cuda": 8192}
RAN = re.compile(rf"(?!autograd::)\w+::[\w.]+$|{COMPILED}$")
"""What is kept of what the profiler records: operators, and compiled graphs."""
GRAPH_WARM_UP = 3
"""Calls on a side stream before a CUDA graph is captured, as PyTorch asks for."""


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
        "allocator": " ".join(os.environ[name] for name in ALLOCATOR if name in os.environ)
        or "default",
    }
    if target.device == "cuda":
        if not torch.cuda.is_available():
            raise ValueError("torch sees no CUDA device; use --device cpu or install a CUDA build")
        torch.cuda.set_per_process_memory_fraction(MEMORY_SHARE)
        facts |= {"cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name()}
    return facts


def precision(device: str) -> str:
    """Return how products of float32 matrices are computed now: "ieee" or "tf32"."""
    return "tf32" if device == "cuda" and torch.backends.cuda.matmul.allow_tf32 else "ieee"


def put(
    arrays: Tensors, spaces: Mapping[str, Space], dtype: str, target: Target, own: bool = False
) -> Tensors:
    """Return tensors on the device, none of which shares memory with its array, but for `own`."""
    real, found = getattr(torch, dtype), {}
    for name, a in arrays.items():
        wanted = real if spaces[name].kind == "real" else None
        if own:
            found[name] = torch.as_tensor(a, dtype=wanted, device=target.device)
        elif isinstance(a, torch.Tensor):
            found[name] = a.to(target.device, wanted, copy=True)
        else:
            found[name] = torch.tensor(a, dtype=wanted, device=target.device)
    return found


def leaves(tensors: Tensors, wanted: tuple[str, ...]) -> Tensors:
    """Return detached tensors; the wanted ones require gradients."""
    return {name: t.detach().requires_grad_(name in wanted) for name, t in tensors.items()}


def copy(tensors: Tensors) -> Tensors:
    """Return clones, which require gradients where their originals do."""
    return {name: t.detach().clone().requires_grad_(t.requires_grad) for name, t in tensors.items()}


def get(tensors: Tensors) -> dict[str, Any]:
    """Return NumPy copies of tensors, or of held arrays, reals as float64."""
    found = {}
    for name, a in tensors.items():
        t = torch.as_tensor(a).detach()
        dtype = torch.float64 if t.is_floating_point() else t.dtype
        found[name] = t.to("cpu", dtype, copy=True).numpy()
    return found


def held(tensors: Tensors, own: bool = False) -> dict[str, Any]:
    """Return clones on the same device, on the host NumPy's, which has no bfloat16."""
    found = {}
    for name, tensor in tensors.items():
        t = tensor.detach()
        t = t.contiguous() if own else t.clone(memory_format=torch.contiguous_format)
        host = t.device.type == "cpu" and t.dtype is not torch.bfloat16
        found[name] = t.numpy() if host else t
    return found


def overwrite(tensor: torch.Tensor, value: torch.Tensor) -> None:
    """Write a value into a tensor in place."""
    with torch.no_grad():
        tensor.copy_(value)


def strange(tensor: Any, dtype: str, target: Target) -> str:
    """Return why something is no plain tensor of a data type on a device: what PyTorch makes there.

    A subclass, also of the library's own, may do its work when somebody looks.
    """
    if type(tensor) is not type(torch.empty(0, device=target.device)):
        return f"is a {type(tensor).__qualname__}, not a torch.Tensor"
    if tensor.layout is not torch.strided:
        return f"has the layout {tensor.layout}, not torch.strided"
    if tensor.device.type != target.device:
        return f"is on {tensor.device.type}, not {target.device}"
    if (real(tensor) or tensor.is_complex()) and tensor.dtype is not getattr(torch, dtype):
        return f"is in {str(tensor.dtype).removeprefix('torch.')}, not {dtype}"
    return ""


def strided(tensors: Tensors) -> Tensors | None:
    """Return views of tensors that are transposed and twice as long, ready for the same gradients.

    They are leaves.
    """
    found = {}
    for name, t in tensors.items():
        shape = (*reversed(t.shape[1:]), *(2 * n for n in t.shape[:1]))
        wide = torch.empty(shape, dtype=t.dtype, device=t.device).permute(*range(t.ndim)[::-1])
        view = wide[::2] if t.ndim else wide
        found[name] = view.copy_(t.detach()).requires_grad_(t.requires_grad)
    return found


def real(tensor: Any) -> bool:
    """Return whether a tensor, or a held array, has floating-point numbers."""
    return torch.as_tensor(tensor).is_floating_point()


def make(call: Call, pass_: Pass, mode: str, wanted: tuple[str, ...]) -> PassFunction:
    """Return the pass; leaves are the tensors themselves, so nothing is copied."""
    if mode == "compile":
        torch._dynamo.reset()
        call = torch.compile(call, dynamic=False)
    function = {"fwd": _forward, "grad": _gradient, "grad2": _second}[pass_](call, wanted)
    return _graphed(function) if mode == "cudagraph" else function


def _forward(call: Call, wanted: tuple[str, ...]) -> PassFunction:
    def forward(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        with torch.no_grad():
            return call(inputs, weights)

    return forward


def _gradient(call: Call, wanted: tuple[str, ...]) -> PassFunction:
    def gradient(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        value = _functional(call, inputs, weights, cotangents)
        leaves = [inputs[name] if name in inputs else weights[name] for name in wanted]
        grads = _grad(value, leaves)
        named = {f"d_{name}": g for name, g in zip(wanted, grads, strict=True)}
        return {"value": value.detach(), **named}

    return gradient


def _second(call: Call, wanted: tuple[str, ...]) -> PassFunction:
    def second(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        value = _functional(call, inputs, weights, cotangents)
        leaves = [inputs[name] if name in inputs else weights[name] for name in wanted]
        (inner,) = _grad(value, leaves[:1], create_graph=True)
        energy = 0.5 * (inner * inner).sum()
        named = {f"d_{n}": g for n, g in zip(wanted, _grad(energy, leaves), strict=True)}
        return {"value": energy.detach(), "inner": inner.detach(), **named}

    return second


def _functional(call: Call, inputs: Tensors, weights: Tensors, cotangents: Tensors) -> torch.Tensor:
    outputs = call(inputs, weights)
    return functools.reduce(
        operator.add, [(c * outputs[name]).sum() for name, c in cotangents.items()]
    )


def _grad(
    value: torch.Tensor, leaves: Sequence[torch.Tensor], create_graph: bool = False
) -> Sequence[torch.Tensor]:
    """Return the gradients; zero for what the value does not depend on, where torch raises."""
    if not leaves or not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    grads = torch.autograd.grad(value, leaves, allow_unused=True, create_graph=create_graph)
    return [
        torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, grads, strict=True)
    ]


def _graphed(function: PassFunction) -> PassFunction:
    """Return the pass replayed as one CUDA graph, captured at the first call.

    Other tensors than those of the first call are copied into its buffers before the replay.
    """
    held: dict[str, Any] = {}

    def replay(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        parts = (inputs, weights, cotangents)
        if not held:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(GRAPH_WARM_UP):
                    function(*parts)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                out = function(*parts)
            held.update(graph=graph, parts=parts, out=out)
        for mine, theirs in zip(held["parts"], parts, strict=True):
            for name, tensor in theirs.items():
                if tensor is not mine[name]:
                    overwrite(mine[name], tensor)
        held["graph"].replay()
        return dict(held["out"])

    return replay


def cotangents(call: Call, inputs: Tensors, weights: Tensors) -> Tensors:
    """Return standard normal tensors of the shapes of the real outputs."""
    with torch.no_grad():
        outputs = call(inputs, weights)
    return {name: torch.randn_like(t) for name, t in outputs.items() if t.is_floating_point()}


def wait(out: Any) -> None:
    """Synchronise the device that holds the result."""
    if any(t.is_cuda for t in out.values()):
        torch.cuda.synchronize()


def first(function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, float]:
    """Return the seconds of the first call and, in mode compile, by how much the second is less."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        wait(function(*arguments))
        seconds.append(time.perf_counter() - start)
    compiling = {"time.compile": seconds[0] - seconds[1]} if mode == "compile" else {}
    return {"time.first": seconds[0], **compiling}


class _Watch(TorchDispatchMode):
    """Sees each operator of a call."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: to keep the compiler out of this, PyTorch would import it, for a second."""
        return False


class _Operators(_Watch):
    """Counts operators that are no views."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        self.ran[func._schema.name] += not func.is_view
        return func(*args, **(kwargs or {}))


def ran(function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, int]:
    """Return the operators of one call and, of compiled code, the graphs that ran.

    Compiled code does not run where operators are watched one by one: the profiler looks at it.

    Raises:
        Uncounted: where a call that works without it cannot be watched.
    """
    if mode != "compile":
        try:
            with _Operators() as watched:
                function(*arguments)
        except RuntimeError as error:
            raise Uncounted(f"operators cannot be watched: {str(error).splitlines()[0]}") from error
        return dict(+watched.ran)
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        wait(function(*arguments))
    found = (event.name() for event in profiler.profiler.kineto_results.events())
    names = (COMPILED if COMPILED in name else name for name in found)  # it has a hash beside it
    return dict(Counter(name for name in names if RAN.match(name)))


class _Counter(_Watch):
    """Adds up what PyTorch's formulas say of each product; refuses tensors that are not strided."""

    def __init__(self) -> None:
        from torch.utils.flop_counter import flop_registry

        super().__init__()
        self.formulas, self.flops = flop_registry, 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if any(isinstance(a, torch.Tensor) and a.layout is not torch.strided for a in args):
            raise Uncounted("PyTorch's counter takes products of sparse matrices for dense ones")
        kwargs = kwargs or {}
        with self:
            out = func.decompose(*args, **kwargs)
        if out is NotImplemented:
            out = func(*args, **kwargs)
            formula = self.formulas.get(func._overloadpacket)
            self.flops += formula(*args, **kwargs, out_val=out) if formula else 0
        return out


def counted(function: PassFunction, arguments: tuple[Any, ...]) -> dict[str, float]:
    """Return {"flops.torch": ...}: matrix products and convolutions, which is all torch counts.

    `FlopCounterMode` of PyTorch counts the same, but fails on gradients with respect to the inputs
    of a module.

    Raises:
        Uncounted: where it fails on a call that works without it; and where a sparse matrix is met,
            whose products are counted as if nothing were zero.
    """
    try:
        with _Counter() as counter:
            function(*arguments)
    except RuntimeError as error:
        raise Uncounted(f"PyTorch's counter fails: {str(error).splitlines()[0]}") from error
    return {"flops.torch": float(counter.flops)} if counter.flops else {}


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


def peaks(target: Target, dtypes: Sequence[str]) -> dict[str, float]:
    """Return what the machine reaches: "copy" [B/s], read and written, and "gemm.<dtype>" [1/s].

    The best of REPEATS: a copy of COPY bytes, products of square matrices with GEMM rows, all of
    random numbers, since a GPU saves power, and gains clock, on equal ones. By the clock of the
    device where there is one; a GPU with little memory left gets less of both.
    """

    def best(run: Callable[[], Any]) -> float:
        if target.device == "cuda":
            from bench.measuring import clocks_cuda

            return min(clocks_cuda.sample(run, REPEATS, cold=False).seconds)
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            wait({"out": run()})
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    size, rows = COPY[target.device], GEMM[target.device]
    if target.device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        while 4 * size > free:
            size, rows = size // 2, max(1024, rows // 2)
    source = torch.randn(size // 4, device=target.device)
    found = {"copy": 2 * size / best(functools.partial(torch.empty_like(source).copy_, source))}
    for dtype in dtypes:
        a = torch.randn(rows, rows, dtype=getattr(torch, dtype), device=target.device)
        found[f"gemm.{dtype}"] = 2 * rows**3 / best(lambda a=a: a @ a)  # type: ignore[misc]
    return found


def traced(work: Callable[[], Any]) -> list[Activity]:
    """Return what the GPU did while `work` ran, as CUPTI recorded it, in order of time."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as profiler:
        work()
        torch.cuda.synchronize()
    found = [
        Activity(
            event.start_ns() * 1e-9,
            (event.start_ns() + event.duration_ns()) * 1e-9,
            event.name(),
            event.name().startswith(("Memcpy", "Memset")),
        )
        for event in profiler.profiler.kineto_results.events()
        if event.device_type() == DeviceType.CUDA
    ]
    return sorted(found, key=lambda activity: activity.start)


def release() -> None:
    """Give the allocator's unused blocks back to the GPU."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def fresh_peak(run: Callable[[], Any], arguments: tuple[Any, ...]) -> dict[str, float]:
    """Return `peak` after one call that warms up, in a process that did nothing else."""
    run()
    return peak(run, lambda *parts: {}, arguments)
