"""The smallest case of each implementation, JSON files of what was counted before, pretend GPUs.

A box with pretend GPUs is used from outside (`box`) and in this process (`card`).
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.record.case import Case, refusal
from impls.implementation import MODES, Target
from impls.registry import load
from tests.conftest import pinned

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes/gpu"))
GOLDEN = Path(__file__).parents[1] / "golden"
ANEW = "If this is meant: EQUIBENCH_GOLDEN=write python -m pytest tests/gpu"
REGISTRY = load()
DTYPE = "float32"
"""What GPUs are asked for."""


@functools.cache
def cases_of(framework, device, passes=("fwd",)):
    """Return {id: case} of every implementation and pass, on the smallest example it answers."""
    found = {}
    for name in sorted(REGISTRY.implementations):
        implementation = REGISTRY.implementation(name)
        if implementation.framework != framework or left_out(implementation):
            continue
        smallest = _smallest(implementation, device)
        if smallest is None:
            continue
        for pass_ in passes:
            case = Case(smallest, name, pass_, MODES[framework][0], Target(device))
            if refusal(case, REGISTRY) is None:
                found[f"{name}/{pass_}"] = case
    return found


def left_out(implementation):
    """Return why nothing is counted: packages that are not here, or that not everybody has."""
    other = {name.partition(".")[0] for name in implementation.requires} - pinned()
    why = f"constraints.txt does not pin {', '.join(sorted(other))}" if other else ""
    return why or str(implementation.missing() or "")


def _smallest(implementation, device):
    """Return the answered example with the fewest numbers, of equals the first.

    None for code that does not run on the device, and says so by name.
    """
    operation = REGISTRY.operation(implementation.operation)
    family = REGISTRY.family(operation.family)
    mode, target = MODES[implementation.framework][0], Target(device)
    answered = [
        problem
        for problem in (replace(example, dtype=DTYPE) for example in family.examples)
        if refusal(Case(problem, implementation.full_name, "fwd", mode, target), REGISTRY) is None
    ]
    if not answered:
        refused = implementation.supports(replace(family.examples[0], dtype=DTYPE), target)
        named = refused is not None and device in refused.reason
        assert named, f"{implementation.full_name} answers no example on {device}"
        return None

    def numbers(problem):
        parts = family.inputs(problem), operation.weights(problem), operation.outputs(problem)
        return sum(math.prod(space.shape) for part in parts for space in part.values())

    return min(answered, key=numbers)


class Golden:
    """Counts by case in `tests/golden/<name>.json`, where they are not 0, and what counted them.

    With EQUIBENCH_GOLDEN=write in the environment, they are written and not compared.
    """

    def __init__(self, name, distribution):
        self.file, self.distribution = GOLDEN / f"{name}.json", distribution

    def differences(self, counts, known):
        """Return a line for each case whose count is another, and for each that is gone; a remedy.

        `known` are the implementations of the registry; of these, one that is not installed here
        is not compared. Skips under another version of the framework than counted them.
        """
        here = importlib.metadata.version(self.distribution).partition("+")[0]
        if os.environ.get("EQUIBENCH_GOLDEN") == "write":
            self._write(counts, known, here)
        golden = json.loads(self.file.read_text(encoding="utf-8"))
        if golden[self.distribution] != here:
            counted = f"{self.distribution} {golden[self.distribution]}"
            pytest.skip(f"{self.file.name} was counted with {counted}, here is {here}")
        before = golden["counts"]
        changed = [
            f"{case}: from {before.get(case, 0)} to {count}"
            for case, count in sorted(counts.items())
            if count != before.get(case, 0)
        ]
        gone = sorted(case for case in before if case.rpartition("/")[0] not in known)
        changed += [f"{case}: listed, and no such implementation is left" for case in gone]
        return [*changed, ANEW] if changed else []

    def _write(self, counts, known, here):
        """Write the counts, beside those of implementations that are not installed here."""
        before = json.loads(self.file.read_text(encoding="utf-8"))["counts"]
        absent = {case: n for case, n in before.items() if case.rpartition("/")[0] in known}
        kept = {case: n for case, n in sorted({**absent, **counts}.items()) if n}
        written = json.dumps({self.distribution: here, "counts": kept}, indent=1)
        self.file.write_text(written + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def registry():
    return REGISTRY


@pytest.fixture(scope="session")
def golden():
    return Golden


@pytest.fixture(scope="session")
def cases():
    return cases_of


@pytest.fixture
def box(tmp_path):
    from pretend_gpu.testing import Box

    return Box(tmp_path)


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory):
    """The same for tests that look at one run."""
    from pretend_gpu.testing import Box

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
