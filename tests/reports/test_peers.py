"""The fastest of each framework beside other packages: who is chosen, beside whom, how sure."""

from __future__ import annotations

import pytest

from impls.registry import load
from reports.data.blocks import blocks_of
from reports.data.results import summarise
from reports.data.run import read
from reports.data.words import Words
from reports.tables import peers

AT = {"setting": "mimo", "lmax": 2}


def records(directory):
    run, registry = read(directory), load()
    blocks = blocks_of(summarise(run.rows)[0])
    return peers.table(blocks, run.peaks, registry, Words(registry)).records


def test_the_fastest_here_is_beside_the_fastest_peer_and_its_own_next(writer):
    times = {"torch_kernel": 1e-5, "torch_dense": 3e-5, "jax_dense": 5e-5,
             "torch_e3nn": 9e-5, "jax_e3nn": 6e-5}  # fmt: skip
    for name, time in times.items():
        memory = {"mem.fresh.rss": (4096.0 if "e3nn" in name else 1024.0, "B")}
        writer.case(f"clebsch_gordan.{name}", AT, time=time, rounds=5, extra=memory)
    by = {r["framework"]: r for r in records(writer.directory)}
    assert {f: r["fastest"] for f, r in by.items()} == {
        "torch": "clebsch_gordan.torch_kernel",
        "jax": "clebsch_gordan.jax_dense",
    }
    assert {r["peer"] for r in by.values()} == {"clebsch_gordan.jax_e3nn"}
    assert by["torch"]["speed"] == pytest.approx(6.0) and by["torch"]["replicated"]
    assert by["jax"]["speed"] == pytest.approx(1.2)
    assert by["torch"]["next"] == "clebsch_gordan.torch_dense" and by["jax"]["next"] is None
    assert by["torch"]["memory peer"] == 4 * by["torch"]["memory"]


def test_what_is_slower_than_a_peer_says_so(writer):
    for name, time in (("torch_kernel", 3e-5), ("torch_e3nn", 1e-5)):
        writer.case(f"clebsch_gordan.{name}", AT, time=time, rounds=5)
    (found,) = records(writer.directory)
    assert found["verdict"] == "slower" and found["said"].startswith("3.0× slower")


def test_without_a_peer_there_is_no_line_and_a_wrong_one_is_none(writer):
    writer.case("gaunt.torch_kernel", AT, time=1e-5, rounds=5)
    writer.case("clebsch_gordan.torch_kernel", AT, time=1e-5, rounds=5)
    writer.case("clebsch_gordan.torch_e3nn", AT, time=1e-9, error=0.5, rounds=5)
    assert records(writer.directory) == []
