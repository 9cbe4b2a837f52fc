"""Which releases of compilers are known to be slow, and on what."""

from __future__ import annotations

import pytest

from bench.record.regressions import REGRESSIONS, _release, flags, known

FLAG = {"XLA_FLAGS": "--xla_backend_extra_options=-nvptx-allow-ftz-atomics"}


@pytest.mark.parametrize(
    "version, slow",
    [
        ("0.10.1", False),
        ("0.10.2", True),
        ("0.10.2.dev20260610", True),
        ("0.10.10", True),
        ("0.11", True),
        ("0.11.0", True),
        ("0.11.1", False),
        ("0.11.2", False),
        ("0.9.2", False),
        ("1.0.0", False),
        ("not installed", False),
    ],
)
def test_scatters_are_slow_in_two_releases_on_cuda(version, slow):
    packages = {"jaxlib": version}
    scatters = [r for r in known(packages, "cuda") if "scatter-add" in r.slows]
    assert bool(scatters) == slow
    assert flags(packages, "cuda") == (FLAG if slow else {})
    assert known(packages, "cpu") == () and flags(packages, "cpu") == {}


def test_what_is_not_installed_is_not_slow():
    assert known({}, "cuda") == ()
    assert known({"jaxlib": "not installed", "torch": "2.13.0"}, "cuda") == ()


@pytest.mark.parametrize(
    "jax, jaxlib, slowed",
    [
        ("0.9.1", "0.9.1", []),
        ("0.10.1", "0.10.1", ["segment_sum under vmap", "irfft2"]),
        ("0.10.2", "0.10.2", ["float32 scatter-add", "segment_sum under vmap", "irfft2"]),
        ("0.11.2", "0.11.2", ["segment_sum under vmap"]),
    ],
)
def test_what_is_slow_in_a_release(jax, jaxlib, slowed):
    found = known({"jax": jax, "jaxlib": jaxlib}, "cuda")
    assert len(found) == len(slowed)
    assert all(r.slows.startswith(text) for r, text in zip(found, slowed, strict=True))


def test_the_table_says_what_and_where():
    for regression in REGRESSIONS:
        assert regression.device in ("cpu", "cuda")
        assert _release(regression.first)
        if regression.last is not None:
            assert _release(regression.first) <= _release(regression.last)
            assert regression.holds(regression.last)
        assert regression.holds(regression.first)
        assert regression.slows and regression.sources
        assert all(source.startswith("https://") for source in regression.sources)
