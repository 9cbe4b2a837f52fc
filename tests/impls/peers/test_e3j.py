"""e3j on CUDA, where its kernel is needed. Values are those of the conformance tests."""

from __future__ import annotations

import importlib.util

from impls.families.product import problem
from impls.implementation import Target
from impls.products.clebsch_gordan.e3j import IMPLEMENTATION

ASKED = problem("mimo", 2, channels=3, batch=2, dtype="float32")


def test_without_its_kernel_cuda_is_refused_with_the_remedy(monkeypatch):
    assert IMPLEMENTATION.supports(ASKED, Target("cpu")) is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert IMPLEMENTATION.supports(ASKED, Target("cuda")).remedy == "pip install e3j-ops"
