"""Locks: one run in a directory and on a GPU, and on cores that no other run has, if there are."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from bench.drive import instrument, locks, paired
from bench.drive.locks import SHARED, available, exclusive, gpu_lock, place
from bench.drive.pool import Pool
from bench.drive.run import Events, execute
from bench.record import gpu
from bench.record.rows import load
from impls.implementation import Target

NAME = "clebsch_gordan.numpy_dense"


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Return where the locks of the machine lie: not those of other runs on it."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


def test_a_directory_is_used_by_one_process_at_a_time(tmp_path, said):
    out = tmp_path / "run"
    words = ("run", "--profile", "quick", "--select", "torch_dense", "--device", "cpu")
    with exclusive(out):
        code, _, err = said(*words, "--out", out)
        assert (code, err.splitlines()[-1]) == (2, f"error: another process is running in {out}")
    with exclusive(out):
        pass
    with pytest.raises(ZeroDivisionError), exclusive(out):
        raise ZeroDivisionError
    with exclusive(out):
        pass


def test_a_run_into_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ValueError, match="is not a directory"), exclusive(path):
            pass


def test_a_gpu_is_measured_on_by_one_run_at_a_time(monkeypatch):
    monkeypatch.setenv(gpu.VISIBLE, "1,2")
    with place(Target("cuda")) as cores:
        assert cores.numbers == ()
        with (
            pytest.raises(ValueError, match="another process measures on GPU 1:"),
            place(Target("cuda")),
        ):
            pass
        with place(Target("cuda"), timed=False), place(Target()):
            pass
        monkeypatch.setenv(gpu.VISIBLE, "0")
        with place(Target("cuda")):
            pass


@pytest.mark.parametrize(
    "words", [("compare", "."), ("calibrate", "--pairs", "1")], ids=["compare", "calibrate"]
)
def test_who_compares_waits_for_the_gpu(said, monkeypatch, words):
    """The lock is held by this process: `flock` is of open files, not of processes."""
    card = gpu.Card("H200", uuid="11111111-1111-1111-1111-111111111111")
    monkeypatch.setattr(gpu, "asked", lambda: {"torch": card})
    monkeypatch.setenv(gpu.VISIBLE, f"GPU-{card.uuid}")
    monkeypatch.setenv(gpu.ORDER, "PCI_BUS_ID")
    monkeypatch.setattr(paired, "_round", lambda *arguments: pytest.fail("it measured"))
    monkeypatch.setattr(instrument, "peaks", lambda *arguments: pytest.fail("it measured"))
    with gpu_lock():
        code, out, err = said(*words, "--device", "cuda", "--plain")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"another process measures on GPU GPU-{card.uuid}" in err


@pytest.fixture
def three(monkeypatch):
    """Three cores that this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)


def test_runs_take_different_cores_while_there_are_free_ones(three):
    with place(Target(threads=2)) as first:
        assert (first.numbers, first.shared) == ((3, 5), False)
        with place(Target()) as second:
            assert (second.numbers, second.shared) == ((0,), False)
            with place(Target()) as third:
                assert third.shared and third.numbers[0] in (0, 3, 5)
        with place(Target(threads=2)) as fourth:
            assert fourth.shared and len(set(fourth.numbers)) == 2 and 0 in fourth.numbers
    with place(Target(threads=3)) as alone:
        assert (alone.numbers, alone.shared) == ((0, 3, 5), False)


@pytest.mark.skipif(available() < 2, reason="two runs need two cores")
def test_workers_are_kept_on_the_cores_of_their_run(hand, registry, tmp_path):
    seen = {}

    def opening(case):
        for worker in hand.workers(tmp_path / "run"):
            seen[worker] = os.sched_getaffinity(worker)

    cases = [hand.case(registry, name) for name in (NAME, "clebsch_gordan.numpy_cartesian")]
    plan = hand.plan(registry, cases, probes=("error",))
    with place(Target()) as others:
        execute(plan, registry, tmp_path / "run", events=Events(opening=opening))
    (mine,) = set(map(frozenset, seen.values()))
    assert len(seen) == 2 and len(mine) == 1 and not mine & set(others.numbers)
    flags = [flag for row in load(tmp_path / "run") for flag in row["quality"].get("flags", [])]
    assert SHARED not in flags
    with Pool(registry, (), tmp_path, cores=tuple(mine)) as pool:
        fresh = pool.fresh(cases[0])
        fresh.spawn()
        fresh.ready()
        assert os.sched_getaffinity(fresh.process.pid) == mine
        fresh.kill()


def test_a_time_on_a_core_that_another_run_has_says_so(hand, registry, tmp_path):
    plan = hand.plan(registry, [hand.case(registry, NAME)], probes=("error",))
    with place(Target(threads=available())):
        execute(plan, registry, tmp_path / "run")
    (time,) = [row for row in load(tmp_path / "run") if row["probe"] == "time.host"]
    assert SHARED in time["quality"]["flags"]


def test_pairs_on_a_core_that_another_run_has_say_so(said, monkeypatch, tmp_path):
    monkeypatch.setattr(instrument, "measured", lambda *arguments: [])
    nothing = {"relative_error": {}, "seconds_of_nothing": 0.0}
    monkeypatch.setattr(instrument, "clock_truth", lambda: nothing)
    monkeypatch.setattr(instrument, "peaks", lambda *arguments: {})
    words = ("calibrate", "--pairs", "1", "--device", "cpu", "--plain", "--out")
    with place(Target(threads=available())):
        code, _, err = said(*words, tmp_path / "shared")
    assert (code, err) == (0, f"{SHARED}\n")
    assert said(*words, tmp_path / "alone")[::2] == (0, "")


@pytest.mark.parametrize("command", ["run", "compare", "calibrate"])
def test_more_threads_than_cores_are_refused(said, three, command):
    words = (command, *((".",) if command == "compare" else ()), "--threads", "4")
    expected = "error: --threads 4: only 3 core(s) can be used here; ask for less\n"
    assert said(*words, "--device", "cpu") == (2, "", expected)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_locks_of_the_machine_are_of_all_users_and_no_links(three, scratch, device):
    before = os.umask(0o077)
    try:
        with place(Target(device)):
            pass
    finally:
        os.umask(before)
    (file,) = scratch.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    file.unlink()
    file.symlink_to(scratch / "planted")
    with pytest.raises(ValueError, match=f"cannot open the lock {file} "), place(Target(device)):
        pass
    assert not (scratch / "planted").exists()


def test_a_lock_that_another_makes_in_the_meantime_is_taken_as_it_is(three, scratch, monkeypatch):
    real, late = os.open, scratch / "equibench-core-5.lock"

    def opened(file, flags, mode=0o777):
        if flags & os.O_CREAT and not late.exists():
            os.close(real(late, flags, mode))
        return real(file, flags, mode)

    monkeypatch.setattr(locks.os, "open", opened)
    with place(Target()) as cores:
        assert cores.numbers == (5,)
