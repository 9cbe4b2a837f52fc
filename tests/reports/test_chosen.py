"""What is chosen by its times counts all that it was chosen from, wherever it is compared."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.verdict import verdicts
from impls.registry import load
from reports.data import blocks
from reports.data.blocks import Block, blocks_of, pairs_of
from reports.data.results import summarise
from reports.data.run import read
from reports.data.words import Words
from reports.tables import algorithms, growth, operation

REPORTS = Path(__file__).parents[2] / "reports"
WORDS = Words(load())
BASELINE = "clebsch_gordan.torch_e3nn"


@pytest.fixture
def block(writer: Any) -> Block:
    """Four of an operation in one framework, another, a failure, a baseline in two modes."""
    at = {"setting": "mimo", "symmetry": "o3", "lmax": 2, "channels": 1, "batch": 1000}
    for i in range(4):
        writer.case(f"gaunt.torch_{i}", at, time=1e-4 * (i + 1), rounds=5)
    writer.case("gaunt.jax_0", at, time=1e-4, rounds=5)
    writer.case("gaunt.torch_wrong", at, time=1e-9, error=0.5, rounds=5)
    for mode, time in (("eager", 3e-4), ("compile", 2e-4)):
        writer.case(BASELINE, at, time=time, mode=mode, rounds=5)
    (found,) = blocks_of(summarise(read(writer.directory).rows)[0])
    return found


@pytest.fixture
def seen(monkeypatch: Any) -> list[tuple[int, int]]:
    """Return how many comparisons each table that is made has, and of how many they are."""
    found: list[tuple[int, int]] = []

    def spy(comparisons: Any, among: int = 0) -> Any:
        found.append((len(comparisons), among))
        return verdicts(comparisons, among=among)

    monkeypatch.setattr(blocks, "verdicts", spy)
    return found


@pytest.mark.parametrize(
    ("make", "compared", "among"),
    [
        (lambda block: algorithms.table([block], WORDS), 4, 6 + 1),
        (lambda block: operation.implementations("gaunt", block, WORDS, None), 4, 10),
        (blocks.judged, 6, 6 + 5),
    ],
    ids=["rivals", "implementations", "baseline"],
)
def test_the_fastest_of_many_is_compared_as_one_of_many(
    block: Block,
    seen: list[tuple[int, int]],
    make: Callable[[Block], Any],
    compared: int,
    among: int,
) -> None:
    make(block)
    assert seen == [(compared, among)]


def test_who_overtakes_is_one_of_all_that_might(writer: Any, seen: list[tuple[int, int]]) -> None:
    for lmax in (1, 2, 3):
        at = {"setting": "mimo", "symmetry": "o3", "lmax": lmax, "channels": 1, "batch": 1000}
        for name, time in (("torch_a", 2e-4), ("torch_b", 1e-4 * lmax**2), ("torch_c", 1.0)):
            writer.case(f"gaunt.{name}", at, time=time, rounds=5)
    found = blocks_of(summarise(read(writer.directory).rows)[0])
    (row,) = growth.overtakings(found, load()).records
    assert (row["below"], row["above"]) == ("gaunt.torch_b", "gaunt.torch_a")
    assert seen == [(3, 9)]


def test_pairs_with_those_that_may_be_the_reference() -> None:
    assert [pairs_of(5, k) for k in range(6)] == [0, 4, 7, 9, 10, 10]


def test_only_pairs_that_a_reader_names_are_compared_as_they_come() -> None:
    """Whoever calls `compared` says of how many pairs its own were chosen."""
    silent = {
        file.relative_to(REPORTS).as_posix()
        for file in REPORTS.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "compared"
        and len(call.args) + len(call.keywords) < 2
    }
    assert silent == {"tables/ratio.py", "tables/comparison.py"}
