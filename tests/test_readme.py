"""The table of the README is that of its rows, and says that nothing here is slower than a peer."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from impls.registry import load
from reports.data import sets
from reports.data.run import read
from reports.story import Story
from reports.tables import peers

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import readme  # noqa: E402

pytestmark = pytest.mark.slow


def test_the_table_is_that_of_its_rows(capsys):
    """After new rows: `python tools/readme.py`."""
    assert readme.main(["--check"]) == 0


def test_in_each_cell_something_here_is_not_slower_than_any_peer():
    run = read(ROOT / readme.RUN)
    story = Story(run, load(), sets.read(()))
    cells = defaultdict(list)
    for record in peers.table(story.blocks, run.peaks, story.registry, story.words).records:
        cells[record["problem"], record["target"], record["operation"]].append(record)
    assert len(cells) >= 20
    for cell, found in cells.items():
        best = min(found, key=lambda record: record["time"])
        assert best["verdict"] != "slower", (cell, best["fastest"], best["said"])
