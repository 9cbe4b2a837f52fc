from pathlib import Path

import numpy as np
import pytest

from analysis import simulation

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
TRIALS = 60


def cells(table):
    """Return {(label, .., column): numbers} of a Markdown table."""
    header, _, *rows = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()
    ]
    labels = 1 + (header[1] == "interval")
    return {
        (*row[:labels], column): np.array([float(part) for part in cell.split("/")]) / 100
        for row in rows
        for column, cell in zip(header[labels:], row[labels:], strict=True)
    }


def published(first):
    text = PAGE.read_text(encoding="utf-8")
    found = [part for part in text.split("\n\n") if part.startswith(f"| {first} |")]
    assert len(found) == 1
    return cells(found[0])


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("times", simulation.coverage_table),
        ("one process", simulation.series_table),
        ("ratios", simulation.ratio_table),
        ("verdicts", simulation.verdict_table),
        ("rounds scatter by", simulation.looks_table),
    ],
)
def test_the_page_shows_what_the_code_gives(name, table, monkeypatch):
    monkeypatch.setattr(simulation, "DRAWS", 500)
    page, again = published(name), cells(table(TRIALS))
    assert page.keys() == again.keys()
    for key, rates in page.items():
        trials = TRIALS / 4 if "hierarchical bootstrap" in key else TRIALS
        error = np.sqrt(np.clip(rates * (1 - rates), 0.01, None) / trials)
        assert np.all(np.abs(rates - again[key]) <= 4.5 * error), key


def test_the_page_keeps_what_it_promises():
    times = published("times")
    for name in simulation.MODELS:
        for rounds in (2, 3, 5, 7, 10):
            covered = times[name, "Student, processes", f"R = {rounds}"][0]
            alike = "bimodal" in name and 2 * 0.5**rounds
            assert covered > 0.93 - alike - (0.02 if alike else 0.0)
    false_and_found = published("verdicts")
    for (name, design), (faster, slower, found) in false_and_found.items():
        assert faster + slower <= 0.01, (name, design)
        if design == "10 × 31" or (design[0] == "7" and "bimodal" not in name):
            assert found >= 0.95, (name, design)
        if design == "5 × 31" and "bimodal" not in name:
            assert found >= 0.95, (name, design)
    for (scatter, rounds), (ever,) in published("rounds scatter by").items():
        assert ever <= (0.025 if scatter == "30 %" else 0.01), (scatter, rounds)


@pytest.mark.parametrize("name", simulation.MODELS)
def test_models_have_the_truth_one(name):
    a, b = simulation.MODELS[name](np.random.default_rng(0), (2000, 1, 11))
    for log in (a, b, a - b):
        medians = np.median(log, axis=-1)
        assert abs(np.mean(medians)) < 4 * np.std(medians) / np.sqrt(2000)


def test_models_have_the_memory_they_name():
    x, _ = simulation.autocorrelated(0.9)(np.random.default_rng(0), (4000, 31))
    assert np.std(x) == pytest.approx(0.01, rel=0.03)
    assert np.mean(x[:, 1:] * x[:, :-1]) / np.mean(x * x) == pytest.approx(0.9, abs=0.01)
    a, b = simulation.drifting(np.random.default_rng(0), (500, 3, 31))
    assert np.std(a - b) == pytest.approx(0.01 * np.sqrt(2), rel=0.05)
    assert np.std(np.median(a, axis=-1)) == pytest.approx(0.05, rel=0.1)
