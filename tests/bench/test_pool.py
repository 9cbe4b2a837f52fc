"""Workers: stopped when not asked, replaced when they die, gone when the pool is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from bench.pool import Fault, Pool, environment, spec_of
from bench.rows import load
from bench.run import execute
from impls.implementation import Target

NAME = "clebsch_gordan.numpy_dense"
BROKEN = """
import sys

from impls.implementation import Built, Implementation

if "bench.worker" in sys.orig_argv:
    raise OSError("no licence on this node")

BROKEN = Implementation("clebsch_gordan", "broken", "numpy", lambda p, t, o: Built(None))
"""


def state(pid):
    """Return the state of a process (R, S, T ...), or "" when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return ""
    return text.rsplit(")", 1)[1].split()[0]


def soon(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opened(worker, case):
    request = {"do": "open", "case": case.to_json(), "probes": ["error"], "clock": True}
    return list(worker.ask(request, 60.0))


def test_a_worker_lives_as_long_as_its_pool(hand, registry, tmp_path):
    case = hand.case(registry, NAME)
    with Pool(registry, (), tmp_path) as pool:
        worker = pool.worker(case)
        pid = worker.process.pid
        soon(lambda: state(pid) == "T")
        assert pool.worker(case) is worker
        replies = opened(worker, case)
        assert replies[0]["reading"]["probe"] == "error.fwd"
        assert replies[-1]["done"]["failed"] is False
        soon(lambda: state(pid) == "T")
        (reply,) = worker.ask({"do": "sample", "count": 2}, 60.0)
        assert len(reply["done"]["samples"]) == 2
        assert os.getpgid(pid) == pid
    assert state(pid) == "" and not worker.alive
    worker.kill()  # twice is fine


def test_a_worker_that_died_between_requests_is_a_crash_then_replaced(hand, registry, tmp_path):
    case = hand.case(registry, NAME)
    with Pool(registry, (), tmp_path) as pool:
        worker = pool.worker(case)
        opened(worker, case)
        first = worker.process.pid
        os.kill(first, signal.SIGKILL)
        soon(lambda: not worker.alive)
        with pytest.raises(Fault) as fault:
            list(worker.ask({"do": "sample", "count": 1}, 60.0))
        assert (fault.value.status, "SIGKILL" in fault.value.reason) == ("oom", True)
        again = pool.worker(case)
        assert again.alive and again.process.pid != first
        with pytest.raises(Fault, match="no case is open for timing") as fault:
            list(again.ask({"do": "sample", "count": 1}, 60.0))
        assert fault.value.status == "error" and again.alive
        soon(lambda: state(again.process.pid) == "T")


def test_there_is_a_worker_for_each_kind_of_case(hand, registry):
    case = hand.case(registry, NAME)
    specs = {
        spec_of(c, registry)
        for c in (
            case,
            hand.case(registry, NAME, hand.problem("so3")),
            hand.case(registry, NAME, hand.problem(dtype="float32")),
            hand.case(registry, "clebsch_gordan.torch_dense"),
            type(case)(case.problem, NAME, "fwd", "eager", Target(threads=2)),
            type(case)(case.problem, NAME, "fwd", "eager", Target(), {"block": "pair"}),
            type(case)(case.problem, NAME, "fwd", "another", Target()),
        )
    }
    assert len(specs) == 6


def test_threads_and_devices_are_pinned(hand, registry):
    case = hand.case(registry, NAME)
    cpu = environment(spec_of(case, registry))
    assert cpu["OMP_NUM_THREADS"] == "1" and cpu["JAX_PLATFORMS"] == "cpu"
    assert cpu["CUDA_VISIBLE_DEVICES"] == ""
    target = Target("cuda", threads=3)
    cuda = environment(spec_of(type(case)(case.problem, NAME, "fwd", "eager", target), registry))
    assert cuda["OMP_NUM_THREADS"] == "3" and cuda["JAX_PLATFORMS"] == "cuda"
    assert "CUDA_VISIBLE_DEVICES" not in cuda


def test_a_worker_that_does_not_come_up_fails_its_own_case(hand, tmp_path):
    from impls.registry import load as load_registry

    file = tmp_path / "broken.py"
    file.write_text(BROKEN, encoding="utf-8")
    registry = load_registry([file])
    cases = [hand.case(registry, "clebsch_gordan.broken")]
    execute(hand.plan(registry, cases), registry, tmp_path / "run", files=[str(file)])
    (row,) = load(tmp_path / "run")
    assert (row["probe"], row["status"]) == ("case", "error")
    assert "broken.py failed to import: OSError: no licence on this node" in row["reason"]
    assert hand.workers(tmp_path) == []
