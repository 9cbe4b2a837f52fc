"""On a GPU: the device clock knows a spin, graphs replay new inputs, counters are read."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.record import gpu
from impls.implementation import Target


def without_gpu() -> str:
    """Return why there is nothing to test here; frameworks are asked in processes of their own."""
    if not gpu.listed():
        return "no NVIDIA GPU here"
    torch = gpu.seen_by()["torch"]
    return "" if torch == "yes" else f"PyTorch sees no GPU: {torch}"


pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(without_gpu()), reason=without_gpu())]


def case(hand, registry, name="clebsch_gordan.torch_dense", pass_="fwd", mode="eager", **problem):
    asked = hand.problem(**{"dtype": "float32", "batch": 1000, **problem})
    made = hand.case(registry, name, asked, pass_)
    return replace(made, mode=mode, target=Target("cuda"))


def test_the_device_clock_gives_a_spin_its_length():
    import torch

    from bench.measuring import clocks_cuda

    rate = clocks_cuda.clock_rate()
    for cold in (True, False):
        timed = clocks_cuda.sample(lambda: torch.cuda._sleep(int(1e-3 * rate)), 11, cold)
        assert float(np.median(timed.seconds)) == pytest.approx(1e-3, rel=0.02)


def test_a_call_that_waits_for_the_device_cannot_be_hidden():
    import torch

    from bench.measuring import clocks_cuda

    began = time.perf_counter()
    with pytest.raises(clocks_cuda.Lag, match="waits for the device"):
        clocks_cuda.sample(torch.cuda.synchronize, 3, False)
    assert time.perf_counter() - began < 2


def test_slope_and_events_agree_on_long_calls(hand, registry):
    from bench.measuring import clocks_cuda
    from bench.measuring.clocks import HostClock

    name = "gaunt.torch_lebedev"
    built = build(case(hand, registry, name, batch=500_000), registry)
    clock = HostClock(built.run, built.framework.wait, asynchronous=True)
    clock.prepare()
    device = float(np.median(clocks_cuda.sample(built.run, 11, False).seconds))
    assert float(np.median(clock.sample(11))) == pytest.approx(device, rel=0.05)


@pytest.mark.parametrize("pass_", ["fwd", "grad", "grad2"])
def test_a_graph_answers_new_inputs(hand, registry, pass_):
    eager, graph = (
        build(case(hand, registry, pass_=pass_, mode=mode), registry)
        for mode in ("eager", "cudagraph")
    )
    arrays = eager.arrays()
    for factor in (1.0, -0.5):
        moved = {name: factor * a for name, a in arrays.items()}
        expected, found = eager.call(moved), graph.call(moved)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["eager", "cudagraph"])
def test_kernels_and_events_agree_on_long_calls(hand, registry, mode):
    from bench.measuring import clocks_cuda
    from bench.measuring.probes.kernels import kernels

    name = "gaunt.torch_lebedev"
    built = build(case(hand, registry, name, batch=500_000, mode=mode), registry)
    device = float(np.median(clocks_cuda.sample(built.run, 11, False).seconds))
    (found,) = kernels(built)
    assert found.value + found.detail["gaps"] == pytest.approx(device, rel=0.05)
    assert found.detail["launches"] >= 3 and found.n == 20


def test_energy_and_utilisation_are_read(hand, registry):
    from bench.measuring.probes.energy import energy

    built = build(case(hand, registry, batch=100_000), registry)
    found = {reading.probe: reading for reading in energy(built)}
    assert found["energy.gpu.gross"].value > 0 and found["power.gpu"].value > 10
    shares = [found[name].value for name in ("util.sm", "util.gpu") if name in found]
    assert shares and all(0 < share <= 1 for share in shares)
