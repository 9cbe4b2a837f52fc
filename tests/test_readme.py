"""The tables in prose are those of their data, and say that nothing here is slower than a peer."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from impls.registry import load
from reports.data import sets
from reports.data.claims import every
from reports.data.run import read
from reports.story import Story
from reports.tables import peers

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import readme  # noqa: E402

pytestmark = pytest.mark.slow


def test_the_tables_are_those_of_their_data(capsys):
    """After new rows, operations or claims: `python tools/readme.py`."""
    assert readme.main(["--check"]) == 0, capsys.readouterr().err


def test_every_part_of_a_system_has_a_line_and_all_its_claims_are_counted():
    """A new operation is there by being in the registry; products are not parts of one system."""
    registry = load(())
    lines = [line.split(" | ") for line in readme.systems(registry).splitlines() if "`" in line]
    named = [name.strip("`") for line in lines for name in line[1].split(", ")]
    assert len(named) == len(set(named))
    missing = set(registry.operations) - set(named)
    assert {"egnn_layer", "escn", "grid_mlp", "frame_sampling"} <= set(named)
    assert {"clebsch_gordan", "gaunt", "symmetric_contraction"} <= missing
    assert not any(name.endswith("_layer") for name in missing)
    folders = [{name.strip("`") for name in line[1].split(", ")} for line in lines]
    assert {"escn", "escn_o3"} in folders and {"grid_nonlinearity"} in folders
    for line in lines:
        counts = [
            int(cell) for cell in " | ".join(line[4:]).rstrip(" |").split(" | ") if cell != "–"
        ]
        operations = [name.strip("`") for name in line[1].split(", ")]
        assert sum(counts) == sum(c.operation in operations for c in every()), line[0]


def test_a_table_that_differs_is_said_and_not_written(tmp_path, capsys, monkeypatch):
    file = tmp_path / "a.md"
    file.write_text("before <b> old <e> after")
    place = readme.Place(file, "<b>", "<e>", lambda: " new ")
    monkeypatch.setattr(readme, "PLACES", (place,))
    assert readme.main(["--check"]) == 1 and "a.md" in capsys.readouterr().err
    assert "old" in file.read_text()
    assert readme.main([]) == 0 and file.read_text() == "before <b> new <e> after"
    assert readme.main(["--check"]) == 0
    file.write_text("no place")
    with pytest.raises(SystemExit, match="no place for the table"):
        readme.main([])


def test_in_each_cell_something_here_is_not_slower_than_any_peer():
    cells, registry = defaultdict(list), load()
    for run in map(read, readme.RUNS):
        story = Story(run, registry, sets.read(()))
        for record in peers.table(story.blocks, run.peaks, registry, story.words).records:
            cells[record["problem"], record["target"], record["operation"]].append(record)
    assert len(cells) >= 20
    for cell, found in cells.items():
        best = min(found, key=lambda record: record["time"])
        assert best["verdict"] != "slower", (cell, best["fastest"], best["said"])
