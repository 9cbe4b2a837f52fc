"""The pretend NVML and nvidia-smi answer as the real ones do, card by card."""

from __future__ import annotations

import subprocess

import pytest

FOUR = [{"forbidden": True}, {"forbidden": True}, {}, {"forbidden": True}]
"""Four cards in the box, of which this process may open the third."""


def test_a_card_that_is_not_ours_is_counted_and_closed(box):
    code = """
import json, pynvml
from pretend_gpu.settings import read
pynvml.nvmlInit()
said, shown = [], [card.as_cuda[1] for card in read().visible]
for index in range(pynvml.nvmlDeviceGetCount()):
    try:
        said.append(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index)))
    except pynvml.NVMLError_NoPermission as error:
        said.append(str(error))
print(json.dumps([said, shown]))
"""
    said, (uuid,) = box.python(code, settings={"cards": FOUR})
    closed = "Insufficient Permissions"
    assert said == [closed, closed, f"GPU-{uuid}", closed]
    assert uuid == "33333333-3333-3333-3333-333333333333"


@pytest.mark.parametrize(
    ("visible", "cards"),
    [(None, "213"), ("1", "1"), ("2,0", "32"), ("GPU-3", "3"), ("0,7,1", "2"), ("", ""),
     ("GPU-", "")],
)  # fmt: skip
def test_cuda_shows_what_is_visible_the_fastest_first(monkeypatch, visible, cards):
    from pretend_gpu.settings import Card, Settings

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    box = Settings(cards=(Card(0), Card(1, speed=2.0), Card(2)))
    assert "".join(card.digits[0] for card in box.visible) == cards


def test_the_order_of_the_bus_can_be_asked_for(monkeypatch):
    from pretend_gpu.settings import Card, Settings

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert Settings(cards=(Card(0), Card(1, speed=2.0))).visible == (Card(0),)


def test_an_instance_has_a_name_of_its_own_and_no_counters(box):
    code = """
import json, pynvml
from pretend_gpu.settings import read
pynvml.nvmlInit()
name, digits = read().visible[0].as_cuda
whole = pynvml.nvmlDeviceGetHandleByIndex(0)
part = pynvml.nvmlDeviceGetHandleByUUID(f"MIG-{digits}")
try:
    counted = pynvml.nvmlDeviceGetTotalEnergyConsumption(part)
except pynvml.NVMLError_NotSupported as error:
    counted = str(error)
parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
same = pynvml.nvmlDeviceGetUUID(parent) == pynvml.nvmlDeviceGetUUID(whole)
mode = pynvml.nvmlDeviceGetMigMode(whole)
print(json.dumps([name, mode, counted, same]))
"""
    name, mode, counted, same = box.python(code, settings={"cards": [{"mig": True}]})
    assert name == "Pretend H100 MIG 3g.40gb" and mode == [1, 1] and same
    assert counted == "Not Supported"


def test_energy_follows_the_work_in_ticks(box):
    code = """
import json, time, pynvml, torch
pynvml.nvmlInit()
card = pynvml.nvmlDeviceGetHandleByIndex(0)
read = pynvml.nvmlDeviceGetTotalEnergyConsumption
torch.cuda.init(); torch.cuda.synchronize()

def used(work):
    start, began = read(card), time.perf_counter()
    work()
    return (read(card) - start) * 1e-3 / (time.perf_counter() - began)

def busy():
    torch.cuda._sleep(int(0.9 * 1.98e9))
    torch.cuda.synchronize()

def ticks():
    seen, last, end = [], read(card), time.perf_counter() + 0.5
    while time.perf_counter() < end:
        if (now := read(card)) != last:
            seen.append(time.perf_counter())
            last = now
    return [b - a for a, b in zip(seen, seen[1:])]

rest, work = used(lambda: time.sleep(0.9)), used(busy)
percent = pynvml.nvmlDeviceGetUtilizationRates(card).gpu
print(json.dumps([rest, work, percent, ticks()]))
"""
    rest, work, percent, ticks = box.python(code, settings={"period": 0.05})
    assert rest == pytest.approx(70.0, rel=0.1) and work == pytest.approx(350.0, rel=0.1)
    assert percent == pytest.approx(50, abs=5)
    assert len(ticks) >= 8 and ticks == pytest.approx([0.05] * len(ticks), abs=2e-3)


def test_bits_counters_and_gaps_are_as_set(box):
    code = """
import json, pynvml as n
n.nvmlInit()
card = n.nvmlDeviceGetHandleByIndex(0)
bits = n.nvmlDeviceGetCurrentClocksThrottleReasons(card)
first = n.nvmlDeviceGetViolationStatus(card, n.NVML_PERF_POLICY_POWER)
last = n.nvmlDeviceGetViolationStatus(card, n.NVML_PERF_POLICY_POWER)
share = (last.violationTime - first.violationTime) / 1e3
share /= max(1, last.referenceTime - first.referenceTime)
missing = []
for name in ("nvmlDeviceGetTemperature", "nvmlDeviceGetFanSpeed"):
    try:
        getattr(n, name)(card, 0)
    except n.NVMLError_NotSupported:
        missing.append(name)
pids = [p.pid for p in n.nvmlDeviceGetComputeRunningProcesses(card)]
clock = n.nvmlDeviceGetClockInfo(card, n.NVML_CLOCK_SM)
print(json.dumps([bits, share, missing, pids, clock, n.nvmlSystemGetDriverVersion()]))
"""
    settings = {"throttle": 4, "violations": {"power": 0.5}, "foreign": [1], "driver": "525.1",
                "missing": ["Temperature"]}  # fmt: skip
    bits, share, missing, pids, clock, driver = box.python(code, settings=settings)
    assert bits == 4 | 1 and pids == [1] and clock == 1980 and driver == "525.1"
    assert share == pytest.approx(0.5, rel=0.2)
    assert missing == ["nvmlDeviceGetTemperature", "nvmlDeviceGetFanSpeed"]


def test_nvidia_smi_lists_what_may_be_opened(box):
    listed = box.call("nvidia-smi", "-L", settings={"cards": FOUR})
    assert listed.stdout == "GPU 2: Pretend H100 (UUID: GPU-33333333-3333-3333-3333-333333333333)\n"
    query = ("--query-gpu=name,driver_version,mig.mode.current", "--format=csv,noheader")
    asked = box.call("nvidia-smi", *query, settings={"cards": [{"mig": True}]})
    assert asked.stdout == "Pretend H100, 580.95.05, Enabled\n"
    none = box.call("nvidia-smi", "-L", settings={"cards": [{"forbidden": True}]})
    assert isinstance(none, subprocess.CompletedProcess) and none.returncode == 6
