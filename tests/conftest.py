"""What tests of several folders share."""

import contextlib
import importlib.metadata
import os
import re
from collections import Counter
from pathlib import Path

import pytest

for _library in ("OMP", "OPENBLAS", "MKL"):  # the arrays of tests are small: threads would but wait
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")


QUICK_TO_COMPILE = "--xla_cpu_use_fusion_emitters=false"
"""Makes XLA compile in a third of the time; programs are then slower."""


def pytest_configure(config):
    """Keep JAX on the CPU, where its numbers are those of the machine, but for tests of a GPU."""
    if config.getoption("-m") == "gpu":
        return
    os.environ["JAX_PLATFORMS"] = "cpu"
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # without JAX
        if importlib.metadata.version("jaxlib") == versions()["jaxlib"]:  # others may not know it
            os.environ.setdefault("XLA_FLAGS", QUICK_TO_COMPILE)


def pytest_collection_modifyitems(items):
    """Begin with the files that have the most slow tests, so that none is left for the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def versions():
    """Return the versions that constraints.txt pins, by package."""
    text = (Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def pinned():
    """Return the modules that constraints.txt pins, as far as they are named as packages are."""
    return {name.lower().replace("-", "_") for name in versions()}


@contextlib.contextmanager
def _precision(framework, dtype):
    if framework != "jax":
        yield
        return
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        with jax.enable_x64(dtype == "float64"):
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="session")
def precision():
    """Let JAX have float64, and spend little on programs that run a dozen times."""
    return _precision
