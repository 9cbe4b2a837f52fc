"""A box with pretend GPUs, from outside (`box`) and in this process (`card`)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes/gpu"))

from pretend_gpu.testing import Box


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path)


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory):
    """The same for tests that look at one run."""
    return Box(tmp_path_factory.mktemp("box"))


@pytest.fixture
def card(monkeypatch):
    """Put a pretend card into this process: `card(**settings)` returns its device.

    The queue holds 1024 launches of 5 us, as a real one does, and no wait takes real time.
    """
    from pretend_gpu import device, tensors, torch_cuda
    from pretend_gpu.settings import Settings

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device, "_sleep", lambda seconds: None)
    entered = []

    def install(**settings):
        chosen = Settings(**{"launch": 5e-6, "kernel": 2e-6, **settings})
        made = torch_cuda.install(chosen, device.Clock(), monkeypatch.setattr)
        entered.append(tensors.STATE[0])
        return made

    yield install
    for mode in reversed(entered):
        mode.__exit__(None, None, None)
    device.DEVICES.clear()
