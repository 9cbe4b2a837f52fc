"""What breaks a symmetry that its problem asks for is never the answer."""

from __future__ import annotations

from typing import Any

import pytest

from impls.registry import load
from reports.data import sets
from reports.data.blocks import Block, blocks_of
from reports.data.expressivity import Expressivity, collect
from reports.data.results import summarise
from reports.data.run import read
from reports.data.symmetry import asked, broken, keeping, words
from reports.data.words import Words
from reports.tables import growth, overview, trade

KEEPS = {"rotation": (2e-7, True), "inversion": (1e-8, True)}
BREAKS = {"rotation": (2e-7, True), "inversion": (0.79, False)}
WORDS = Words(load())
AT = {"setting": "mimo", "symmetry": "o3", "lmax": 2, "channels": 1, "batch": 1000}


def read_in(writer: Any) -> tuple[list[Block], Expressivity]:
    results, _ = summarise(read(writer.directory).rows)
    return blocks_of(results), collect(results, frozenset())


@pytest.fixture
def tempting(writer: Any) -> Any:
    """Write a case that is fastest, and breaks inversion."""
    writer.case("clebsch_gordan.torch_e3nn", AT, time=9e-4, groups=KEEPS, dim=(14, 14))
    writer.case("gaunt.torch_grid", AT, time=3e-4, groups=KEEPS, dim=(9, 9))
    writer.case("matrix.torch_dense", AT, time=1e-4, groups=BREAKS, dim=(14, 14))
    return writer


def test_the_fastest_that_breaks_a_symmetry_is_no_lowest_time_anywhere(tempting: Any) -> None:
    found, can = read_in(tempting)
    (block,) = found
    assert asked(block.results) == ("rotation", "inversion")
    assert [r.label for r in keeping(block.results)] == [
        "clebsch_gordan.torch_e3nn", "gaunt.torch_grid",
    ]  # fmt: skip
    table = overview.table(found, can, sets.read(), WORDS)
    (record,) = table.records
    assert record["lowest.implementation"] == "gaunt.torch_grid"
    assert record["most_expressive.implementation"] == "clebsch_gordan.torch_e3nn"
    assert record["breaks_symmetry"] == "matrix.torch_dense 104.0 µs: inversion"
    line = overview.verdict([("timed", 3)], found, can, WORDS)[-1]
    assert "Gaunt product (PyTorch, product grid, separable stages), 312 µs (9 dimensions)" in line
    assert "Matrix" not in line
    assert {r["implementation"] for r in trade.table(found, can, WORDS).records} == {
        "clebsch_gordan.torch_e3nn", "gaunt.torch_grid",
    }  # fmt: skip


def test_where_all_break_it_nobody_is_named(writer: Any) -> None:
    writer.case("matrix.torch_dense", AT, groups=BREAKS)
    found, can = read_in(writer)
    (record,) = overview.table(found, can, sets.read(), WORDS).records
    assert record["lowest.implementation"] is None
    assert record["breaks_symmetry"].startswith("matrix.torch_dense")
    assert "nothing keeps every symmetry" in overview.verdict([], found, can, WORDS)[-1]


def test_a_symmetry_that_is_not_claimed_and_holds_within_the_tolerance_is_kept(writer: Any) -> None:
    within = {"rotation": (2e-7, True), "inversion": (3e-7, False)}
    writer.case("gaunt.torch_grid", AT, groups=within)
    writer.case("gaunt.torch_unjudged", AT, groups={"rotation": (2e-7, True)})
    ((block,), _) = read_in(writer)
    gone = {r.label: broken(r, asked(block.results)) for r in block.results}
    assert gone == {"gaunt.torch_grid": (), "gaunt.torch_unjudged": ("inversion",)}
    assert words(("rotation", "circular_shift")) == "rotations and circular shift"


def test_who_expresses_most_only_because_another_was_not_timed_says_so(writer: Any) -> None:
    writer.case("gaunt.torch_grid", AT, groups=KEEPS, dim=(9, 9), full=14)
    found, can = read_in(writer)
    table = overview.table(found, can, sets.read(), WORDS)
    assert "of 14" in [cell.small for row in table.rows for cell in row]
    assert any("was not timed in this run" in note for note in table.notes)
    assert "(9 of 14 dimensions)" in overview.verdict([], found, can, WORDS)[-1]
    writer.case("clebsch_gordan.torch_e3nn", AT, time=1.0, groups=KEEPS, dim=(14, 14), full=14)
    found, can = read_in(writer)
    assert not overview.table(found, can, sets.read(), WORDS).notes


def test_what_overtakes_and_breaks_a_symmetry_says_so(writer: Any) -> None:
    for lmax, time in ((1, 4e-4), (2, 2e-4), (3, 1e-4)):
        at = {**AT, "lmax": lmax}
        writer.case("gaunt.torch_grid", at, time=2.5e-4, groups=KEEPS, rounds=4)
        writer.case("matrix.torch_dense", at, time=time, groups=BREAKS, rounds=4)
    found, _ = read_in(writer)
    (row,) = growth.overtakings(found, load()).rows
    texts = [cell.text for cell in row]
    assert "Matrix product (PyTorch, dense conversions), breaks inversion" in texts
    assert "Gaunt product (PyTorch, product grid, separable stages)" in texts
