"""The NVIDIA management library: counters of one GPU, or why there are none.

A counter that the driver does not offer is left out; nothing is ever estimated in its place.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from typing import Any

from bench.record import gpu

BENIGN = ("GpuIdle", "ApplicationsClocksSetting", "UserDefinedClocks", "None")
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
    """Return the GPU in use: the first in CUDA_VISIBLE_DEVICES, the UUID that `gpu.use` wrote.

    A process can use no more of a card in the mode MIG than an instance of it.
    """
    library = _library()
    instance = "an instance of MIG: the counters are of the whole card"
    if gpu.sliced():
        raise Unavailable(instance)
    name = os.environ.get(gpu.VISIBLE, "0").split(",")[0].strip() or "0"
    try:
        if name.isdigit():
            handle = library.nvmlDeviceGetHandleByIndex(int(name))
        else:
            handle = library.nvmlDeviceGetHandleByUUID(name)
    except library.NVMLError as error:
        raise Unavailable(f"NVML finds no GPU {name!r}: {error}") from None
    try:
        divided = library.nvmlDeviceGetMigMode(handle)[0]
    except library.NVMLError:
        divided = 0  # older than MIG
    if divided:
        raise Unavailable(instance)
    return handle


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


def name() -> str:
    """Return the name of the GPU in use; "unknown" without NVML."""
    return str(_or(lambda lib, gpu: lib.nvmlDeviceGetName(gpu), "unknown"))


def driver() -> str:
    """Return the version of the driver; "unknown" without NVML."""
    return str(_or(lambda lib, gpu: lib.nvmlSystemGetDriverVersion(), "unknown"))


def settings() -> dict[str, Any]:
    """Return what an administrator can set that changes times: power limit [W], ECC, MIG."""
    found = {
        "power_limit": _or(lambda lib, gpu: lib.nvmlDeviceGetEnforcedPowerLimit(gpu) // 1000, None),
        "ecc": _or(lambda lib, gpu: bool(lib.nvmlDeviceGetEccMode(gpu)[0]), None),
        "mig": _or(lambda lib, gpu: bool(lib.nvmlDeviceGetMigMode(gpu)[0]), None),
    }
    return {key: value for key, value in found.items() if value is not None}


def _or(query: Callable[[Any, Any], Any], otherwise: Any) -> Any:
    try:
        return read(query)
    except Unavailable:
        return otherwise


def offered() -> str:
    """Return "" when the counters of the GPU in use can be read, else why not."""
    try:
        energy()
    except Unavailable as reason:
        return str(reason)
    return ""


def cores() -> set[int]:
    """Return the processors that are nearest to the GPU."""

    def query(lib: Any, gpu: Any) -> set[int]:
        words = lib.nvmlDeviceGetCpuAffinity(gpu, (os.cpu_count() or 1) // 64 + 1)
        every = (
            (64 * i + bit, word >> bit & 1) for i, word in enumerate(words) for bit in range(64)
        )
        return {core for core, near in every if near}

    found: set[int] = read(query)
    return found


def held_back() -> dict[str, float]:
    """Return the seconds since the driver started in which power or heat held the clock back."""

    def query(lib: Any, gpu: Any) -> dict[str, float]:
        policies = {"power": lib.NVML_PERF_POLICY_POWER, "heat": lib.NVML_PERF_POLICY_THERMAL}
        return {
            what: lib.nvmlDeviceGetViolationStatus(gpu, policy).violationTime * 1e-9
            for what, policy in policies.items()
        }

    found: dict[str, float] = read(query)
    return found


def utilisation() -> float:
    """Return the share of the driver's last sample period in which any kernel ran."""
    rates = read(lambda lib, gpu: lib.nvmlDeviceGetUtilizationRates(gpu))
    return float(rates.gpu) / 100


SHARES = {
    "util.sm": "NVML_GPM_METRIC_SM_UTIL",
    "occupancy": "NVML_GPM_METRIC_SM_OCCUPANCY",
    "util.dram": "NVML_GPM_METRIC_DRAM_BW_UTIL",
}
"""What the counters of GPM say of the time between two readings (Hopper and later): the share of
time in which a multiprocessor had work, of its warps, and of the bandwidth of the memory."""


def counters() -> Any:
    """Return a reading of the counters of GPM, for `shares`."""

    def query(lib: Any, gpu: Any) -> Any:
        if not lib.nvmlGpmQueryDeviceSupport(gpu).isSupportedDevice:
            raise Unavailable("this GPU has no GPM counters, which are of Hopper and later")
        return lib.nvmlGpmSampleGet(gpu, lib.nvmlGpmSampleAlloc())

    return read(query)


def shares(before: Any, after: Any) -> dict[str, float]:
    """Return SHARES between two readings of `counters`, at least 0.1 s apart; frees both."""

    def query(lib: Any, gpu: Any) -> dict[str, float]:
        asked = lib.c_nvmlGpmMetricsGet_t()
        asked.version = lib.NVML_GPM_METRICS_GET_VERSION
        asked.numMetrics = len(SHARES)
        asked.sample1, asked.sample2 = before, after
        for metric, name in zip(asked.metrics, SHARES.values(), strict=False):
            metric.metricId = getattr(lib, name)
        lib.nvmlGpmMetricsGet(asked)
        for reading in (before, after):
            lib.nvmlGpmSampleFree(reading)
        found = zip(SHARES, asked.metrics, strict=False)
        return {name: metric.value / 100 for name, metric in found if metric.nvmlReturn == 0}

    found: dict[str, float] = read(query)
    return found


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


def processes() -> list[int]:
    """Return the processes on the GPU, by the numbers that the driver knows them by."""

    def query(lib: Any, gpu: Any) -> list[int]:
        return [process.pid for process in lib.nvmlDeviceGetComputeRunningProcesses(gpu)]

    found: list[int] = read(query)
    return found


def foreign() -> list[int]:
    """Return the processes on the GPU that are not of this session of the suite.

    What is not found under /proc is left out. In a container the driver may name no process, or all
    by numbers that mean nothing here.

    Raises:
        Unavailable: when it names none of ours either: who else is there is then not known.
    """

    known = {pid: _ancestors(pid) for pid in processes()}
    if not any(os.getpid() in line for line in known.values()):
        raise Unavailable("the driver names none of our own processes: others are not known")
    return [pid for pid, line in known.items() if line and os.getpid() not in line]


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
        ("held_back", held_back),
        ("temperature", temperature),
        ("throttle", throttle),
        ("foreign", foreign),
    ):
        try:
            found[name] = query()
        except Unavailable as reason:
            missing[name] = str(reason)
    return found | ({"missing": missing} if missing else {})
