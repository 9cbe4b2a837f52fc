"""Every PyTorch implementation asks for as many kernels per call as it did before.

Below about ten microseconds of work a call on a GPU lasts as long as Python takes to launch its
kernels, so that their number is its time. Counted are the aten operations of a pass that are no
views and write something: on CUDA each is a launch, or some. What was counted is in
`tests/golden/launches.json`, under
the versions of constraints.txt, and is written anew by

    EQUIBENCH_GOLDEN=write python -m pytest tests/gpu/test_launches.py
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.measuring.built_case import build
from impls.implementation import Built
from impls.registry import load

PASSES = ("fwd", "grad")
FREE = {
    f"aten::{name}"
    for name in ("_unsafe_view", "empty", "empty_like", "empty_strided", "new_empty")
}
"""Operations that are no views, and launch nothing."""


class Launches(TorchDispatchMode):
    """Counts operations that are no views and not free."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += not (func.is_view or func._schema.name in FREE)
        return func(*args, **(kwargs or {}))


def launches(case, registry):
    """Return the launches of one call of a case, the first having been made."""
    built = build(case, registry)
    built.run()
    with Launches() as counter:
        built.run()
    return counter.count


@pytest.mark.slow
def test_launches_are_as_many_as_before(cases, registry, golden):
    found = cases("torch", "cpu", PASSES)
    counts = {name: launches(case, registry) for name, case in found.items()}
    assert len(counts) > 100
    changed = golden("launches", "torch").differences(counts, set(registry.implementations))
    assert not changed, "launches per call:\n" + "\n".join(changed)


def test_what_launches_and_what_does_not():
    x = torch.ones(4, 3)
    for calls, expected in (
        (lambda: x.reshape(3, 4)[1:].T.unsqueeze(0).expand(2, 4, 2).detach(), 0),
        (lambda: torch.empty(3), 0),
        (lambda: x + 1, 1),
        (lambda: x.T.contiguous(), 1),
        (lambda: x.T.reshape(12), 1),
        (lambda: torch.einsum("ij,ik->jk", x, x), 1),
        (lambda: torch.zeros(3), 1),
    ):
        with Launches() as counter:
            calls()
        assert counter.count == expected


def test_a_planted_launch_is_named_with_both_counts(cases, golden, monkeypatch):
    monkeypatch.delenv("EQUIBENCH_GOLDEN", raising=False)
    registry = load()
    name = "clebsch_gordan.torch_dense"
    honest = registry.implementation(name)

    def slow(problem, target, options):
        built = honest.build(problem, target, options)
        return Built(lambda inputs, w: built.call({**inputs, "x": inputs["x"] * 1}, w))

    registry.implementations[name] = replace(honest, build=slow)
    counts = {
        f"{name}/{pass_}": launches(cases("torch", "cpu", PASSES)[f"{name}/{pass_}"], registry)
        for pass_ in PASSES
    }
    lines = golden("launches", "torch").differences(counts, set(registry.implementations))
    assert lines[:-1] == [
        f"{name}/{pass_}: from {counts[f'{name}/{pass_}'] - more} to {counts[f'{name}/{pass_}']}"
        for pass_, more in (("fwd", 1), ("grad", 2))
    ]


def test_what_is_listed_and_gone_is_named(golden, tmp_path, monkeypatch):
    monkeypatch.delenv("EQUIBENCH_GOLDEN", raising=False)
    gone = golden("launches", "torch")
    listed = json.loads(gone.file.read_text(encoding="utf-8"))
    gone.file = tmp_path / "gone.json"
    for counts, expected in (
        ({"nothing.torch_gone/fwd": 3, "gaunt.torch_grid/fwd": 4}, 1),
        ({"gaunt.torch_grid/fwd": 4}, 0),
    ):
        gone.file.write_text(json.dumps({**listed, "counts": counts}), encoding="utf-8")
        lines = gone.differences({}, {"gaunt.torch_grid"})
        assert len(lines[:-1]) == expected
        assert all("nothing.torch_gone" in line for line in lines[:-1])


def test_counts_are_written_beside_those_of_what_is_not_installed(golden, tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIBENCH_GOLDEN", "write")
    mine = golden("launches", "torch")
    listed = json.loads(mine.file.read_text(encoding="utf-8"))
    before = {"a.torch_gone/fwd": 2, "a.torch_absent/fwd": 3, "a.torch_here/fwd": 4}
    mine.file = tmp_path / "mine.json"
    mine.file.write_text(json.dumps({**listed, "counts": before}), encoding="utf-8")
    known = {"a.torch_absent", "a.torch_here"}
    assert mine.differences({"a.torch_here/fwd": 5, "a.torch_here/grad": 0}, known) == []
    written = json.loads(mine.file.read_text(encoding="utf-8"))
    assert written["counts"] == {"a.torch_absent/fwd": 3, "a.torch_here/fwd": 5}
    assert written["torch"] == torch.__version__.partition("+")[0]


def test_counts_of_another_version_are_not_compared(golden, tmp_path, monkeypatch):
    monkeypatch.delenv("EQUIBENCH_GOLDEN", raising=False)
    old = golden("launches", "torch")
    old.file = tmp_path / "old.json"
    old.file.write_text('{"torch": "1.0.0", "counts": {}}', encoding="utf-8")
    with pytest.raises(pytest.skip.Exception, match=r"counted with torch 1\.0\.0"):
        old.differences({}, set())
