"""`python -m reports ratio`: two implementations of a run, by problem."""

from __future__ import annotations

import json

import pytest

from impls.registry import load
from reports.__main__ import main
from reports.data.results import summarise
from reports.data.run import read
from reports.data.words import Words


@pytest.fixture
def run(writer):
    for lmax in (1, 2):
        at = {"setting": "mimo", "lmax": lmax}
        for name, time in (("torch_a", 2e-4), ("torch_b", 1e-4), ("torch_c", 1e-4)):
            writer.case(
                f"gaunt.{name}", at, time=lmax * time, rounds=5,
                extra={"mem.fresh.rss": (4096.0, "B")},
            )  # fmt: skip
    writer.case("gaunt.torch_wrong", at, time=1e-9, error=0.5, rounds=5)
    writer.case("matrix.torch_a", {"setting": "mimo", "lmax": 9}, time=1e-9)
    return writer.directory


def rows(run, capsys, *pairs):
    command = ["ratio", str(run), "--format", "json"]
    assert main([*command, *(word for pair in pairs for word in ("--pair", *pair))]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_problem_that_holds_both_has_a_row(run, capsys):
    pairs = [("gaunt.torch_a", "gaunt.torch_b"), ("gaunt.torch_b", "gaunt.torch_c")]
    found = rows(run, capsys, *pairs)
    assert [(row["a"], row["b"]) for row in found] == 2 * pairs
    for row in found:
        slower = row["a"] == "gaunt.torch_a"
        assert row["speed"] == pytest.approx(0.5 if slower else 1.0)
        assert row["said"] == ("2.0× slower (≥ 2.0×)" if slower else "same within 2 %")
        assert row["verdict"] == ("slower" if slower else "same")
        assert row["rounds"] == 5 and row["memory a"] == 4096.0 and row["reason"] == ""


def test_what_is_not_published_has_a_reason_and_no_ratio(run, capsys):
    (row,) = rows(run, capsys, ("gaunt.torch_wrong", "gaunt.torch_b"))
    assert row["speed"] is row["verdict"] is row["time a"] is None
    assert "error.fwd" in row["reason"]
    assert rows(run, capsys, ("gaunt.torch_a", "matrix.torch_a")) == []


def test_an_unknown_name_is_an_error_with_similar_ones(run, capsys):
    assert main(["ratio", str(run), "--pair", "gaunt.torch_a", "gaunt.torch_bb"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: the run has no 'gaunt.torch_bb'; similar: gaunt.torch_b")


def test_rows_of_arrays_drawn_otherwise_are_never_in_one_ratio(writer, capsys):
    """Old rows say no version of the draws: they are shown beside new ones, and apart."""
    at = {"setting": "mimo", "lmax": 1}
    writer.case("gaunt.torch_a", at, rounds=5)
    writer.case("gaunt.torch_b", at, rounds=5, draws=2)
    assert rows(writer.directory, capsys, ("gaunt.torch_a", "gaunt.torch_b")) == []
    writer.case("gaunt.torch_a", at, rounds=5, draws=2)
    (row,) = rows(writer.directory, capsys, ("gaunt.torch_a", "gaunt.torch_b"))
    assert row["speed"] == pytest.approx(1.0) and "as drawn in version 2" in row["target"]


def test_values_of_a_knob_are_told_apart(writer, capsys):
    """At its default an implementation has its name alone, elsewhere the knob with its value."""
    at = {"setting": "mimo", "lmax": 1}
    for knobs, time in (("", 2e-4), ("rank=3", 1e-4), ("rank=5", 4e-4)):
        writer.case("low_rank.torch_terms", at, time=time, rounds=5, knobs=knobs)
    names = "low_rank.torch_terms{rank=3}", "low_rank.torch_terms", "low_rank.torch_terms{rank=5}"
    found = rows(writer.directory, capsys, names[:2], names[1:])
    assert [(row["a"], row["b"], row["speed"]) for row in found] == [
        (*names[:2], pytest.approx(2.0)),
        (*names[1:], pytest.approx(2.0)),
    ]
    results, _ = summarise(read(writer.directory).rows)
    said = {Words(load()).implementation(r).rpartition(", ")[2] for r in results}
    assert {"rank 3", "rank 5"} < said
