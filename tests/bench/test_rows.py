"""Rows: what is written is read back, nothing is lost, and what is damaged is named."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from bench.record.case import digest
from bench.record.merging import merge
from bench.record.rows import (
    MAX_SAMPLES,
    Reading,
    Row,
    Store,
    finished,
    frame,
    last,
    latest,
    line_of,
    load,
    signed,
)
from bench.record.schema import COLUMNS, FORMER, SCHEMA, RowRead

WORDS = ("problem", "family", "operation", "implementation", "framework", "dtype", "data", "pass",
         "mode", "device", "precision")  # fmt: skip
QUESTION = {**dict.fromkeys(WORDS, "x"), "seed": 0, "threads": 1}
REQUIRED = [name for name in COLUMNS if name in RowRead.__required_keys__]


def row(
    key="k", attempt="t1", probe="case", round=0, status="ok", machine="m", protocol="p", **detail
):
    return Row(
        run="r",
        round=round,
        attempt=attempt,
        key=key,
        case={"case": f"case of {key}", **QUESTION, "facet.lmax": 2},
        reading=Reading(probe, 0.5, 0.4, 0.6, 3, (0.4, 0.5, 0.6), detail),
        unit="s",
        status=status,
        quality={"load": 0.1},
        provenance={
            "machine": machine,
            "environment": "e",
            "protocol": protocol,
            "commit": "c",
            "dirty": False,
            "t0": "now",
        },
    )


def here(machine="m", environment="e", protocol="p"):
    return {"machine": machine, "environment": environment, "protocol": protocol}


def directory(path, *rows):
    Store(path).append(rows)
    return path


def ids(path):
    return {found["id"] for found in load(path)}


def test_a_row_comes_back_as_it_was_written(tmp_path):
    written = row(note="ü", nested={"list": (1, 2.5, None)})
    Store(tmp_path).append([written])
    (found,) = load(tmp_path)
    assert found == json.loads(json.dumps(written.to_json()))
    assert found["schema"] == SCHEMA
    assert set(REQUIRED) <= set(found)
    assert (found["value"], found["lo"], found["hi"]) == (0.5, 0.4, 0.6)
    assert found["detail"] == {"note": "ü", "nested": {"list": [1, 2.5, None]}}
    assert found["facet.lmax"] == 2 and found["machine"] == "m"


def test_the_id_is_a_hash_of_everything_else():
    assert row().to_json()["id"] == row().to_json()["id"]
    others = [
        row(key="other"),
        row(attempt="t2"),
        row(probe="error"),
        row(round=1),
        row(status="wrong"),
        row(machine="other"),
        row(protocol="other"),
        row(note=1),
    ]
    assert len({r.to_json()["id"] for r in [row(), *others]}) == 9


def test_samples_are_capped_and_what_json_lacks_is_null():
    data = Row(
        "r", 0, "t", "k", {}, Reading("p", float("nan"), float("-inf"), None, 300, [1.0] * 300),
        "1", "ok",
    ).to_json()  # fmt: skip
    assert len(data["samples"]) == MAX_SAMPLES and data["n"] == 300
    assert data["value"] is data["lo"] is data["hi"] is None
    detail = row(a=float("inf"), b=[float("nan"), 1.0], c={"d": float("nan")}, e=True).to_json()
    assert detail["detail"] == {"a": None, "b": [None, 1.0], "c": {"d": None}, "e": True}


def test_rows_are_only_ever_appended(tmp_path):
    Store(tmp_path).append([row("a")])
    before = (tmp_path / "rows.jsonl").read_bytes()
    Store(tmp_path).append([row("b"), row("c")])
    after = (tmp_path / "rows.jsonl").read_bytes()
    assert after.startswith(before)
    assert [found["key"] for found in load(tmp_path)] == ["a", "b", "c"]


def test_a_torn_last_line_is_left_out_with_a_warning(tmp_path):
    directory(tmp_path, row("a"))
    with (tmp_path / "rows.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"schema": "row/1", "id": "12')
    with pytest.warns(UserWarning, match=r"rows\.jsonl:2: torn last line left out \(29 char"):
        assert [found["key"] for found in load(tmp_path)] == ["a"]


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_a_torn_last_line_is_set_aside_and_nothing_is_lost(tmp_path, cut):
    directory(tmp_path, row("a"), row("b"))
    file = tmp_path / "rows.jsonl"
    whole = file.read_bytes()
    second = whole.index(b"\n") + 1
    end = second + cut if cut > 0 else len(whole) - 1
    file.write_bytes(whole[:end])
    Store(tmp_path).append([row("c")])
    assert [found["key"] for found in load(tmp_path)] == ["a", "c"]
    assert (tmp_path / "rows.torn").read_bytes() == whole[second:end] + b"\n"
    with file.open("ab") as stream:
        stream.write(b"\xff\xfe{")
    Store(tmp_path)
    assert (tmp_path / "rows.torn").read_bytes() == whole[second:end] + b"\n\xff\xfe{\n"


def test_facts_are_kept_under_their_fingerprint(tmp_path):
    store = Store(tmp_path)
    name = store.facts("machines", {"cpu": "x", "cores": 2})
    assert store.facts("machines", {"cores": 2, "cpu": "x"}) == name
    kept = tmp_path / "machines" / f"{name}.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == {"cpu": "x", "cores": 2}
    assert os.listdir(tmp_path / "machines") == [kept.name]


def test_a_directory_without_rows_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ValueError, match=r"holds no rows\.jsonl: name a directory made by"):
            load(path)


GOOD = row("good").to_json()


def changed(**fields):
    """Return a line that a writer with another idea of a row might have written."""
    return json.dumps(signed({**GOOD, **fields}))


DAMAGED = {
    "not JSON": ('{"schema": ', r"not JSON .*; move the line out"),
    "empty": ("", "not JSON .*; move the line out"),
    "binary": ("\x00\x01", "not JSON .*; move the line out"),
    "too deep": ("[" * 100_000, "nested too deeply; move the line out"),
    "a number": ("42", "not a row .*; move the line out"),
    "a list": ("[1, 2]", "not a row .*; move the line out"),
    "no schema": ('{"id": "x"}', "not a row .*; move the line out"),
    "foreign schema": (
        changed(schema="row/99"),
        r"schema 'row/99', but .* reads 'row/2' and 'row/1'; use",
    ),
    "schema is no text": (changed(schema=["row/2"]), r"schema \['row/2'\], but"),
    "status": (changed(status="great"), "unknown status 'great'; known are ok, skip, .*; move"),
    "value": (changed(value="1 ms"), "field 'value' is missing or not number or null; move"),
    "boolean value": (changed(value=True), "field 'value' is missing or not number"),
    "interval": (changed(lo=[1]), "field 'lo' is missing or not number or null; move"),
    "boolean round": (changed(round=True), "field 'round' is missing or not integer; move"),
    "draws": (changed(draws="2"), "field 'draws' is missing or not integer; move"),
    "number for a truth": (changed(passed=1), "field 'passed' is missing or not boolean or null"),
    "no number at all": (changed(limit="1e-5"), "field 'limit' is missing or not number or null"),
    "status by hand": (
        json.dumps({**GOOD, "status": "wrong"}),
        r"the row was changed after it was written \(its id '[0-9a-f]{16}' is not .*; restore the",
    ),
    "time by hand": (line_of(GOOD).strip().replace("0.5", "0.1"), "the row was changed after"),
    "another id": (line_of({**GOOD, "id": "0" * 16}).strip(), "the row was changed after"),
    "no id": (json.dumps({k: v for k, v in GOOD.items() if k != "id"}), "the row was changed"),
    "the id of a former row": (json.dumps({**GOOD, "schema": FORMER}), "the row was changed"),
} | {
    f"{name} of another type": (changed(**{name: {"a": 1}}), f"field '{name}' is missing or not")
    for name in REQUIRED
    if name not in ("id", "schema", "detail", "quality")
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_line_is_named_with_a_remedy(tmp_path, what):
    line, message = DAMAGED[what]
    text = f"{json.dumps(GOOD)}\n{line}\n{json.dumps(GOOD)}\n"
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"rows\.jsonl:2: {message}"):
        load(tmp_path)


def test_each_missing_field_is_named(tmp_path):
    for name in [name for name in REQUIRED if name not in ("id", "schema")]:
        data = signed({k: v for k, v in GOOD.items() if k != name})
        (tmp_path / "rows.jsonl").write_text(json.dumps(data) + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match=rf"rows\.jsonl:1: field '{name}' is missing"):
            load(tmp_path)


def test_a_row_is_verified_by_what_it_says_and_not_by_how_it_is_written(tmp_path):
    Store(tmp_path).append([row(note="ü", nested={3: [1e-7, 1e22, None]}, many=list(range(9)))])
    (line,) = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    (found,) = load(tmp_path)
    for text in (json.dumps(found), json.dumps(found, ensure_ascii=False)):
        assert text != line
        (tmp_path / "rows.jsonl").write_text(text + "\n", encoding="utf-8")
        assert load(tmp_path) == [found]


def test_the_order_of_columns_is_part_of_a_row(tmp_path):
    columns = {"facet.lmax": 2, "facet.batch": 10}
    Store(tmp_path).append([replace(row(), case={**row().case, **columns})])
    (found,) = load(tmp_path)
    assert [name for name in found if name.startswith("facet.")] == list(columns)
    text = json.dumps(found, sort_keys=True)
    (tmp_path / "rows.jsonl").write_text(text + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: the row was changed after"):
        load(tmp_path)


def former(**detail):
    """Return a row as the schema before had it."""
    left = ("id", *JUDGED)
    rest = {k: v for k, v in row().to_json().items() if k not in left}
    rest |= {"schema": FORMER, "detail": detail}
    return {"id": digest(rest), **rest}


JUDGED = ("passed", "limit", "claimed", "expected")


@pytest.mark.parametrize(
    ("before", "columns", "after"),
    [
        ({}, (None, None, None, None), {}),
        (
            {"passed": False, "tolerance": 1e-5, "claimed": True, "max_abs": 0.1},
            (False, 1e-5, True, None),
            {"max_abs": 0.1},
        ),
        ({"expected": 30, "passed": True, "gap": 9.0}, (True, None, None, 30), {"gap": 9.0}),
        ({"expected": None, "tolerance": None}, (None, None, None, None), {}),
        ({"expected": False, "passed": True}, (True, None, None, None), {"derived": False}),
    ],
)
def test_a_former_row_has_the_columns_of_this_schema(tmp_path, before, columns, after):
    line = json.dumps(former(**before))
    (tmp_path / "rows.jsonl").write_text(line + "\n", encoding="utf-8")
    (found,) = load(tmp_path)
    assert tuple(found[name] for name in JUDGED) == columns and found["detail"] == after
    assert (found["schema"], found["id"]) == (FORMER, json.loads(line)["id"])
    merge([tmp_path], tmp_path / "out")
    assert (tmp_path / "out" / "rows.jsonl").read_text(encoding="utf-8") == line + "\n"
    assert load(tmp_path / "out") == [found]


def test_a_former_row_of_the_wrong_type_is_named(tmp_path):
    line = json.dumps(former(passed="yes"))
    (tmp_path / "rows.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: field 'passed' is missing or not bool"):
        load(tmp_path)


def test_undecodable_bytes_are_named(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: not JSON"):
        load(tmp_path)


def probes_of(rows):
    return [(found["attempt"], found["probe"]) for found in latest(rows)]


def flat(*rows):
    return [found.to_json() for found in rows]


def test_only_the_last_finished_attempt_counts():
    first = flat(row(attempt="t1", probe="error"), row(attempt="t1"))
    second = flat(row(attempt="t2", probe="error"), row(attempt="t2", status="crash"))
    cut_off = flat(row(attempt="t3", probe="error"), row(attempt="t3", probe="time.host"))
    expected = [("t2", "error"), ("t2", "case")]
    assert probes_of(first + second + cut_off) == expected
    assert probes_of(cut_off + second + first) == expected
    assert probes_of(cut_off) == []


def test_attempts_are_kept_apart_by_round_machine_and_key():
    rows = flat(
        row(attempt="t1"), row(attempt="t2", round=1), row(attempt="t3", machine="n"),
        row(attempt="t4", key="l"), row(attempt="t5"), row(attempt="t0", protocol="q"),
    )  # fmt: skip
    assert probes_of(rows) == [(t, "case") for t in ("t2", "t3", "t4", "t5", "t0")]


def test_a_skip_by_the_budget_is_no_end_and_hides_nothing():
    measured = flat(row(attempt="t1", probe="error"), row(attempt="t1"))
    skipped = flat(row(attempt="t2", status="skip", unfinished=True))
    assert probes_of(measured + skipped) == [("t1", "error"), ("t1", "case")]
    assert probes_of(skipped) == [("t2", "case")]
    assert finished(skipped, here()) == set()
    assert finished(measured + skipped, here()) == {("k", 0)}


def test_finished_is_asked_of_one_machine_environment_and_protocol():
    rows = flat(
        row("a"), row("a", round=1), row("b", status="wrong"), row("c", machine="n"),
        row("d", probe="time.host"), row("f", protocol="q"), row("a", "t9", protocol="q"),
    )  # fmt: skip
    assert finished(rows, here()) == {("a", 0), ("a", 1), ("b", 0)}
    assert finished(rows, here(machine="n")) == {("c", 0)}
    assert finished(rows, here(environment="other")) == set()
    assert finished(rows, here(protocol="q")) == {("f", 0), ("a", 0)}
    assert last(rows, here())["a", 0]["attempt"] == "t1"


def test_frame_has_one_line_a_row_and_one_column_a_field():
    tidy = frame(flat(row("a"), row("b"), row("c", probe="error")))
    assert list(tidy["key"]) == ["a", "b"]
    assert {"value", "facet.lmax", "machine"} <= set(tidy.columns)
    assert frame([]).empty
