"""The ledger of claims: what papers say of operations, and verdicts that rows decide."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from bench.commands import question
from bench.commands.line import parser_of
from impls.registry import load
from reports.__main__ import main
from reports.data import bibliography, claims, ledger
from reports.data.claims import FOLDER, Claim, every, read
from reports.data.ledger import judged, sources
from tests.reports.conftest import Writer

ROOT = Path(__file__).resolve().parents[2]
PART_OF = {"uvv": "uvw", "uuw": "uvw", "uvuv": "uvw"}
"""Modes of one operation, claimed together."""
TYPED = re.compile(r"\b(confirmed|reproduced|holds|not measured)\b(?! here)", re.IGNORECASE)


def test_a_claim_is_whole_and_what_it_names_is_there():
    operations, references = load().operations, bibliography.read()
    for claim in every():
        assert all((claim.id, claim.claim, claim.setting, claim.value, claim.where))
        assert claim.paper in references and claim.operation in operations, claim.id
        for test in re.findall(r"tests/[\w/]+\.py", claim.evidence):
            assert (ROOT / test).is_file(), f"{claim.id} names {test}"


def test_no_verdict_is_typed():
    """What a file says of a claim is evidence beside rows, or why rows cannot decide it."""
    for claim in every():
        assert not TYPED.match(claim.evidence), claim.id
        if claim.not_testable.startswith("no run has rows"):
            assert re.search(r"tests/[\w/]+\.py", claim.evidence), claim.id


def test_ids_are_unique_and_every_operation_has_a_claim():
    assert len({claim.id for claim in every()}) == len(every())
    claimed = {claim.operation for claim in every()}
    assert {PART_OF.get(name, name) for name in load().operations} <= claimed


def test_each_command_that_decides_is_one_that_bench_takes():
    lines = dict.fromkeys(line for claim in every() for line in claim.measure)
    known = load()
    for line in lines:
        words = shlex.split(line)
        arguments, rest = parser_of(words).parse_known_args(words)
        question.refuse(rest, arguments)
        named = re.findall(r"--operation (\S+)", line)
        assert all(n == "all" or n in known.operations for n in named), line


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"probe": "x"}, "needs equals, at_least or at_most"),
        ({"at_most": 1.0}, "needs a probe"),
        ({"of": "speed", "at_least": 1.0}, "needs against"),
        ({"of": "ratio", "probe": "time.host", "against": "*", "at_most": 1.0}, "as a speed"),
        ({"of": "exponent", "probe": "x", "at_most": 1.0}, "needs by"),
        ({"probe": "x", "equals": "all"}, "'full'"),
    ],
)
def test_a_test_that_could_decide_nothing_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        claims.Test(**fields)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.toml").write_text('[[claim]]\nid = "x"\n')
    with pytest.raises(ValueError, match=r"a.toml, claim 'x'"):
        read(tmp_path)
    (tmp_path / "a.toml").write_text("[[claim]\n")
    with pytest.raises(ValueError, match=r"a.toml: "):
        read(tmp_path)


AT = {"setting": "mimo", "symmetry": "so3"}


def claim(**test):
    fields = dict.fromkeys(("id", "claim", "setting", "value", "where"), "x")
    tests = (claims.Test(**test),)
    return Claim(**fields, paper="xie2025", operation="gaunt", measure=("x",), test=tests)


def verdict(writer, **test):
    (found,) = judged([claim(**test)], sources([writer.directory]))
    return found


def dims(writer, values):
    for lmax, dim in values.items():
        writer.case("gaunt.torch_grid", {**AT, "lmax": lmax}, dim=(dim, dim), full=6)


DIMS = {"probe": "expressivity.dim", "select": AT, "by": "lmax", "equals": {"1": 5, "2": 9}}


def test_values_are_judged_place_by_place(writer):
    dims(writer, {1: 5, 2: 9, 3: 99})  # nothing is said of 3
    assert verdict(writer, **DIMS).kind == "reproduced"
    assert verdict(writer, **DIMS | {"equals": {"1": 5, "2": 8}}).kind == "reproduced in part"
    assert verdict(writer, **DIMS | {"equals": {"1": 4, "2": 8}}).kind == "not reproduced"
    found = verdict(writer, **DIMS | {"equals": {"1": 5, "4": 17}})
    assert found.kind == "reproduced in part"
    assert [(f.where, f.holds) for f in found.findings] == [
        ("mimo so3 L = 1", True),
        ("mimo so3 L = 4", None),
    ]
    assert verdict(writer, **DIMS | {"select": {"setting": "siso"}}).kind == "not decided"
    assert verdict(writer, probe="expressivity.dim", equals="full").kind == "not reproduced"


def test_one_that_disagrees_is_enough(writer):
    writer.case("gaunt.torch_a", error=1e-9)
    writer.case("gaunt.torch_b", error=1e-6)
    assert verdict(writer, probe="error.fwd", at_most=1e-5).kind == "reproduced"
    assert verdict(writer, probe="error.fwd", at_most=1e-8).kind == "not reproduced"


def test_growth_is_judged_by_its_interval(writer):
    for lmax in (4, 8, 16, 32):
        writer.case("gaunt.torch_a", {**AT, "lmax": lmax}, extra={"cost.flops": (lmax**4.0, "1")})
    growth = {"of": "exponent", "probe": "cost.flops", "by": "lmax"}
    assert verdict(writer, **growth, at_most=4.5).kind == "reproduced"
    assert verdict(writer, **growth, at_most=3.5).kind == "not reproduced"
    few = {**growth, "select": {"lmax": [4, 8]}}
    assert verdict(writer, **few, at_most=3.5).kind == "not decided"


SPEED = {"of": "speed", "against": "clebsch_gordan.*"}


def test_a_speed_counts_with_all_of_its_interval(writer):
    writer.case("gaunt.torch_a", AT, time=1e-4, rounds=5)
    writer.case("clebsch_gordan.torch_b", AT, time=3e-4, rounds=5)
    assert verdict(writer, **SPEED, at_least=2.0).kind == "reproduced"
    assert verdict(writer, **SPEED, at_least=4.0).kind == "not reproduced"
    (found,) = verdict(writer, **SPEED, at_least=2.0).findings
    assert "3.0× faster (≥ 3.0×)" in found.said and "A Processor, CPU" in found.where
    assert len(found.rows) == 2


def test_what_one_process_saw_may_not_carry_a_bound(writer):
    writer.case("gaunt.torch_a", AT, time=1e-4)
    writer.case("clebsch_gordan.torch_b", AT, time=2.04e-4)
    assert verdict(writer, **SPEED, at_least=2.0).kind == "not decided"


def test_times_of_two_machines_are_never_in_one_speed(tmp_path):
    first, second = Writer(tmp_path / "a"), Writer(tmp_path / "b")
    first.case("gaunt.torch_a", AT, time=1e-4, rounds=5)
    second.case("clebsch_gordan.torch_b", AT, time=3e-4, rounds=5)
    (found,) = judged([claim(**SPEED, at_least=2.0)], sources([tmp_path / "a", tmp_path / "b"]))
    assert found.kind == "not decided"


def test_a_time_that_is_wrong_decides_nothing(writer):
    writer.case("gaunt.torch_a", AT, time=1e-4, rounds=5, error=0.5)
    writer.case("clebsch_gordan.torch_b", AT, time=3e-4, rounds=5)
    assert verdict(writer, **SPEED, at_least=2.0).kind == "not decided"


def test_first_calls_stand_beside_a_speed(writer):
    for name, first in (("gaunt.torch_a", 4.0), ("clebsch_gordan.torch_b", 2.0)):
        writer.case(name, AT, rounds=5, extra={"time.first": (first, "s")})
    (found,) = verdict(writer, **SPEED, at_least=2.0).findings
    assert "by first calls alone 0.5" in found.said


def test_a_ratio_of_memory_and_what_was_refused(writer):
    for name, memory in (("gaunt.torch_a", 100.0), ("clebsch_gordan.torch_b", 1000.0)):
        writer.case(name, {**AT, "lmax": 2}, extra={"mem.fresh.rss": (memory, "B")})
    test = {"of": "ratio", "probe": "mem.fresh", "against": "clebsch_gordan.*"}
    assert verdict(writer, **test, at_most=0.2).kind == "reproduced"
    assert verdict(writer, **test, at_most=0.05).kind == "not reproduced"
    writer.case("gaunt.torch_a", {**AT, "lmax": 1}, status="skip", reason="its output is empty")
    found = verdict(writer, of="timed", by="lmax")
    assert found.kind == "reproduced in part"
    assert [f.said for f in found.findings] == ["no time: its output is empty", "timed"]


def test_the_command_judges_runs_and_says_what_would_decide(writer, tmp_path, capsys):
    dims(writer, {1: 5, 2: 9, 3: 13, 4: 17})
    command = ["claims", "xie2025-gaunt-*", "--run", str(writer.directory)]
    nowhere = ["--out", str(tmp_path / "none")]
    assert main([*command, *nowhere, "--format", "json"]) == 0
    rows = {row["claim"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["xie2025-gaunt-expressivity"]["verdict"] == "reproduced"
    undecided = rows["xie2025-gaunt-selection"]
    assert undecided["verdict"] == "reproduced in part"  # spans of a synthetic run: 5, 9, 13
    assert "python -m bench analyse expressivity --operation gaunt" in undecided["commands"][0]
    assert main(["claims", "nothing-like-this", *nowhere]) == 2
    assert "no claim has" in capsys.readouterr().err
    assert main(["claims", "--run", str(tmp_path / "none"), *nowhere]) == 2


def test_a_file_of_ones_own_decides_nothing(writer, tmp_path, capsys):
    dims(writer, {1: 5, 2: 9, 3: 13, 4: 17})
    writer.case("gaunt.torch_mine", {**AT, "lmax": 2}, dim=(1, 9))
    command = ["claims", "xie2025-gaunt-expressivity", "--run", str(writer.directory)]
    assert main([*command, "--out", str(tmp_path / "none"), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["verdict"] == "reproduced"


def test_rows_that_are_kept_give_the_same_verdicts(writer, tmp_path, capsys):
    dims(writer, {1: 5, 2: 9, 3: 13, 4: 17})
    writer.case("gaunt.torch_lebedev", {"setting": "siso", "lmax": 7})
    out = tmp_path / "kept"
    command = ["claims", "gaunt", "--format", "json", "--out", str(tmp_path / "none"), "--run"]
    assert main([*command, str(writer.directory), "--keep", str(out)]) == 0
    before = capsys.readouterr().out
    assert main([*command, str(out)]) == 0
    assert capsys.readouterr().out == before
    kept = (out / "run/rows.jsonl").read_text()
    assert "torch_lebedev" not in kept and "mem.peak" not in kept
    assert main([*command, str(writer.directory), "--keep", str(out)]) == 2


def test_rows_of_two_runs_of_one_name_are_both_kept(writer, tmp_path, capsys):
    dims(writer, {1: 5, 2: 9, 3: 13, 4: 17})
    shutil.copytree(writer.directory, tmp_path / "other" / writer.directory.name)
    out = tmp_path / "kept"
    command = ["claims", "gaunt", "--out", str(tmp_path / "none"), "--keep", str(out)]
    assert main([*command, "--run", str(writer.directory), "--run", str(tmp_path / "other")]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["run", "run-2"]


def test_measuring_runs_each_command_once_and_says_what_failed(monkeypatch, tmp_path, capsys):
    ran = []

    def run(command, **_):
        ran.append(command)
        return type("Ended", (), {"returncode": len(ran) - 1})()

    monkeypatch.setattr("reports.commands.claims.subprocess.run", run)
    out = tmp_path / "out"
    assert main(["claims", "xie2025-gaunt-*", "--measure", "--out", str(out)]) == 0
    assert len(ran) == 1 and ran[0][-3:] == ["--out", str(out), "--plain"]
    assert main(["claims", "uvu", "matrix", "--measure", "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "ended with exit code 1" in said and len({tuple(c) for c in ran}) == len(ran)


def test_what_is_checked_in_decides_and_the_page_tells_it(page):
    found = judged(every(), sources(ledger.runs_in([ledger.CHECKED_IN])))
    assert ledger.counts(found).get("reproduced", 0) > 10
    assert 'id="claims"' in page and "Claims of papers, judged by rows" in page
    assert FOLDER.is_dir()
