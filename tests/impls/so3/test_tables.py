"""The disk cache: it saves work and never changes a result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from impls.so3 import tables

ROOT = Path(__file__).resolve().parents[3]


class Counted:
    """A computation that counts how often it ran."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.runs = array, 0

    def __call__(self) -> np.ndarray:
        self.runs += 1
        return self.array.copy()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int32", "bool"])
def test_second_call_reads(store: Path, dtype: str) -> None:
    compute = Counted(np.arange(24).reshape(2, 3, 4).astype(dtype))
    first, second = tables.cached("a-2", 1, compute), tables.cached("a-2", 1, compute)
    assert compute.runs == 1
    assert first.dtype == second.dtype == dtype
    assert np.array_equal(first, second)
    assert not first.flags.writeable
    assert not second.flags.writeable
    assert [p.name for p in store.iterdir()] == ["a-2.v1.table"]


def test_name_and_version_are_the_key(store: Path) -> None:
    for number, (name, version) in enumerate([("a", 1), ("a", 2), ("b", 1)]):
        assert tables.cached(name, version, Counted(np.array([number])))[0] == number


def test_every_damage_is_computed_again(store: Path) -> None:
    good = np.arange(5.0)
    tables.cached("a", 1, Counted(good))
    path = next(store.iterdir())
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[-1] ^= 1
    for damage in (b"", content[:10], content[:-1], content + b"x", bytes(flipped), b"junk" * 50):
        path.write_bytes(damage)
        compute = Counted(good)
        assert np.array_equal(tables.cached("a", 1, compute), good)
        assert compute.runs == 1
        assert path.read_bytes() == content


def test_works_without_a_writable_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    monkeypatch.setenv("EQUIBENCH_CACHE", str(blocked))
    compute = Counted(np.ones(3))
    for runs in (1, 2):
        assert np.array_equal(tables.cached("a", 1, compute), np.ones(3))
        assert compute.runs == runs


def test_a_failed_write_leaves_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(tables.os, "replace", fail)
    assert np.array_equal(tables.cached("a", 1, Counted(np.ones(3))), np.ones(3))
    assert list(store.iterdir()) == []


def test_errors_of_the_computation_pass_through(store: Path) -> None:
    def broken() -> np.ndarray:
        raise OSError("from compute")

    with pytest.raises(OSError, match="from compute"):
        tables.cached("a", 1, broken)
    with pytest.raises(ValueError, match="holds Python objects"):
        tables.cached("a", 1, Counted(np.array([object()])))


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".hidden", "a b"])
def test_bad_names(store: Path, name: str) -> None:
    with pytest.raises(ValueError, match="table name"):
        tables.cached(name, 1, Counted(np.ones(1)))


def test_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EQUIBENCH_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tables.directory() == tmp_path / ".cache" / "equibench"


def test_concurrent_processes(store: Path) -> None:
    """Four processes write and read the same table many times; each read is whole."""
    code = (
        "import sys, numpy as np; from impls.so3 import tables\n"
        "want = np.arange(50000.0)\n"
        "for k in range(40):\n"
        "    got = tables.cached('shared', k % 3, lambda: want.copy())\n"
        "    assert np.array_equal(got, want)\n"
        "    (tables.directory() / f'shared.v{k % 3}.table').unlink(missing_ok=True)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0, 0]
    assert not list(store.glob("*.tmp"))
