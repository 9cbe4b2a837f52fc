"""The pretend device is one: its queue, events, clock, memory, graphs; and ours on top of it."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from pretend_gpu.device import BOOST, IDLE, QUEUE, Clock, Device
from pretend_gpu.testing import TRAPS

from bench.measuring.clocks import HostClock

LIMIT = 2.0
"""What a probe that cannot succeed may take [s]."""


def spin(seconds):
    """Enqueue a kernel of so many seconds at full clock."""
    import torch

    torch.cuda._sleep(int(seconds * BOOST))


def test_without_the_variable_nothing_happens(box):
    code = (
        "import sys, importlib.util, sitecustomize\n"
        "spec = importlib.util.find_spec('pynvml')\n"
        "assert 'fakes' in sitecustomize.__file__\n"
        "assert 'pretend_gpu' not in sys.modules, 'it is on'\n"
        "assert spec is None or 'fakes' not in spec.origin\n"
    )
    off = {k: v for k, v in box.environment({}, {}).items() if k != "EQUIBENCH_PRETEND_GPU"}
    subprocess.run([sys.executable, "-c", code], check=True, env=off)
    on = box.call(sys.executable, "-c", code)
    assert "it is on" in on.stderr


def test_the_host_waits_when_the_queue_is_full():
    clock = Clock()
    device = Device(clock, launch=5e-6)
    device.launch(BOOST)  # a second
    began = clock.now()
    device.launch(1.0, QUEUE - 1)
    assert clock.now() - began == pytest.approx(5e-6 * (QUEUE - 1), rel=1e-3)
    device.launch(1.0)
    assert clock.now() - began == pytest.approx(1.0, rel=1e-3)


def test_what_hangs_a_card_takes_real_time(monkeypatch):
    from pretend_gpu import device

    slept = []
    monkeypatch.setattr(device, "_sleep", slept.append)
    card = Device(Clock())
    card.launch(0.5 * BOOST)
    card.wait()
    assert slept == []
    card.launch(3.0 * BOOST)
    card.wait()
    assert slept == [pytest.approx(3.0, rel=1e-3)]


def test_the_clock_ramps_up_under_load_and_rests():
    device = Device(Clock(), ramp=0.1)
    device.check()
    assert device.rate() == IDLE
    device.launch(0.2 * BOOST)
    device.wait()
    assert device.rate() == BOOST
    device.clock.spend(10.0)
    assert device.rate() == IDLE


def test_the_device_clock_hides_launches(card):
    from bench.measuring import clocks_cuda

    card()

    def call():
        for _ in range(20):
            spin(1e-6)  # launching one takes five times as long

    assert np.median(clocks_cuda.sample(call, 11, True).seconds) == pytest.approx(20e-6, abs=1e-6)
    assert np.median(clocks_cuda.sample(call, 11, False).seconds) == pytest.approx(20e-6, abs=1e-6)


def test_the_host_clock_is_bound_by_launches_or_by_the_device(card):
    import torch

    card()
    for kernel, seconds in ((1e-6, 5e-6), (1e-3, 1e-3)):
        clock = HostClock(
            lambda kernel=kernel: spin(kernel),
            lambda out: torch.cuda.synchronize(),
            asynchronous=True,
        )
        clock.prepare()
        assert np.median(clock.sample(5)) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize("what", ["waits", "launches"])
def test_what_cannot_be_hidden_is_given_up_soon(card, what):
    import torch

    from bench.measuring import clocks_cuda

    device = card()

    def call():
        if what == "waits":
            spin(1e-6)
            torch.cuda.synchronize()
        else:
            for _ in range(3000):
                torch.cuda._sleep(100)

    device.check()
    began = device.clock.now()
    with pytest.raises(clocks_cuda.Lag):
        clocks_cuda.sample(call, 3, False)
    assert device.clock.now() - began < LIMIT


def test_a_card_that_wakes_up_is_timed_awake(card):
    from bench.measuring import clocks_cuda

    card(ramp=0.05)
    timed = clocks_cuda.sample(lambda: spin(100e-6), 31, False)
    assert np.median(timed.seconds) == pytest.approx(100e-6, rel=0.05)


def test_tensors_are_on_the_card_and_nowhere_else(card):
    import torch

    device = card()
    a = torch.ones(4, 3, device="cuda", requires_grad=True)
    assert a.is_cuda and a.device.type == "cuda" and a.is_leaf
    (grad,) = torch.autograd.grad((2 * a).sum(), [a])
    assert grad.is_cuda and grad.cpu().numpy().tolist() == [[2.0] * 3] * 4
    assert not torch.ones(3).is_cuda and not a.detach().cpu().is_cuda
    with pytest.raises(RuntimeError, match="at least two devices"):
        a + torch.ones(3)
    with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
        a.detach().numpy()
    before = device.clock.now()
    spin(0.5)
    a.sum().item()
    assert device.clock.now() - before > 0.5


def test_a_read_beyond_a_table_is_the_end_of_the_context(card):
    import torch

    card()
    table, beyond = torch.ones(3, device="cuda"), torch.full((1,), 9, device="cuda")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="CUDA error: device-side assert"):
            table.index_select(0, beyond)
    for call in (torch.cuda.synchronize, torch.cuda.empty_cache, lambda: table + 1):
        with pytest.raises(RuntimeError, match="CUDA error"):
            call()


def test_memory_is_counted_and_kept_until_it_is_given_back(card, tmp_path):
    import torch

    card(memory=2**30, context=2**28, ledger=str(tmp_path))
    a = torch.empty(2**28, dtype=torch.int8, device="cuda")
    assert torch.cuda.memory_allocated() == torch.cuda.max_memory_allocated() == 2**28
    view = a[1:]
    del a
    assert torch.cuda.memory_allocated() == 2**28
    del view
    assert torch.cuda.memory_allocated() == 0
    assert torch.cuda.mem_get_info() == (2**29, 2**30)  # its context, and what it keeps
    torch.cuda.empty_cache()
    assert torch.cuda.mem_get_info() == (2**30 - 2**28, 2**30)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        torch.empty(2**30 - 2**27, dtype=torch.int8, device="cuda")
    (page,) = tmp_path.iterdir()
    other = page.with_suffix(".1")  # init has taken the rest
    other.write_text(str(2**29), encoding="ascii")
    torch.empty(2**27, dtype=torch.int8, device="cuda")
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(2**29, dtype=torch.int8, device="cuda")


def test_a_graph_replays_what_was_captured(card):
    import torch

    device = card()
    a, graph = torch.ones(3, device="cuda", requires_grad=True), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        (grad,) = torch.autograd.grad((a * a * a).sum(), [a])
    with torch.no_grad():
        a.copy_(torch.full((3,), 2.0))
    before = device.clock.now()
    graph.replay()
    assert device.clock.now() - before == pytest.approx(device.launching, rel=0.1)
    assert grad.tolist() == [12.0] * 3


def test_a_capture_that_waits_fails(card):
    import torch

    card()
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="previous error during capture") as caught:
        with torch.cuda.graph(graph):
            torch.cuda.synchronize()
    assert "not permitted when stream is capturing" in str(caught.value.__context__)
    with pytest.raises(RuntimeError, match="without a preceding successful capture"):
        graph.replay()
    torch.cuda.synchronize()


@pytest.mark.parametrize("allowed", [True, False])
def test_kernels_are_recorded_call_by_call(card, allowed):
    from types import SimpleNamespace

    from bench.measuring.frameworks import torch
    from bench.measuring.probes.kernels import CALLS, kernels
    from impls.implementation import Target

    card(profiler=allowed)

    def run():
        for _ in range(3):
            spin(2e-6)  # launching one takes more than twice as long
        return {"out": torch.torch.ones(1, device="cuda")}

    case = SimpleNamespace(target=Target("cuda"))
    (found,) = kernels(SimpleNamespace(case=case, run=run, framework=torch))
    if not allowed:
        assert found.value is None and "CUPTI" in found.detail["unavailable"]
        return
    assert found.value == pytest.approx(8e-6, rel=0.01) and found.n == CALLS
    assert (found.detail["launches"], found.detail["copies"]) == (4, 0)
    assert found.detail["gaps"] == pytest.approx(9e-6, rel=0.05)


def test_what_the_card_reaches_costs_the_processor_nothing(card):
    from bench.measuring.frameworks import torch
    from impls.implementation import Target

    card()
    began = time.monotonic()
    found = torch.peaks(Target("cuda"), ("float32", "float64"))
    assert time.monotonic() - began < LIMIT
    assert found["copy"] > 1e12 and found["gemm.float32"] == pytest.approx(1e14, rel=0.01)


def test_a_graph_that_cannot_be_captured_says_so_each_time(card):
    from bench.measuring.built_case import build
    from bench.record.case import Case
    from impls.families.product import problem
    from impls.implementation import Target
    from impls.registry import load

    card()
    registry = load([TRAPS])
    asked = problem("mimo", 1, "o3", batch=16, dtype="float32")

    def graphed(name):
        return build(Case(asked, name, "fwd", "cudagraph", Target("cuda")), registry)

    trapped = graphed("clebsch_gordan.trap_waits")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="captur"):
            trapped.run()
    assert graphed("clebsch_gordan.torch_dense").run()["z"].is_cuda


@pytest.mark.slow
def test_implementations_answer_on_the_card_what_they_answer_on_the_host(card):
    from dataclasses import replace

    import torch

    from bench.measuring.built_case import build
    from bench.record.case import Case, refusal
    from impls.implementation import Target
    from impls.registry import load

    card()
    registry = load()
    compared = 0
    for name, implementation in registry.implementations.items():
        if implementation.framework != "torch":
            continue
        family = registry.operation(implementation.operation).family
        for problem in registry.family(family).examples:
            asked = Case(replace(problem, dtype="float64"), name, "fwd", "eager", Target("cuda"))
            refused = refusal(asked, registry)
            if refused or implementation.supports(asked.seen, asked.target):
                continue
            ours = build(asked, registry)
            theirs = build(replace(asked, target=Target()), registry)
            assert all(t.is_cuda or t.layout is not torch.strided for t in ours.run().values())
            expected = theirs.call(theirs.arrays())
            for output, found in ours.call(ours.arrays()).items():
                np.testing.assert_allclose(found, expected[output], rtol=1e-9, atol=1e-9)
            compared += 1
            break
    assert compared > 50
