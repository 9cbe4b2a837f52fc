"""Rows of two protocols in one run: nothing is made of both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.__main__ import main
from bench.record.rows import load
from impls.registry import load as load_registry
from reports.data import expressivity, sets
from reports.data.blocks import blocks_of, judged
from reports.data.results import summarise
from reports.data.words import Words
from reports.figures.curves import figures_of
from reports.tables.growth import exponents, overtakings

SIZES = (1, 2, 3, 4)
BASELINE = "clebsch_gordan.torch_e3nn"

WORDS = Words(load_registry())


@pytest.fixture
def rows(writer: Any) -> list[Any]:
    """Return a run whose protocol was raised: the second is ten times faster, and half as wide."""
    for protocol, factor in (("p1", 1.0), ("p2", 0.1)):
        for lmax in SIZES[: 4 if protocol == "p1" else 2]:
            facets = {"setting": "mimo", "symmetry": "o3", "lmax": lmax, "channels": 1}
            for name, time in ((BASELINE, 2e-4), ("clebsch_gordan.torch_dense", 1e-4)):
                writer.case(name, facets, time=time * factor * lmax, protocol=protocol, rounds=2,
                            dim=(5 * lmax, 5 * lmax))  # fmt: skip
    return list(load(writer.directory))


def test_results_and_blocks_have_one_protocol(rows: list[Any]) -> None:
    results, superseded = summarise(rows)
    assert superseded == 0 and len(results) == 2 * (4 + 2)
    by_time = {(r.get("protocol"), r.get("lmax"), r.label): r.time for r in results}
    slow, fast = (by_time[protocol, 1, BASELINE] for protocol in ("p1", "p2"))
    assert slow and fast and slow / fast == pytest.approx(10)
    blocks = blocks_of(results)
    assert len(blocks) == 6
    for block in blocks:
        (protocol,) = {r.get("protocol") for r in block.results}
        assert len(block.results) == 2 and f", protocol {protocol}" in block.target
        assert [v.kind for v in judged(block).values()] == ["faster"]
    assert len({block.anchor for block in blocks}) == 6


def test_growth_is_of_one_protocol(rows: list[Any]) -> None:
    blocks = blocks_of(summarise(rows)[0])
    table = exponents(blocks, load_registry())
    found = [record for record in table.records if record["size"] == "lmax"]
    assert {record["sizes"] for record in found} == {4} and len(found) == 2
    assert all(record["exponent"] == pytest.approx(1.0, abs=1e-6) for record in found)
    assert not overtakings(blocks, load_registry()).records


def test_curves_and_expressivity_are_of_one_protocol(rows: list[Any]) -> None:
    results, known = summarise(rows)[0], sets.read()
    found = expressivity.collect(results, known.ignore)
    assert found.protocols == {"p1", "p2"} and len(found.found) == 6
    table = expressivity.table(found, known, WORDS)
    assert table is not None and [r["protocol"] for r in table.records].count("p2") == 2
    words = expressivity.sequence(found, "product", "clebsch_gordan", WORDS)
    assert len(words) == 2 and words[0].endswith(": 5, 10, 15, 20")
    spec = next(s for s in known.figures if s.x == "lmax" and s.y == "time")
    drawn = figures_of(spec, results, found, WORDS)
    points = sorted(len(c.points) for f in drawn for p in f.panels for c in p.curves)
    assert points and set(points) == {2, 4}


def test_one_protocol_is_not_named(rows: list[Any]) -> None:
    results, known = summarise([row for row in rows if row["protocol"] == "p1"])[0], sets.read()
    assert not any("protocol" in block.target for block in blocks_of(results))
    table = expressivity.table(expressivity.collect(results, known.ignore), known, WORDS)
    assert table is not None and not any("protocol" in record for record in table.records)


def test_status_counts_them_apart(writer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for protocol in ("p1", "p2", "p2"):
        writer.case(BASELINE, protocol=protocol)
    assert main(["status", str(writer.directory)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("p")] == [
        ["protocol", "status", "cases"], ["p1", "ok", "1"], ["p2", "ok", "2"],
    ]  # fmt: skip
    assert main(["status", str(writer.directory), "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["protocol"] for row in listed] == ["p1", "p2", "p2"]
