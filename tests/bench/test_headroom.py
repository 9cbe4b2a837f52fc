"""What is left for another worker, read from trees like those of the kernel."""

from __future__ import annotations

import pytest

from bench.drive import headroom
from bench.drive.headroom import RESERVE, WORKER, Memory, host_memory, memories, total_memory
from bench.record import nvml

GIB = 2**30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1048576 kB\nMemAvailable: 8388608 kB\nHugetlb: 0 kB\n"
UNLIMITED = "9223372036854771712\n"


@pytest.fixture
def kernel(tmp_path):
    """Return a function that writes files and asks what is left."""

    def said(files):
        for name, text in {"proc/meminfo": MEMINFO, **files}.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="ascii")
        return host_memory(tmp_path / "proc", tmp_path / "cgroup")

    return said


def test_what_the_machine_has(kernel):
    assert kernel({}) == Memory(16 * GIB, 8 * GIB)
    assert kernel({"proc/self/cgroup": "0::/\n"}) == Memory(16 * GIB, 8 * GIB)
    assert kernel({"proc/meminfo": "MemTotal: 16777216 kB\n"}) is None


def test_the_tightest_of_the_control_groups_counts(kernel):
    """Version 2: a job without a limit of its own, in a slice that has one."""
    files = {
        "proc/self/cgroup": "0::/slice/job\n",
        "cgroup/slice/job/memory.max": "max\n",
        "cgroup/slice/job/memory.current": f"{GIB}\n",
        "cgroup/slice/memory.max": f"{4 * GIB}\n",
        "cgroup/slice/memory.current": f"{3 * GIB}\n",
        "cgroup/slice/memory.stat": f"anon 5\ninactive_file {GIB // 2}\n",
    }
    assert kernel(files) == Memory(4 * GIB, 3 * GIB // 2)
    job = {"cgroup/slice/job/memory.max": f"{GIB + 1}\n"}
    assert kernel(files | job) == Memory(GIB + 1, 1)
    assert kernel(files | {"cgroup/slice/memory.current": f"{5 * GIB}\n"}).available == 0


def test_version_1_and_a_container_that_sees_only_its_own_group(kernel):
    folder = "cgroup/memory"
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/host/path/of/container\n0::/\n",
        f"{folder}/memory.limit_in_bytes": UNLIMITED,
        f"{folder}/memory.usage_in_bytes": f"{2 * GIB}\n",
        f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
    }
    assert kernel(files) == Memory(16 * GIB, 8 * GIB)
    limited = files | {f"{folder}/memory.limit_in_bytes": f"{3 * GIB}\n"}
    assert kernel(limited) == Memory(3 * GIB, 2 * GIB)


def test_another_fits_when_the_reserve_stays_free():
    total = 100 * GIB
    reserve = int(RESERVE * total)
    assert Memory(total, reserve + 2 * WORKER).fits(2)
    assert not Memory(total, reserve + 2 * WORKER - 1).fits(2)


def test_where_nothing_can_be_read_workers_are_counted(monkeypatch):
    monkeypatch.setattr(headroom, "host_memory", lambda: None)
    total = total_memory()
    assert memories("cpu", 3) == (Memory(total, total - 3 * WORKER),)


def test_a_gpu_counts_where_its_driver_says_it(monkeypatch):
    class Said:
        total, free, used = 80 * GIB, 60 * GIB, 20 * GIB

    class Library:
        def nvmlDeviceGetMemoryInfo(self, gpu):
            return Said

    monkeypatch.setattr(nvml, "read", lambda query: query(Library(), None))
    assert memories("cuda", 0)[1:] == (Memory(80 * GIB, 60 * GIB),)
    assert len(memories("cpu", 0)) == 1

    def nothing(query):
        raise nvml.Unavailable("no GPU")

    monkeypatch.setattr(nvml, "read", nothing)
    assert len(memories("cuda", 0)) == 1
