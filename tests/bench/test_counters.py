"""Counters of the GPU: read through NVML, named when missing, never estimated; quality stamps."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.measuring.probes import energy, unit_of
from bench.record import nvml, quality
from impls.implementation import Target


class FakeError(Exception):
    pass


class FakeLibrary:
    """An NVML whose energy counter steps every few milliseconds: watts, and joules of calls."""

    NVMLError = FakeError
    NVML_CLOCK_SM = NVML_TEMPERATURE_GPU = 0
    NVML_PERF_POLICY_POWER, NVML_PERF_POLICY_THERMAL = 0, 1
    NVML_GPM_METRICS_GET_VERSION = 1
    NVML_GPM_METRIC_SM_UTIL, NVML_GPM_METRIC_SM_OCCUPANCY, NVML_GPM_METRIC_DRAM_BW_UTIL = 2, 3, 10
    nvmlClocksThrottleReasonNone = 0
    nvmlClocksThrottleReasonGpuIdle = 1
    nvmlClocksThrottleReasonUserDefinedClocks = 2
    nvmlClocksThrottleReasonSwPowerCap = 4
    nvmlClocksThrottleReasonAll = 7
    STEP = 4e-3

    def __init__(self, watts=100.0, missing=(), gpm=True):
        self.watts, self.missing, self.throttled, self.gpm = watts, missing, 0, gpm
        self.joules, self.seconds_held = 0.0, 0.0
        self.began = self.stepped = time.perf_counter()
        self.freed = 0
        self.value = 0

    def __getattribute__(self, name):
        if name.startswith("nvml") and any(word in name for word in self.missing):
            raise FakeError("Not Supported")
        return object.__getattribute__(self, name)

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):
        now = time.perf_counter()
        if now - self.stepped >= self.STEP:
            self.stepped = now
            self.value = int(1e3 * (self.watts * (now - self.began) + self.joules))
        return self.value

    def nvmlDeviceGetViolationStatus(self, gpu, policy):
        return SimpleNamespace(violationTime=int(1e9 * self.seconds_held) * (policy == 0))

    def nvmlGpmQueryDeviceSupport(self, gpu):
        return SimpleNamespace(isSupportedDevice=self.gpm)

    def nvmlGpmSampleAlloc(self):
        return object()

    def nvmlGpmSampleGet(self, gpu, sample):
        return sample

    def nvmlGpmSampleFree(self, sample):
        self.freed += 1

    def c_nvmlGpmMetricsGet_t(self):
        metrics = [SimpleNamespace(metricId=0, value=0.0, nvmlReturn=0) for _ in range(9)]
        return SimpleNamespace(metrics=metrics)

    def nvmlGpmMetricsGet(self, asked):
        assert asked.sample1 is not asked.sample2
        for metric in asked.metrics[: asked.numMetrics]:
            metric.value = 10.0 * metric.metricId
            metric.nvmlReturn = int(metric.metricId == 10)

    def nvmlDeviceGetUtilizationRates(self, gpu):
        return SimpleNamespace(gpu=80, memory=20)

    def nvmlDeviceGetClockInfo(self, gpu, kind):
        return 1980

    def nvmlDeviceGetTemperature(self, gpu, kind):
        return 45

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu):
        return self.throttled

    def nvmlDeviceGetComputeRunningProcesses(self, gpu):
        return [SimpleNamespace(pid=1), SimpleNamespace(pid=nvml.os.getpid())]


@pytest.fixture
def gpu(monkeypatch):
    for name, value in {
        "IDLE": 0.1,
        "BURST": 0.2,
        "CHUNK": 0.02,
        "POLL": 1e-4,
        "POLLING": 0.05,
    }.items():
        monkeypatch.setattr(energy, name, value)

    def install(**properties):
        library = FakeLibrary(**properties)
        monkeypatch.setattr(nvml, "_library", lambda: library)
        monkeypatch.setattr(nvml, "_handle", lambda: "gpu")
        return library

    return install


def built(library, device="cuda", seconds=1e-3, joules=0.4):
    """A call of so many seconds that uses so many joules more than the idle GPU does."""

    def run():
        time.sleep(seconds)
        library.joules += joules
        return {}

    return SimpleNamespace(
        case=SimpleNamespace(target=Target(device)),
        run=run,
        framework=SimpleNamespace(wait=lambda out: None),
    )


def test_energy_is_net_of_what_the_idle_gpu_uses(gpu):
    library = gpu(watts=100.0)
    found = {r.probe: r for r in energy.energy(built(library))}
    net, gross = found["energy.gpu"], found["energy.gpu.gross"]
    assert net.detail["idle"] == pytest.approx(100.0, rel=0.05)
    assert net.detail["seconds"] >= energy.BURST and net.detail["calls"] > 10
    idle = 100.0 * net.detail["seconds"] / net.detail["calls"]
    assert gross.value == pytest.approx(0.4 + idle, rel=0.1)
    assert net.value == pytest.approx(0.4, rel=0.1) and net.lo < net.value < net.hi
    each = net.detail["seconds"] / net.detail["calls"]
    assert found["power.gpu"].value == pytest.approx(100.0 + 0.4 / each, rel=0.1)
    assert found["util.sm"].value == pytest.approx(0.2)
    assert found["occupancy"].value == pytest.approx(0.3)
    assert "util.dram" not in found, "the driver did not answer for it"
    assert library.freed == 2


def test_what_scatters_as_much_as_it_is_is_no_energy(gpu):
    found = {r.probe: r for r in energy.energy(built(gpu(watts=100.0), joules=0.0))}
    assert found["energy.gpu"].value is None
    assert "within the scatter" in found["energy.gpu"].detail["unavailable"]
    assert found["energy.gpu.gross"].value > 0


def test_a_slope_needs_no_length_of_a_step():
    steps = [(0.1 * i, 30.0 * 0.1 * i) for i in range(20)]
    power = energy.slope(steps)
    assert power.whole == pytest.approx(30.0) and power.error == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(nvml.Unavailable, match="moved 4 times"):
        energy.slope(steps[:4])


def test_a_gpu_without_gpm_has_the_share_of_the_driver(gpu):
    found = {r.probe: r for r in energy.energy(built(gpu(gpm=False)))}
    assert found["util.gpu"].value == pytest.approx(0.8) and "util.sm" not in found


def test_a_missing_counter_is_said_and_not_estimated(gpu):
    found = {r.probe: r for r in energy.energy(built(gpu(missing=("Energy",))))}
    assert set(found) == {"energy.gpu"} and found["energy.gpu"].value is None
    assert "driver does not offer it" in found["energy.gpu"].detail["unavailable"]


def test_a_counter_that_stands_still_is_no_counter(gpu, monkeypatch):
    library = gpu()
    monkeypatch.setattr(nvml, "energy", lambda: 5.0)
    (first, *_) = energy.energy(built(library))
    assert first.value is None and "moved 0 times" in first.detail["unavailable"]


def test_on_the_cpu_nothing_is_claimed(gpu):
    assert list(energy.energy(built(gpu(), device="cpu"))) == []


def test_without_the_library_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    nvml._library.cache_clear()
    nvml._handle.cache_clear()
    monkeypatch.setattr(nvml.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(nvml.Unavailable, match="pip install nvidia-ml-py"):
        nvml.energy()
    assert set(nvml.state()) == {"missing"}


def test_processes_that_are_not_known_here_are_not_foreign(gpu, monkeypatch):
    library = gpu()
    beyond = int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii")) + 1
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = [SimpleNamespace(pid=pid) for pid in (beyond, child.pid)]
    monkeypatch.setattr(library, "nvmlDeviceGetComputeRunningProcesses", lambda gpu: found)
    assert nvml.foreign() == []
    found.append(SimpleNamespace(pid=1))
    assert nvml.foreign() == [1]
    child.communicate(b"\n")


def test_stamps_flag_what_speaks_against_a_measurement(gpu):
    library = gpu()
    samples = [1.0, 1.1, 0.9, 1.0, 1.05, 0.95]
    quiet = quality.between({"load": 0.1}, {**quality.stamp("cuda"), "load": 0.1}, samples)
    assert quiet["flags"] == ["foreign processes on the GPU"]
    library.throttled = 4 | 2 | 1
    busy = quality.between({}, {**quality.stamp("cuda"), "load": 99.0}, [1.1**i for i in range(12)])
    assert set(busy["flags"]) == {
        "drift",
        "busy machine",
        "throttled: SwPowerCap",
        "foreign processes on the GPU",
    }
    assert busy["drift"] == pytest.approx(1.1**11)
    assert quality.between({"load": 0.0}, {"load": 0.0}, [1.0])["flags"] == []


@pytest.mark.parametrize(
    ("probe", "unit"),
    [
        ("time.device.warm", "s"),
        ("mem.fresh.rss", "B"),
        ("energy.gpu.gross", "J"),
        ("cost.bytes.xla", "B"),
        ("cost.flops", "1"),
        ("clock.sm", "Hz"),
        ("util.sm", "1"),
        ("time.kernels", "s"),
        ("error.grad2", "1"),
        ("timely", "1"),
    ],
)
def test_units_go_by_name(probe, unit):
    assert unit_of(probe) == unit
