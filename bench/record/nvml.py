"""The NVIDIA management library: counters of one GPU, or why there are none.

A counter that the driver does not offer is left out; nothing is ever estimated in its place.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from typing import Any

BENIGN = ("GpuIdle", "ApplicationsClocksSetting", "None")
"""Reasons for a lower clock that are settings, not disturbances."""


class Unavailable(Exception):
    """A counter cannot be read here; the message is the reason."""


@functools.cache
def _library() -> Any:
    if importlib.util.find_spec("pynvml") is None:
        raise Unavailable("nvidia-ml-py is not installed: pip install nvidia-ml-py")
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise Unavailable(f"NVML does not start: {error}") from None
    return pynvml


@functools.cache
def _handle() -> Any:
    """Return the GPU that frameworks call device 0: the first in CUDA_VISIBLE_DEVICES."""
    library = _library()
    name = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip() or "0"
    try:
        if name.isdigit():
            return library.nvmlDeviceGetHandleByIndex(int(name))
        return library.nvmlDeviceGetHandleByUUID(name)
    except library.NVMLError as error:
        raise Unavailable(f"NVML finds no GPU {name!r}: {error}") from None


def read(query: Callable[[Any, Any], Any]) -> Any:
    """Return `query(library, handle)`.

    Raises:
        Unavailable: when there is no library, no GPU, or the driver does not offer the counter.
    """
    library, handle = _library(), _handle()
    try:
        return query(library, handle)
    except library.NVMLError as error:
        raise Unavailable(f"the driver does not offer it: {error}") from None


def energy() -> float:
    """Return the energy that the GPU has used since the driver started [J], resolution 1 mJ."""
    return float(read(lambda lib, gpu: lib.nvmlDeviceGetTotalEnergyConsumption(gpu))) * 1e-3


def power() -> float:
    """Return the power of the GPU [W], as the driver averages it."""
    return float(read(lambda lib, gpu: lib.nvmlDeviceGetPowerUsage(gpu))) * 1e-3


def utilisation() -> tuple[float, float]:
    """Return the shares of the last sample period in which a kernel ran, and memory was used."""
    rates = read(lambda lib, gpu: lib.nvmlDeviceGetUtilizationRates(gpu))
    return rates.gpu / 100, rates.memory / 100


def clock() -> float:
    """Return the clock of the streaming multiprocessors [Hz]."""
    return float(read(lambda lib, gpu: lib.nvmlDeviceGetClockInfo(gpu, lib.NVML_CLOCK_SM))) * 1e6


def temperature() -> float:
    """Return the temperature of the chip [degrees Celsius]."""
    return float(read(lambda lib, gpu: lib.nvmlDeviceGetTemperature(gpu, lib.NVML_TEMPERATURE_GPU)))


def throttle() -> list[str]:
    """Return why the clock is lower than it could be, by the driver's names; [] when it is not."""

    def query(lib: Any, gpu: Any) -> list[str]:
        bits = lib.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)
        prefix = "nvmlClocksThrottleReason"
        names = {
            name.removeprefix(prefix): getattr(lib, name)
            for name in dir(lib)
            if name.startswith(prefix) and name != f"{prefix}All"
        }
        return [name for name, value in names.items() if value & bits and name not in BENIGN]

    return list(read(query))


def foreign() -> list[int]:
    """Return the processes on the GPU that are not of this session of the suite.

    In a container the driver may name processes, ours too, by numbers that mean nothing here: what
    is not found under /proc is left out.
    """

    def query(lib: Any, gpu: Any) -> list[int]:
        pids = [process.pid for process in lib.nvmlDeviceGetComputeRunningProcesses(gpu)]
        return [pid for pid in pids if _ancestors(pid) and os.getpid() not in _ancestors(pid)]

    return list(read(query))


def _ancestors(pid: int) -> list[int]:
    """Return a process and those that it descends from; [] for one that is not known here."""
    found = []
    while pid > 0:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
        pid = parent
    return found


def state() -> dict[str, Any]:
    """Return every counter that can be read now; `missing` says why others cannot."""
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, query in (
        ("clock.sm", clock),
        ("power", power),
        ("temperature", temperature),
        ("throttle", throttle),
        ("foreign", foreign),
    ):
        try:
            found[name] = query()
        except Unavailable as reason:
            missing[name] = str(reason)
    return found | ({"missing": missing} if missing else {})
