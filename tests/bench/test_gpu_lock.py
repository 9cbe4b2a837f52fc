"""The lock of a GPU: who measures holds it, and who comes later is told in one line."""

from __future__ import annotations

import tempfile

import pytest

from bench.drive import instrument, paired
from bench.drive.run import gpu_lock
from bench.record import gpu


@pytest.mark.parametrize(
    "words", [("compare", "."), ("calibrate", "--pairs", "1")], ids=["compare", "calibrate"]
)
def test_who_compares_waits_for_the_gpu(said, monkeypatch, tmp_path, words):
    """The lock is held by this process: `flock` is of open files, not of processes."""
    card = gpu.Card("H200", uuid="11111111-1111-1111-1111-111111111111")
    monkeypatch.setattr(gpu, "asked", lambda: {"torch": card})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(gpu.VISIBLE, f"GPU-{card.uuid}")
    monkeypatch.setenv(gpu.ORDER, "PCI_BUS_ID")
    monkeypatch.setattr(paired, "_round", lambda *arguments: pytest.fail("it measured"))
    monkeypatch.setattr(instrument, "peaks", lambda *arguments: pytest.fail("it measured"))
    with gpu_lock("cuda"):
        code, out, err = said(*words, "--device", "cuda", "--plain")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"another process measures on GPU GPU-{card.uuid}" in err
    assert list(tmp_path.glob("*.lock"))
