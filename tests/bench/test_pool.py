"""Workers: stopped when not asked, replaced when they die, gone when the pool is left."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench.drive import pool as pool_module
from bench.drive.headroom import WORKER, Memory
from bench.drive.pool import Pool
from bench.drive.run import execute
from bench.drive.worker_process import Fault, environment, spec_of
from bench.record.case import Case
from bench.record.rows import load
from impls.implementation import Target
from impls.registry import load as load_registry

NAME = "clebsch_gordan.numpy_dense"
BROKEN = """
import sys

from impls.implementation import Built, Implementation

if "bench.measuring.worker" in sys.orig_argv:
    raise OSError("no licence on this node")

BROKEN = Implementation("clebsch_gordan", "broken", "numpy", lambda p, t, o: Built(None))
"""
COPIES = """
from impls.implementation import Built, Implementation
from impls.products.clebsch_gordan.operation import OPERATION

def build(problem, target, options):
    return Built(lambda inputs, weights: OPERATION.oracle(problem, inputs, weights))

COPIES = tuple(Implementation("clebsch_gordan", f"copy_{n}", "numpy", build) for n in "abcd")
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
    list(worker.ask({"do": "build", "case": case.to_json()}, 60.0))
    request = {"do": "open", "nonce": 7, "probes": ["error"], "clock": True}
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
        assert (fault.value.status, "SIGKILL" in fault.value.reason) == ("crash", True)
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


def test_cases_that_are_open_together_have_workers_of_their_own(hand, registry):
    """Those of a block: they share problem and pass, and differ in whatever else a case says."""
    case = hand.case(registry, NAME)
    changed = {
        "implementation": "clebsch_gordan.numpy_kernel", "mode": "another",
        "target": Target(threads=2), "options": {"block": "pair"}, "knobs": {"rank": 2},
    }  # fmt: skip
    assert set(changed) == {field.name for field in fields(Case)} - {"problem", "pass_"}
    others = [replace(case, **{name: value}) for name, value in changed.items()]
    assert len({spec_of(each, registry) for each in (case, *others)}) == 1 + len(others)


def test_threads_and_devices_are_pinned(hand, registry, monkeypatch, tmp_path):
    case = hand.case(registry, NAME)
    cpu = environment(spec_of(case, registry))
    assert cpu["OMP_NUM_THREADS"] == "1" and cpu["JAX_PLATFORMS"] == "cpu"
    assert cpu["CUDA_VISIBLE_DEVICES"] == ""
    target = Target("cuda", threads=3)
    cuda = environment(spec_of(type(case)(case.problem, NAME, "fwd", "eager", target), registry))
    assert cuda["OMP_NUM_THREADS"] == "3" and cuda["JAX_PLATFORMS"] == "cuda,cpu"
    assert "CUDA_VISIBLE_DEVICES" not in cuda, "the one that the parent chose"
    assert cuda["CUDA_SCALE_LAUNCH_QUEUES"] == "4x" and cuda["JAX_ENABLE_COMPILATION_CACHE"] == "0"
    assert "allow-ftz-atomics" not in cpu["XLA_FLAGS"]
    monkeypatch.setattr("bench.record.machine.packages", lambda: {"jaxlib": "0.11.0"})
    monkeypatch.setenv("XLA_CLIENT_MEM_FRACTION", "0.5")
    slow = environment(spec_of(replace(case, target=target), registry))
    assert "-nvptx-allow-ftz-atomics" in slow["XLA_FLAGS"]
    assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in slow, "XLA refuses to have both"


def test_who_records_runs_what_the_other_compiled_and_nobody_else(hand, registry, tmp_path):
    case = replace(hand.case(registry, "clebsch_gordan.jax_dense"), target=Target("cuda"))
    other = replace(case, implementation="gaunt.jax_lebedev")
    times, other = (spec_of(c, registry) for c in (case, other))
    caches = [
        environment(spec, tmp_path)["JAX_COMPILATION_CACHE_DIR"]
        for spec in (times, replace(times, traces=True), other)
    ]
    assert caches[0] == caches[1] != caches[2]
    assert environment(times, tmp_path)["JAX_ENABLE_COMPILATION_CACHE"] == "1"


def test_a_worker_that_does_not_come_up_fails_its_own_case(hand, tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(BROKEN, encoding="utf-8")
    registry = load_registry([file])
    cases = [hand.case(registry, "clebsch_gordan.broken")]
    execute(hand.plan(registry, cases), registry, tmp_path / "run", files=[str(file)])
    (row,) = load(tmp_path / "run")
    assert (row["probe"], row["status"]) == ("case", "error")
    assert "broken.py failed to import: OSError: no licence on this node" in row["reason"]
    assert hand.workers(tmp_path) == []


class Room:
    """A memory in which so many workers fit; remembers how many were up when it was read."""

    def __init__(self, workers):
        self.workers, self.seen = workers, []

    def __call__(self, device, up):
        self.seen.append(up)
        return (Memory(0, (self.workers - up) * WORKER),)


@pytest.fixture
def copies(tmp_path):
    """Return a file that declares implementations, all alike, and the registry with them."""
    file = tmp_path / "copies.py"
    file.write_text(COPIES, encoding="utf-8")
    return str(file), load_registry([file])


def named(hand, registry, *letters):
    return [hand.case(registry, f"clebsch_gordan.copy_{letter}") for letter in letters]


def test_idle_workers_are_ended_least_recently_used_first(hand, copies, tmp_path, monkeypatch):
    monkeypatch.setattr(pool_module, "memories", Room(3))
    file, registry = copies
    a, b, c, d = named(hand, registry, *"abcd")
    with Pool(registry, [file], tmp_path) as pool:
        processes = {}
        for case in (a, b, c, a):
            processes[pool.spec(case)] = pool.worker(case).process
        assert [p.returncode for p in processes.values()] == [None] * 3
        pool.prepare([d])
        assert list(pool.workers) == [pool.spec(case) for case in (c, a, d)]
        ended = processes.pop(pool.spec(b))
        assert ended.returncode == -signal.SIGTERM, "stopped, continued, and asked: not killed"
        assert state(ended.pid) == "" and all(p.poll() is None for p in processes.values())
        pool.prepare([b])
        assert list(pool.workers) == [pool.spec(case) for case in (a, d, b)]
        again = pool.worker(b)
        assert again.process.pid != ended.pid
        assert opened(again, b)[-1]["done"]["failed"] is False
        pool.fresh(c)  # needs room too, though it is not the pool's own
        assert list(pool.workers) == [pool.spec(case) for case in (d, b)]
    assert hand.workers(tmp_path) == []


def test_a_worker_in_use_is_never_ended(hand, copies, tmp_path, monkeypatch):
    """However little there is, and also when another of its block has to be started again."""
    file, registry = copies
    a, b, c = named(hand, registry, *"abc")
    with Pool(registry, [file], tmp_path) as pool:
        pool.worker(c)
        monkeypatch.setattr(pool_module, "memories", Room(0))
        assert pool.prepare([a, b]) == {}
        assert list(pool.workers) == [pool.spec(case) for case in (a, b)]
        measuring = pool.worker(a)
        opened(measuring, a)
        os.kill(pool.worker(b).process.pid, signal.SIGKILL)
        soon(lambda: not pool.workers[pool.spec(b)].alive)
        assert pool.worker(b).alive
        (reply,) = measuring.ask({"do": "sample", "count": 1}, 60.0)
        assert len(reply["done"]["samples"]) == 1


def test_a_sweep_over_more_than_fit_finishes(hand, copies, tmp_path, monkeypatch):
    """Three blocks of two, where three fit; one has the workers of another."""
    room = Room(3)
    monkeypatch.setattr(pool_module, "memories", room)
    file, registry = copies
    blocks = ("ab", hand.problem()), ("cd", hand.problem(seed=1)), ("ab", hand.problem("so3"))
    cases = [
        replace(case, problem=problem)
        for letters, problem in blocks
        for case in named(hand, registry, *letters)
    ]
    run = execute(hand.plan(registry, cases), registry, tmp_path / "run", files=[file])
    rows = [row for row in load(tmp_path / "run") if row["probe"] == "case"]
    assert sorted((row["status"], row["reason"]) for row in rows) == [("ok", "")] * 6
    assert max(room.seen) <= 3, "four workers were needed"
    assert run.session.pool.workers == {} and hand.workers(tmp_path) == []
