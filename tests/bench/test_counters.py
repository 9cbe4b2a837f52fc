"""Counters of the GPU: read through NVML, named when missing, never estimated; quality stamps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.measuring.probes import energy, unit_of
from bench.record import nvml, quality
from impls.implementation import Target


class FakeError(Exception):
    pass


class FakeLibrary:
    """An NVML whose energy counter follows a clock that the test turns."""

    NVMLError = FakeError
    NVML_CLOCK_SM = NVML_TEMPERATURE_GPU = 0
    nvmlClocksThrottleReasonNone = 0
    nvmlClocksThrottleReasonGpuIdle = 1
    nvmlClocksThrottleReasonSwPowerCap = 4
    nvmlClocksThrottleReasonAll = 7

    def __init__(self, watts=100.0, missing=()):
        self.watts, self.missing, self.throttled = watts, missing, 0
        self.now, self.joules = 0.0, 0.0

    def __getattribute__(self, name):
        if name.startswith("nvml") and any(word in name for word in self.missing):
            raise FakeError("Not Supported")
        return object.__getattribute__(self, name)

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):
        self.now += 1e-3
        return int(1e3 * (self.watts * self.now + self.joules))

    def nvmlDeviceGetPowerUsage(self, gpu):
        return int(1e3 * self.watts)

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
    def install(**properties):
        library = FakeLibrary(**properties)
        monkeypatch.setattr(nvml, "_library", lambda: library)
        monkeypatch.setattr(nvml, "_handle", lambda: "gpu")
        clock = SimpleNamespace(
            perf_counter=lambda: library.now,
            sleep=lambda s: setattr(library, "now", library.now + s),
        )
        monkeypatch.setattr(energy, "time", clock)
        return library

    return install


def built(library, device="cuda", seconds=1e-3, joules=0.4):
    """A call of so many seconds that uses so many joules more than the idle GPU does."""

    def run():
        library.now += seconds
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
    assert net.detail["idle"] == pytest.approx(100.0, rel=0.01)
    assert net.detail["seconds"] >= energy.BURST and net.detail["calls"] > 10
    idle = 100.0 * net.detail["seconds"] / net.detail["calls"]
    assert gross.value == pytest.approx(0.4 + idle, rel=0.01)
    assert net.value == pytest.approx(0.4, rel=0.01)
    assert found["util.sm"].value == pytest.approx(0.8)
    assert found["util.memory"].value == pytest.approx(0.2)
    assert found["clock.sm"].value == 1.98e9 and found["temperature.gpu"].value == 45


def test_a_missing_counter_is_said_and_not_estimated(gpu):
    library = gpu(missing=("Energy", "Temperature"))
    found = {r.probe: r for r in energy.energy(built(library))}
    assert found["energy.gpu"].value is None and "energy.gpu.gross" not in found
    assert "driver does not offer it" in found["energy.gpu"].detail["unavailable"]
    assert found["temperature.gpu"].value is None and found["power.gpu"].value == 100.0


def test_a_counter_that_stands_still_is_no_counter(gpu, monkeypatch):
    library = gpu()
    monkeypatch.setattr(nvml, "energy", lambda: setattr(library, "now", library.now + 0.1) or 5.0)
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
    library.throttled = 4 | 1
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
        ("error.grad2", "1"),
        ("timely", "1"),
    ],
)
def test_units_go_by_name(probe, unit):
    assert unit_of(probe) == unit
