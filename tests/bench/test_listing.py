"""Listings: the same rows as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json

from bench.listing import render

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


def test_nothing_to_list_is_fine():
    assert render([], "csv") == ""
    assert render([], "table").strip() == ""
