"""Merging: the union of runs in any order, nothing else copied, nothing left behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.record.merging import merge
from bench.record.rows import Store, facts, latest, load, write_json
from tests.bench.test_rows import directory, ids, row

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
    assert merge(parts, here / "all").written == len(union)
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


def test_facts_that_were_changed_are_refused(tmp_path):
    source = directory(tmp_path / "in", row())
    name = Store(source).facts("machines", {"cpu": "x"})
    assert facts(source, "machines") == {name: {"cpu": "x"}} and facts(source, "environments") == {}
    file = source / "machines" / f"{name}.json"
    for text, said in (
        ('{"cpu": "y"}', "was changed after it was written"),
        ("{", ": not JSON"),
        ("[]", ": not an object of JSON"),
    ):
        file.write_text(text, encoding="utf-8")
        message = rf"{name}\.json:? ?{said.lstrip(': ')}.*; restore it or run `bench run` again"
        with pytest.raises(ValueError, match=message):
            facts(source, "machines")
        with pytest.raises(ValueError, match=message):
            merge([source], tmp_path / "out")
    file.write_text('{"cpu":"x"}', encoding="utf-8")
    assert facts(source, "machines") == {name: {"cpu": "x"}}
    assert os.listdir(tmp_path) == ["in"]


def test_a_changed_row_is_not_merged(tmp_path):
    good, bad = directory(tmp_path / "1", row("a")), directory(tmp_path / "2", row("b"))
    file = bad / "rows.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("0.5", "0.4", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"2/rows\.jsonl:1: the row was changed after"):
        merge([good, bad], tmp_path / "out")
    assert not (tmp_path / "out").exists()


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
    assert merge([source], tmp_path / "empty").written == 1


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

    monkeypatch.setattr(Path, "rename", disk_full)
    with pytest.raises(OSError, match="no space"):
        merge([good], tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == before
