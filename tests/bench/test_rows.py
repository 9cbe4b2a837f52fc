"""Rows: what is written is read back, nothing is lost, and what is damaged is named."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.record.rows import (
    FIXED,
    MAX_SAMPLES,
    SCHEMA,
    Reading,
    Row,
    Store,
    finished,
    frame,
    latest,
    load,
    merge,
    write_json,
)


def row(key="k", attempt="t1", probe="case", round=0, status="ok", machine="m", **detail):
    return Row(
        run="r",
        round=round,
        attempt=attempt,
        key=key,
        case={"case": f"case of {key}", "facet.lmax": 2},
        reading=Reading(probe, 0.5, 0.4, 0.6, 3, (0.4, 0.5, 0.6), detail),
        unit="s",
        status=status,
        quality={"load": 0.1},
        provenance={"machine": machine, "environment": "e", "commit": "c"},
    )


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
    assert set(FIXED) <= set(found)
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
        row(note=1),
    ]
    assert len({r.to_json()["id"] for r in [row(), *others]}) == 8


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
    return json.dumps({**GOOD, **fields})


DAMAGED = {
    "not JSON": ('{"schema": ', r"not JSON .*; move the line out"),
    "empty": ("", "not JSON .*; move the line out"),
    "binary": ("\x00\x01", "not JSON .*; move the line out"),
    "too deep": ("[" * 100_000, "not JSON .*; move the line out"),
    "a number": ("42", "not a row .*; move the line out"),
    "a list": ("[1, 2]", "not a row .*; move the line out"),
    "no schema": ('{"id": "x"}', "not a row .*; move the line out"),
    "foreign schema": (changed(schema="row/99"), r"schema 'row/99', but .* reads 'row/1'; use the"),
    "schema is no text": (changed(schema=["row/1"]), r"schema \['row/1'\], but"),
    "status": (changed(status="great"), "unknown status 'great'; known are ok, skip, .*; move"),
    "value": (changed(value="1 ms"), "field 'value' is not a number; move"),
    "boolean value": (changed(value=True), "field 'value' is not a number"),
    "interval": (changed(lo=[1]), "field 'lo' is not a number"),
    "boolean round": (changed(round=True), "field 'round' is missing or not int"),
} | {
    f"{name} of another type": (changed(**{name: None}), f"field '{name}' is missing or not")
    for name in FIXED
    if name != "schema"
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_line_is_named_with_a_remedy(tmp_path, what):
    line, message = DAMAGED[what]
    text = f"{json.dumps(GOOD)}\n{line}\n{json.dumps(GOOD)}\n"
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"rows\.jsonl:2: {message}"):
        load(tmp_path)


def test_each_missing_field_is_named(tmp_path):
    for name in FIXED:
        data = {k: v for k, v in GOOD.items() if k != name}
        (tmp_path / "rows.jsonl").write_text(json.dumps(data) + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"rows\.jsonl:1: "):
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
        row(attempt="t4", key="l"), row(attempt="t5"),
    )  # fmt: skip
    assert probes_of(rows) == [(t, "case") for t in ("t2", "t3", "t4", "t5")]


def test_a_skip_by_the_budget_is_no_end_and_hides_nothing():
    measured = flat(row(attempt="t1", probe="error"), row(attempt="t1"))
    skipped = flat(row(attempt="t2", status="skip", unfinished=True))
    assert probes_of(measured + skipped) == [("t1", "error"), ("t1", "case")]
    assert probes_of(skipped) == [("t2", "case")]
    assert finished(skipped, "m", "e") == set()
    assert finished(measured + skipped, "m", "e") == {("k", 0)}


def test_finished_is_asked_of_one_machine_and_environment():
    rows = flat(
        row("a"), row("a", round=1), row("b", status="wrong"), row("c", machine="n"),
        row("d", probe="time.host"),
    )  # fmt: skip
    assert finished(rows, "m", "e") == {("a", 0), ("a", 1), ("b", 0)}
    assert finished(rows, "n", "e") == {("c", 0)}
    assert finished(rows, "m", "other") == set()


def test_frame_has_one_line_a_row_and_one_column_a_field():
    tidy = frame(flat(row("a"), row("b"), row("c", probe="error")))
    assert list(tidy["key"]) == ["a", "b"]
    assert {"value", "facet.lmax", "machine"} <= set(tidy.columns)
    assert frame([]).empty


SLOTS = st.tuples(st.sampled_from("ab"), st.sampled_from(["t1", "t2"]), st.sampled_from([0, 1]))
RUNS = st.lists(st.lists(SLOTS, max_size=4), min_size=1, max_size=3)


@given(RUNS)
@settings(max_examples=25, deadline=None)
def test_merge_is_the_union_by_id_in_any_order_and_grouping(tmp_path_factory, runs):
    here = tmp_path_factory.mktemp("merge")
    parts = []
    for number, slots in enumerate(runs):
        rows = [row(key, attempt, round=round) for key, attempt, round in slots]
        parts.append(directory(here / f"in{number}", *rows))
    union = set().union(*(ids(part) for part in parts))
    assert merge(parts, here / "all") == len(union)
    assert ids(here / "all") == union
    merge(parts[::-1], here / "backwards")
    merge(parts + parts, here / "twice")
    merge([here / "all"], here / "again")
    merge(parts[:1], here / "first")
    merge([here / "first", *parts[1:]], here / "grouped")

    def seen(name):
        return {found["id"] for found in latest(load(here / name))}

    for name in ("backwards", "twice", "again", "grouped"):
        assert ids(here / name) == union
        assert len(load(here / name)) == len(union)
        assert seen(name) == seen("all")


def plan(path, *keys):
    write_json(path / "plan.json", {"profile": "p", "cases": [{"key": k} for k in keys]})


def test_merge_keeps_plans_and_facts(tmp_path):
    first, second = directory(tmp_path / "1", row("a")), directory(tmp_path / "2", row("b"))
    Store(first).facts("machines", {"cpu": "x"})
    Store(second).facts("machines", {"cpu": "y"})
    Store(second).facts("environments", {"python": "3"})
    plan(first, "a", "c")
    plan(second, "b", "c")
    merge([first, second], tmp_path / "out" / "deep")
    out = tmp_path / "out" / "deep"
    assert len(os.listdir(out / "machines")) == 2 and len(os.listdir(out / "environments")) == 1
    merged = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert [case["key"] for case in merged["cases"]] == ["a", "c", "b"]
    assert merged["profile"] == "p"
    assert os.listdir(tmp_path / "out") == ["deep"]


def test_merge_into_something_is_refused(tmp_path):
    source = directory(tmp_path / "in", row())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep", encoding="utf-8")
    (tmp_path / "file").write_text("keep", encoding="utf-8")
    for name in ("full", "file", "in"):
        with pytest.raises(ValueError, match="is not an empty directory; name a new one"):
            merge([source], tmp_path / name)
    assert (tmp_path / "full" / "mine.txt").read_text(encoding="utf-8") == "keep"
    (tmp_path / "empty").mkdir()
    assert merge([source], tmp_path / "empty") == 1


def test_nothing_is_left_when_an_input_is_bad(tmp_path, monkeypatch):
    good, bad = directory(tmp_path / "good", row()), tmp_path / "bad"
    bad.mkdir()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ValueError, match=r"bad holds no rows\.jsonl"):
        merge([good, bad], tmp_path / "out")
    (bad / "rows.jsonl").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: not JSON"):
        merge([good, bad], tmp_path / "out")
    (good / "machines").mkdir()

    def disk_full(*arguments, **options):
        raise OSError("no space left")

    monkeypatch.setattr(shutil, "copytree", disk_full)
    with pytest.raises(OSError, match="no space"):
        merge([good], tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == before
