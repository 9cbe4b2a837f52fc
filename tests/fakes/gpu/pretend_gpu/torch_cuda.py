"""torch.cuda on the pretend device: `install` puts it in place of the real one."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.utils._python_dispatch import TorchDispatchMode

from pretend_gpu.device import CLOCK, DEVICES, Clock, Device
from pretend_gpu.memory import Memory
from pretend_gpu.settings import Settings, read
from pretend_gpu.tensors import OUT_OF_RANGE, STATE, Tensors

L2 = 2**22
"""The cache of the card [B]: small, because flushing it is work for the CPU."""
TICK = 0.5e-6
"""The resolution of events [s]."""


def install(
    settings: Settings | None = None,
    clock: Clock = CLOCK,
    put: Callable[[Any, str, Any], None] = setattr,
) -> Device | None:
    """Replace torch.cuda and the clock of this process; return the device, None where none is seen.

    `put` sets an attribute; a test that wants it back gives the setattr of its monkeypatch, and
    leaves the mode `STATE[0]` when it is done.
    """
    settings = settings or read()
    put(torch.version, "cuda", "13.0")
    if not settings.visible:
        put(torch.cuda, "is_available", lambda: False)
        put(torch.cuda, "device_count", lambda: 0)
        put(torch.cuda, "init", functools.partial(_refused, settings))
        return None
    device = Device(clock, settings.launch, settings.ramp, torch.AcceleratorError)
    memory = Memory(settings, settings.visible[0], torch.OutOfMemoryError)
    mode = Tensors(device, memory, settings.kernel)
    DEVICES[:], STATE[:] = [device], [mode]
    for name, value in (*_facts(settings), *_memory(settings, memory), *_work(device, memory)):
        put(torch.cuda, name, value)
    put(torch.profiler, "profile", functools.partial(Profile, device, settings.profiler))
    put(time, "perf_counter", clock.read)
    put(time, "perf_counter_ns", clock.read_ns)
    put(time, "sleep", clock.sleep)
    mode.__enter__()
    return device


def _refused(settings: Settings) -> None:
    """Say why there is no CUDA, as torch does."""
    if settings.blind:
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 12040). Please update "
            "your GPU driver"
        )
    raise RuntimeError("No CUDA GPUs are available")


def _facts(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield what a process is told of its devices."""
    properties = []
    for card in settings.visible:
        name, digits = card.as_cuda
        properties.append(
            SimpleNamespace(
                name=name,
                uuid=digits,
                major=9,
                minor=0,
                total_memory=settings.memory,
                multi_processor_count=132,
                L2_cache_size=L2,
                pci_bus_id=card.index + 1,
            )
        )

    def of(device: Any = None) -> SimpleNamespace:
        index = device if isinstance(device, int) else (torch.device(device or "cuda").index or 0)
        return properties[index]

    yield "is_available", lambda: True
    yield "device_count", lambda: len(properties)
    yield "current_device", lambda: 0
    yield "set_device", lambda device: None
    yield "get_device_properties", of
    yield "get_device_name", lambda device=None: of(device).name
    yield "get_device_capability", lambda device=None: (9, 0)
    yield "is_bf16_supported", lambda including_emulation=True: True
    yield "is_initialized", lambda: True
    for name in ("init", "_lazy_init", "ipc_collect", "manual_seed", "manual_seed_all"):
        yield name, lambda *arguments: None


def _memory(settings: Settings, memory: Memory) -> Iterator[tuple[str, Any]]:
    """Yield the counters of memory."""

    def fraction(share: float, device: Any = None) -> None:
        memory.open()
        memory.share = share

    def reset(device: Any = None) -> None:
        memory.peak = memory.allocated

    def left(device: Any = None) -> tuple[int, int]:
        memory.open()
        return memory.free(), settings.memory

    yield "mem_get_info", left
    yield "memory_allocated", lambda device=None: memory.allocated
    yield "max_memory_allocated", lambda device=None: memory.peak
    yield "memory_reserved", lambda device=None: memory.reserved
    yield "max_memory_reserved", lambda device=None: memory.reserved
    yield "reset_peak_memory_stats", reset
    yield "set_per_process_memory_fraction", fraction


def _work(device: Device, memory: Memory) -> Iterator[tuple[str, Any]]:
    """Yield what puts work on the device, and what waits for it."""

    class Event:
        """An event in the one queue."""

        def __init__(
            self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
        ) -> None:
            self.timed, self.when = enable_timing, None

        def record(self, stream: Any = None) -> None:
            self.when = device.record()

        def wait(self, stream: Any = None) -> None:
            device.check()

        def query(self) -> bool:
            return self.when is None or device.passed(self.when)

        def synchronize(self) -> None:
            if self.when is not None:
                device.wait(self.when)

        def elapsed_time(self, end: Any) -> float:
            if not (self.timed and end.timed) or self.when is None or end.when is None:
                raise ValueError("Both events must be recorded with timing enabled")
            if not (device.passed(self.when) and device.passed(end.when)):
                raise device.fault("device not ready")
            return round((end.when - self.when) / TICK) * TICK * 1e3

    class Stream:
        """A stream: all of them are the one queue."""

        cuda_stream = 0

        def __init__(self, device: Any = None, priority: int = 0) -> None:
            pass

        def wait_stream(self, stream: Any) -> None:
            device.check()

        def wait_event(self, event: Any) -> None:
            device.check()

        def record_event(self, event: Any = None) -> Any:
            event = event or Event()
            event.record(self)
            return event

        def query(self) -> bool:
            return device.passed(device.free)

        def synchronize(self) -> None:
            device.wait()

    class CUDAGraph:
        """The operations of one capture."""

        def __init__(self, keep_graph: bool = False) -> None:
            self.steps: list[Any] | None = None
            self.cycles = 0.0

        def replay(self) -> None:
            if self.steps is None:
                raise RuntimeError(
                    "Called CUDAGraph::replay without a preceding successful capture."
                )
            device.launch(self.cycles)
            with torch.no_grad(), torch._C.DisableTorchFunction():
                try:
                    for step in self.steps:
                        _again(*step)
                except IndexError as error:
                    raise device.fail(OUT_OF_RANGE) from error

        def pool(self) -> tuple[int, int]:
            return 0, 1

        def reset(self) -> None:
            self.steps = None

    @contextlib.contextmanager
    def graph(
        graph: Any, pool: Any = None, stream: Any = None, capture_error_mode: str = "global"
    ) -> Iterator[None]:
        device.wait()
        device.captured, device.spoilt = 0.0, False
        recorder = Recorder()
        try:
            with recorder:
                yield
        finally:
            cycles, device.captured = device.captured, None
            if device.spoilt:
                raise device.fault("operation failed due to a previous error during capture")
        graph.steps, graph.cycles = recorder.steps, cycles

    def empty() -> None:
        device.check()
        memory.empty()

    current = Stream()
    yield "Event", Event
    yield "Stream", Stream
    yield "CUDAGraph", CUDAGraph
    yield "graph", graph
    yield "graph_pool_handle", lambda: (0, 1)
    yield "is_current_stream_capturing", lambda: device.captured is not None
    yield "stream", lambda stream: contextlib.nullcontext()
    yield "device", lambda device: contextlib.nullcontext()
    yield "current_stream", lambda device=None: current
    yield "default_stream", lambda device=None: current
    yield "synchronize", lambda of=None: device.wait()
    yield "_sleep", device.launch
    yield "empty_cache", empty


class Profile:
    """The profiler: what ran on the device while it was on, if CUPTI is `allowed`."""

    def __init__(self, device: Device, allowed: bool, activities: Any, acc_events: bool) -> None:
        self.device, self.allowed = device, allowed
        self.profiler = SimpleNamespace(kineto_results=self)
        self.found: list[tuple[float, float]] = []

    def __enter__(self) -> Profile:
        self.device.recorded = []
        return self

    def __exit__(self, *exception: object) -> None:
        recorded, self.device.recorded = self.device.recorded, None
        assert recorded is not None
        self.found = recorded if self.allowed else []

    def events(self) -> list[SimpleNamespace]:
        """Return what was recorded, as torch's own."""
        return [
            SimpleNamespace(
                start_ns=lambda start=start: round(start * 1e9),
                duration_ns=lambda start=start, end=end: round((end - start) * 1e9),
                name=lambda: "pretend_kernel",
                device_type=lambda: DeviceType.CUDA,
            )
            for start, end in self.found
        ]


class Recorder(TorchDispatchMode):
    """Notes every operation, those of gradients too."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Any] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        self.steps.append((func, args, kwargs or {}, found))
        return found


def _again(func: Any, args: Any, kwargs: Any, earlier: Any) -> None:
    """Do an operation again, and put its results where they were."""
    found = func(*args, **kwargs)
    pairs = zip(
        *(v if isinstance(v, list | tuple) else (v,) for v in (earlier, found)), strict=True
    )
    for there, here in pairs:
        if isinstance(there, torch.Tensor) and there.data_ptr() != here.data_ptr():
            there.copy_(here)
