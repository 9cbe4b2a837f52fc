"""What a worker started: found by what it inherits, counted, ended; and what the kernel killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from bench.drive import descendants, worker_process
from bench.drive.pool import Pool
from bench.drive.worker_process import Fault

HOLDS = "import os, time; held = bytearray(2**26); {}; time.sleep(600)"


@pytest.fixture
def family():
    """A process with a name, a child of it in another session, and one of another name."""
    started = []

    def start(name, then="pass"):
        variables = {**os.environ, descendants.MARK: name}
        process = subprocess.Popen([sys.executable, "-c", HOLDS.format(then)], env=variables)
        started.append(process)
        return process

    first = start("one", "os.fork() == 0 and os.setsid()")
    other = start("other")
    deadline = time.monotonic() + 30
    while len(list(descendants.of("one"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    yield first, other
    for name in ("one", "other"):
        descendants.end(name)
    for process in started:
        process.wait()


def test_descendants_are_found_counted_and_ended(family):
    first, other = family
    found = set(descendants.of("one"))
    assert len(found) == 2 and first.pid in found and other.pid not in found
    alone = descendants.resident_of(first.pid)
    assert alone > 2**26 and descendants.resident("one") > alone
    descendants.end("one")
    first.wait()
    assert list(descendants.of("one")) == [] and other.poll() is None
    assert descendants.resident("one") == descendants.resident_of(first.pid) == 0


def test_kills_of_the_kernel_are_counted_where_it_says_so(tmp_path):
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    assert descendants.oom_kills(proc, groups) == 0
    (proc / "vmstat").write_text("pgfault 5\noom_kill 2\n")
    (proc / "self" / "cgroup").write_text("0::/job\n5:memory:/old\n")
    assert descendants.oom_kills(proc, groups) == 2
    (groups / "job").mkdir(parents=True)
    (groups / "job" / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert descendants.oom_kills(proc, groups) == 5


@pytest.mark.parametrize(("kills", "status"), [((4, 4), "crash"), ((4, 5), "oom")])
def test_a_killed_worker_ran_out_of_memory_only_when_the_kernel_says_so(
    kills, status, hand, registry, tmp_path, monkeypatch
):
    said = iter(kills)
    monkeypatch.setattr(descendants, "oom_kills", lambda: next(said))
    with Pool(registry, (), tmp_path) as pool:
        worker = pool.worker(hand.case(registry, "clebsch_gordan.numpy_dense"))
        os.kill(worker.process.pid, worker_process.signal.SIGKILL)
        with pytest.raises(Fault, match="SIGKILL") as fault:
            list(worker.ask({"do": "close"}, 60.0))
    assert fault.value.status == status
