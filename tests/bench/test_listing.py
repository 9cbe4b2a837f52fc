"""Listings: the same rows as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json

from bench.commands.rendering import render

ROWS = [
    {"name": "a", "time": 1.23456789e-5, "papers": ["x", "y"], "right": True},
    {"name": "b, c", "time": None, "papers": [], "right": False, "note": 'say "so"'},
]


def test_json_is_the_data():
    assert json.loads(render(ROWS, "json")) == ROWS
    assert json.loads(render([], "json")) == []


def test_csv_has_every_column_and_plain_cells():
    first, second = csv.DictReader(io.StringIO(render(ROWS, "csv")))
    assert first == {
        "name": "a", "time": "1.23456789e-05", "papers": "x, y", "right": "True", "note": "",
    }  # fmt: skip
    assert second["name"] == "b, c" and second["time"] == "" and second["note"] == 'say "so"'


def test_tables_are_aligned_and_readable():
    assert render(ROWS, "table").splitlines() == [
        "name  time         papers  right  note",
        "----  -----------  ------  -----  --------",
        "a     1.23457e-05  x, y    yes    -",
        'b, c  -                    no     say "so"',
    ]


def test_tables_wrap_long_cells_where_asked_and_json_does_not():
    rows = [{"name": "a", "says": "one two three", "dim": [1, None]}, {"name": "b", "says": ""}]
    assert render(rows, "table", {"says": 8, "absent": 3}).splitlines() == [
        "name  says     dim",
        "----  -------  ----",
        "a     one two  1, -",
        "      three",
        "b              -",
    ]
    assert json.loads(render(rows, "json", {"says": 8})) == rows
    assert "one two three" in render(rows, "csv", {"says": 8})
    assert render([{"says": "a-word_that_is_long"}], "table", {"says": 3}).endswith("_is_long")


def test_nothing_to_list_is_fine():
    assert render([], "csv") == ""
    assert render([], "table").strip() == ""
