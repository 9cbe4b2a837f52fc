"""What tests of several folders share."""

import contextlib
import os

import pytest


def pytest_configure(config):
    """Keep JAX on the CPU, where its numbers are those of the machine, but for tests of a GPU."""
    if config.getoption("-m") != "gpu":
        os.environ["JAX_PLATFORMS"] = "cpu"


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
