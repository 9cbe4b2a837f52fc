"""The schema of a row: what is documented is what is checked, and every row is so."""

from __future__ import annotations

import json
import re

import pytest

from bench.drive.run import execute
from bench.measuring import probes
from bench.record.rows import load, signed
from bench.record.schema import FORMER, JUDGED, SCHEMA, json_schema, lift, problem_of

PUBLISHED = ("epyc-2core", "h200")
IS = {
    "string": lambda x: isinstance(x, str),
    "boolean": lambda x: isinstance(x, bool),
    "integer": lambda x: isinstance(x, int) and not isinstance(x, bool),
    "number": lambda x: isinstance(x, int | float) and not isinstance(x, bool),
    "array": lambda x: isinstance(x, list),
    "object": lambda x: isinstance(x, dict),
    "null": lambda x: x is None,
}


def complaints(data, schema, where="row"):
    """Yield what is wrong by the part of JSON Schema that the schema of rows uses."""
    kinds = schema.get("type", [])
    if kinds and not any(IS[kind](data) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{where} is {data!r}, not {kinds}"
        return
    if "enum" in schema and data not in schema["enum"]:
        yield f"{where} is {data!r}, not one of {schema['enum']}"
    if isinstance(data, list) and "items" in schema:
        for number, item in enumerate(data):
            yield from complaints(item, schema["items"], f"{where}[{number}]")
    if isinstance(data, dict) and "properties" in schema:
        yield from (f"{where} has no {n!r}" for n in schema["required"] if n not in data)
        for name, item in data.items():
            parts = [schema["properties"][name]] if name in schema["properties"] else []
            parts += [s for p, s in schema["patternProperties"].items() if re.search(p, name)]
            if not parts and not schema["additionalProperties"]:
                yield f"{where} has {name!r}"
            for part in parts:
                yield from complaints(item, part, f"{where}.{name}")


@pytest.fixture(scope="module")
def schema(root):
    return json.loads((root / "docs" / "rows.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def root(hand):
    return hand.root


@pytest.fixture(scope="module")
def fresh(hand, registry, tmp_path_factory):
    """Return a small run with gates, times, expressivity and a refusal."""
    out = tmp_path_factory.mktemp("fresh")
    names = ("clebsch_gordan.numpy_dense", "gaunt.numpy_grid")
    cases = [hand.case(registry, name) for name in names]
    asked = (*probes.RUN, "expressivity", "symmetry", "interactability")
    execute(hand.plan(registry, cases, probes=asked), registry, out)
    return out


def test_the_documented_schema_is_that_of_the_reader(schema):
    assert schema == json_schema(), "python -m bench.record.schema > docs/rows.schema.json"


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_rows_are_verified_and_keep_to_the_schema(root, schema, name):
    rows = load(root / "reports" / "published" / name)
    assert len(rows) > 900 and {row["schema"] for row in rows} <= {SCHEMA, FORMER}
    assert [list(complaints(row, schema)) for row in rows] == [[]] * len(rows)
    assert any(row["passed"] for row in rows) and any(row["limit"] for row in rows)
    assert not any(set(row["detail"]) & set(JUDGED.values()) for row in rows)


def test_fresh_rows_keep_to_the_schema_as_they_are_written_and_read(fresh, schema):
    lines = (fresh / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    written = [json.loads(line) for line in lines]
    assert len(written) > 20 and [list(complaints(r, schema)) for r in written] == [[]] * len(lines)
    assert load(fresh) == written
    assert {row["schema"] for row in written} == {SCHEMA}


def test_what_a_probe_judged_is_in_columns_and_not_in_the_detail(fresh):
    rows = load(fresh)
    assert not any(set(row["detail"]) & set(JUDGED.values()) for row in rows)
    found = {row["probe"]: row for row in rows}
    assert found["error.fwd"]["passed"] and found["error.fwd"]["limit"] == 1e-10
    assert found["equiv.rotation"]["claimed"] is True
    assert found["expressivity.dim"]["expected"] == found["expressivity.dim"]["value"] == 5
    assert found["case"]["passed"] is None


BROKEN = {
    "a missing column": lambda row: row.pop("protocol"),
    "another type": lambda row: row.update(round="0"),
    "a truth for a number": lambda row: row.update(value=True),
    "an unknown status": lambda row: row.update(status="great"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_reader_and_document_refuse_the_same(fresh, schema, what):
    row = load(fresh)[0]
    assert problem_of(row) is None and not list(complaints(row, schema))
    BROKEN[what](row)
    assert problem_of(row) is not None and len(list(complaints(row, schema))) == 1


def test_the_document_is_stricter_about_what_is_inside(fresh, schema):
    row = load(fresh)[0]
    assert len(list(complaints({**row, "samples": [1.0, "x"]}, schema))) == 1
    assert len(list(complaints({**row, "colour": 1}, schema))) == 1
    assert len(list(complaints({**row, "facet.colour": [1]}, schema))) == 1


def test_what_cannot_be_lifted_is_left_for_the_check():
    row = {"schema": FORMER, "detail": 1}
    lift(row)
    assert row == {"schema": FORMER, "detail": 1}
    assert problem_of(signed(row)) is not None
