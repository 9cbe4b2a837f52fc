"""What `pynvml` is while the pretend GPU is on: counters of the cards of `settings`.

Numbers are those of NVIDIA's header. What is not here is not supported by this driver.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pretend_gpu.device import BOOST, CLOCK, DEVICES
from pretend_gpu.memory import held, holders
from pretend_gpu.settings import Card, read

QUERY = 1e-4
"""What a query costs the host [s]."""
SETTINGS = read()

NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2
NVML_TEMPERATURE_GPU = 0
NVML_DEVICE_MIG_DISABLE, NVML_DEVICE_MIG_ENABLE = 0, 1
NVML_PERF_POLICY_POWER, NVML_PERF_POLICY_THERMAL, NVML_PERF_POLICY_SYNC_BOOST = 0, 1, 2
NVML_PERF_POLICY_BOARD_LIMIT, NVML_PERF_POLICY_LOW_UTILIZATION = 3, 4
NVML_PERF_POLICY_RELIABILITY = 5
NVML_PERF_POLICY_TOTAL_APP_CLOCKS, NVML_PERF_POLICY_TOTAL_BASE_CLOCKS = 10, 11
POLICIES = {NVML_PERF_POLICY_POWER: "power", NVML_PERF_POLICY_THERMAL: "thermal"}

NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NO_PERMISSION = 3, 4
NVML_ERROR_INVALID_ARGUMENT, NVML_ERROR_NOT_FOUND = 2, 6
TEXTS = {2: "Invalid Argument", 3: "Not Supported", 4: "Insufficient Permissions", 6: "Not Found"}

REASONS = {"None": 0, "GpuIdle": 1, "ApplicationsClocksSetting": 2, "UserDefinedClocks": 2,
           "SwPowerCap": 4, "HwSlowdown": 8, "SyncBoost": 16, "SwThermalSlowdown": 32,
           "HwThermalSlowdown": 64, "HwPowerBrakeSlowdown": 128,
           "DisplayClockSetting": 256}  # fmt: skip
for _name, _bit in REASONS.items():
    globals()[f"nvmlClocksThrottleReason{_name}"] = _bit
    globals()[f"nvmlClocksEventReason{_name}"] = _bit
nvmlClocksThrottleReasonAll = nvmlClocksEventReasonAll = 511


class NVMLError(Exception):
    """An answer of the driver that is not success."""

    def __init__(self, value: int) -> None:
        super().__init__(TEXTS[value])
        self.value = value


class NVMLError_NotSupported(NVMLError):
    pass


class NVMLError_NoPermission(NVMLError):
    pass


class NVMLError_InvalidArgument(NVMLError):
    pass


class NVMLError_NotFound(NVMLError):
    pass


def _error(value: int) -> NVMLError:
    kinds = {2: NVMLError_InvalidArgument, 3: NVMLError_NotSupported, 4: NVMLError_NoPermission,
             6: NVMLError_NotFound}  # fmt: skip
    return kinds[value](value)


class Handle:
    """A card, or the MIG instance on it."""

    def __init__(self, card: Card, instance: bool = False) -> None:
        if card.forbidden:
            raise _error(NVML_ERROR_NO_PERMISSION)
        self.card, self.instance = card, instance


def _query(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a query take its time, and unsupported where the settings say so."""

    @functools.wraps(function)
    def asked(*arguments: Any) -> Any:
        CLOCK.spend(QUERY)
        if any(word in function.__name__ for word in SETTINGS.missing):
            raise _error(NVML_ERROR_NOT_SUPPORTED)
        return function(*arguments)

    return asked


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse to say of a MIG instance what is known of whole cards only."""

    @functools.wraps(function)
    def asked(handle: Handle, *arguments: Any) -> Any:
        if handle.instance:
            raise _error(NVML_ERROR_NOT_SUPPORTED)
        return function(handle, *arguments)

    return _query(asked)


def nvmlInit() -> None:
    pass


def nvmlShutdown() -> None:
    pass


@_query
def nvmlSystemGetDriverVersion() -> str:
    return SETTINGS.driver


@_query
def nvmlSystemGetCudaDriverVersion() -> int:
    return 13000


@_query
def nvmlDeviceGetCount() -> int:
    return len(SETTINGS.cards)


@_query
def nvmlDeviceGetHandleByIndex(index: int) -> Handle:
    if not 0 <= index < len(SETTINGS.cards):
        raise _error(NVML_ERROR_INVALID_ARGUMENT)
    return Handle(SETTINGS.cards[index])


@_query
def nvmlDeviceGetHandleByUUID(uuid: str | bytes) -> Handle:
    """Return a card by its whole UUID: unlike CUDA, NVML takes no beginning of one."""
    name = uuid.decode() if isinstance(uuid, bytes) else uuid
    for card in SETTINGS.cards:
        if name == card.uuid:
            return Handle(card)
        if card.mig and name == f"MIG-{card.instance}":
            return Handle(card, instance=True)
    raise _error(NVML_ERROR_NOT_FOUND)


@_query
def nvmlDeviceGetHandleByPciBusId(bus: str | bytes) -> Handle:
    name = bus.decode() if isinstance(bus, bytes) else bus
    for card in SETTINGS.cards:
        if card.bus.endswith(name.upper()[-len("00:00.0") :]):
            return Handle(card)
    raise _error(NVML_ERROR_NOT_FOUND)


@_query
def nvmlDeviceGetName(handle: Handle) -> str:
    return handle.card.as_cuda[0] if handle.instance else handle.card.name


@_query
def nvmlDeviceGetUUID(handle: Handle) -> str:
    return f"MIG-{handle.card.instance}" if handle.instance else handle.card.uuid


@_query
def nvmlDeviceGetIndex(handle: Handle) -> int:
    return 0 if handle.instance else handle.card.index


@_whole
def nvmlDeviceGetPciInfo(handle: Handle) -> SimpleNamespace:
    return SimpleNamespace(busId=handle.card.bus, bus=handle.card.index + 1, device=0, domain=0)


@_query
def nvmlDeviceGetCudaComputeCapability(handle: Handle) -> list[int]:
    return [9, 0]


@_query
def nvmlDeviceGetMigMode(handle: Handle) -> list[int]:
    return [int(handle.card.mig), int(handle.card.mig)]


@_query
def nvmlDeviceIsMigDeviceHandle(handle: Handle) -> int:
    return int(handle.instance)


@_query
def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle: Handle) -> Handle:
    if not handle.instance:
        raise _error(NVML_ERROR_INVALID_ARGUMENT)
    return Handle(handle.card)


@_whole
def nvmlDeviceGetMaxMigDeviceCount(handle: Handle) -> int:
    return 7 if handle.card.mig else 0


@_whole
def nvmlDeviceGetMigDeviceHandleByIndex(handle: Handle, index: int) -> Handle:
    if not handle.card.mig or index:
        raise _error(NVML_ERROR_NOT_FOUND)
    return Handle(handle.card, instance=True)


def _here(handle: Handle) -> bool:
    """Return whether this process works on the card."""
    return bool(DEVICES) and handle.card == SETTINGS.visible[0]


def _running(handle: Handle) -> bool:
    return _here(handle) and DEVICES[0].free > CLOCK.now()


WINDOW = 1 / 6
"""The driver averages over at least so long [s]."""
_SEEN = [0.0, 0.0, 0.0]


def _share(handle: Handle) -> float:
    """Return the share of time in which a kernel ran, over the last window that is complete."""
    if not _here(handle):
        return 0.0
    now, worked = CLOCK.now(), DEVICES[0].worked()
    before, earlier, share = _SEEN
    before = max(before, CLOCK.began)
    if now - before >= WINDOW:
        share = (worked - earlier) / (now - before)
        _SEEN[:] = now, worked, share
    return share


@_whole
def nvmlDeviceGetTotalEnergyConsumption(handle: Handle) -> int:
    """Return the energy [mJ] up to the last tick of the counter.

    Of work that is enqueued, what is done by now counts, on whole cards; the rest is idle.
    """
    idle, busy = handle.card.watts
    worked = DEVICES[0].worked() if _here(handle) else 0.0
    joules = idle * CLOCK.now() + (busy - idle) * worked
    tick = CLOCK.now() // SETTINGS.period
    kept = _TICKS.get(handle.card.index)
    if kept is None or kept[0] != tick:
        _TICKS[handle.card.index] = kept = tick, int(1e3 * joules)
    return kept[1]


_TICKS: dict[int, tuple[float, int]] = {}


@_whole
def nvmlDeviceGetPowerUsage(handle: Handle) -> int:
    idle, busy = handle.card.watts
    return int(1e3 * (idle + (busy - idle) * _share(handle)))


@_whole
def nvmlDeviceGetEnforcedPowerLimit(handle: Handle) -> int:
    return 700_000


@_whole
def nvmlDeviceGetPowerManagementLimit(handle: Handle) -> int:
    return 700_000


@_whole
def nvmlDeviceGetClockInfo(handle: Handle, kind: int) -> int:
    if kind == NVML_CLOCK_MEM:
        return 2619
    return int((DEVICES[0].rate() if _here(handle) else BOOST) / 1e6)


@_whole
def nvmlDeviceGetMaxClockInfo(handle: Handle, kind: int) -> int:
    return 2619 if kind == NVML_CLOCK_MEM else int(BOOST / 1e6)


@_whole
def nvmlDeviceGetUtilizationRates(handle: Handle) -> SimpleNamespace:
    percent = round(100 * _share(handle))
    return SimpleNamespace(gpu=percent, memory=percent // 2)


@_whole
def nvmlDeviceGetTemperature(handle: Handle, kind: int) -> int:
    return handle.card.celsius


@_whole
def nvmlDeviceGetCurrentClocksThrottleReasons(handle: Handle) -> int:
    return SETTINGS.throttle | (0 if _running(handle) else REASONS["GpuIdle"])


nvmlDeviceGetCurrentClocksEventReasons = nvmlDeviceGetCurrentClocksThrottleReasons


@_whole
def nvmlDeviceGetViolationStatus(handle: Handle, policy: int) -> SimpleNamespace:
    """Return how long a policy has held the clock down [ns], since the driver started."""
    if policy not in POLICIES:
        raise _error(NVML_ERROR_NOT_SUPPORTED)
    share = SETTINGS.violations.get(POLICIES[policy], 0.0)
    now = CLOCK.now()
    return SimpleNamespace(referenceTime=int(now * 1e6), violationTime=int(share * now * 1e9))


@_query
def nvmlDeviceGetMemoryInfo(handle: Handle, version: Any = None) -> SimpleNamespace:
    used = held(SETTINGS, handle.card)
    return SimpleNamespace(total=SETTINGS.memory, used=used, free=max(0, SETTINGS.memory - used))


@_query
def nvmlDeviceGetComputeRunningProcesses(handle: Handle) -> list[SimpleNamespace]:
    found = holders(SETTINGS, handle.card) | dict.fromkeys(SETTINGS.foreign, SETTINGS.context)
    return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in found.items()]


def __getattr__(name: str) -> Any:
    """Return what this driver does not support, for any other name of the library."""
    if name.startswith(("nvmlDevice", "nvmlSystem", "nvmlGpm")):

        @_query
        def unsupported(*arguments: Any) -> Any:
            raise _error(NVML_ERROR_NOT_SUPPORTED)

        return unsupported
    if name.startswith(("NVML_FI_", "NVML_P2P_", "NVML_VALUE_")):
        return 10_000
    raise AttributeError(name)
