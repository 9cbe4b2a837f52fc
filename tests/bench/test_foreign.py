"""Files that others wrote or changed: each command says one line that names the file, and ends."""

from __future__ import annotations

import errno
import json
import os

import pytest

from bench.__main__ import main as bench
from bench.commands import exit_codes
from bench.commands.rendering import render
from bench.drive.run import execute
from bench.record import foreign
from bench.record.merging import merge
from bench.record.rows import FINISHED, Store, line_of, load, signed, write_json
from reports.__main__ import main as reports

DEEP = "[" * 900 + "]" * 900
LARGE = "1" + "0" * 400
FOREIGN = {
    "nothing": "",
    "half": '{"cases": [',
    "not an object": "[]",
    "nan": '{"cases": NaN}',
    "infinite": '{"cases": 1e999}',
    "many digits": f'{{"cases": {LARGE * 20}}}',
    "deep": f'{{"cases": {DEEP}}}',
    "another shape": '{"cases": {"key": 1}}',
    "a case that is none": '{"cases": [5]}',
    "a key that is none": '{"cases": [{"key": 5}]}',
    "commands that are none": '{"cases": [], "commands": [1]}',
    "no text": b"\xff\xfe\x00",
}


@pytest.fixture(scope="module")
def measured(hand, registry, tmp_path_factory):
    """A run of one case."""
    out = tmp_path_factory.mktemp("foreign") / "run"
    execute(hand.plan(registry, [hand.case(registry, "clebsch_gordan.numpy_dense")]), registry, out)
    return out


@pytest.fixture
def run(measured, tmp_path):
    """A copy of it."""
    merge([measured], tmp_path / "run")
    return tmp_path / "run"


def one_line(capsys, line, *words):
    """Return what a command says that ends in bad input, in one line."""
    assert line([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1, said
    return said


def write(file, text):
    file.unlink(missing_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize("name", FOREIGN)
def test_a_plan_that_is_none_is_named_by_all_who_read_it(run, tmp_path, name, capsys):
    write(run / "plan.json", FOREIGN[name])
    for line, *words in (
        (bench, "merge", run, "--out", tmp_path / "merged"),
        (bench, "run", "--out", run, "--device", "cpu"),
        (reports, "build", run, "--out", tmp_path / "page"),
    ):
        said = one_line(capsys, line, *words)
        assert str(run / "plan.json") in said and "restore it" in said
    assert sorted(os.listdir(tmp_path)) == ["run"]


@pytest.mark.parametrize("name", ["a pipe", "a loop", "a directory", "a device"])
def test_what_is_no_regular_file_is_not_waited_for(run, tmp_path, name, capsys):
    for file in (
        run / "plan.json",
        run / "calibration.json",
        run / "machines" / f"{'0' * 16}.json",
    ):
        file.parent.mkdir(exist_ok=True)
        before = file.read_bytes() if file.exists() else None
        file.unlink(missing_ok=True)
        if name == "a pipe":
            os.mkfifo(file)
        elif name == "a directory":
            file.mkdir()
        else:
            file.symlink_to(file if name == "a loop" else "/dev/zero")
        assert str(file) in one_line(capsys, reports, "build", run, "--out", tmp_path / "page")
        assert str(file) in one_line(capsys, bench, "merge", run, "--out", tmp_path / "merged")
        file.rmdir() if name == "a directory" else file.unlink()
        if before is not None:
            file.write_bytes(before)


CALIBRATION = {
    "when": "2026-11-26T10:00:00+00:00",
    "design": {"rounds": 7, "samples": 11, "margin": 0.02, "level": 0.99},
    "clock": {"relative_error": {"0.001": 0.002}, "seconds_of_nothing": 1e-7},
    "same": {"pairs": 3, "faster": 0, "slower": 0, "failed": 0},
    "planted": {"pairs": 3, "faster": 0, "slower": 3, "failed": 0, "share": 0.1},
    "peaks": {"copy": 1e10},
}


def places(data, path=()):
    """Yield the path to each value in nested objects."""
    for name, value in data.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, (*path, name))


@pytest.mark.parametrize("wrong", [None, "x", [], {}, True])
@pytest.mark.parametrize("path", list(places(CALIBRATION)), ids=".".join)
def test_a_calibration_of_another_shape_is_named(tmp_path, path, wrong):
    data = json.loads(json.dumps(CALIBRATION))
    at = data
    for name in path[:-1]:
        at = at[name]
    right, at[path[-1]] = at[path[-1]], wrong
    from reports.data.run import AGAIN
    from reports.data.run import CALIBRATION as SHAPE

    write_json(tmp_path / "calibration.json", data)
    fits = isinstance(right, dict) and wrong == {} and path[-1] in ("relative_error", "peaks")
    if fits or (isinstance(right, str) and isinstance(wrong, str)):
        assert foreign.read_json(tmp_path / "calibration.json", SHAPE, AGAIN) == data
        return
    with pytest.raises(ValueError, match=rf"calibration\.json: '{path[0]}.*; run `bench cal"):
        foreign.read_json(tmp_path / "calibration.json", SHAPE, AGAIN)


ROWS = {
    "value too large": {"value": int(LARGE)},
    "a sample that is text": {"samples": ["1"]},
    "a sample that is none": {"samples": [None]},
    "a sample that is a list": {"samples": [[1.0]]},
    "a sample that is true": {"samples": [True]},
    "samples that are none": {"samples": None},
    "a time below zero": {"probe": "time.host", "value": -1.0},
    "a sample below zero": {"probe": "time.host", "samples": [-1.0]},
    "flags that are a number": {"quality": {"flags": 5}},
    "a flag that is a number": {"quality": {"flags": [5]}},
    "a facet that is a list": {"facet.lmax": [1]},
    "a facet that is an object": {"facet.lmax": {"a": 1}},
    "a size that is an object": {"size.batch": {}},
    "an unknown status": {"status": "happy"},
    "detail nested deeply": {"detail": json.loads('{"a":' * 100 + "1" + "}" * 100)},
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_is_none_is_named_by_file_and_line(run, tmp_path, name, capsys):
    rows = load(run)
    changed = signed({**rows[-1], **ROWS[name]})
    try:
        line = line_of(changed)
    except ValueError:
        line = json.dumps(changed) + "\n"
    with (run / "rows.jsonl").open("a") as stream:
        stream.write(line)
    where = f"{run / 'rows.jsonl'}:{len(rows) + 1}: "
    for command, *words in (
        (bench, "status", run),
        (bench, "merge", run, "--out", tmp_path / "merged"),
        (reports, "build", run, "--out", tmp_path / "page"),
    ):
        assert where in one_line(capsys, command, *words)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e999", LARGE + "0.5"])
def test_numbers_that_are_none_are_refused_wherever_they_stand(text):
    for line in (f'{{"a": {text}}}', f'{{"a": [1, {{"b": [{text}]}}]}}'):
        with pytest.raises(ValueError, match=r"no number of JSON|too large"):
            foreign.parsed(line)
    assert foreign.parsed('{"a": "1e999", "b": 1e-999, "c": 1e30}') == {
        "a": "1e999", "b": 0.0, "c": 1e30,
    }  # fmt: skip


def test_brackets_in_strings_are_not_nested():
    assert foreign.parsed(json.dumps({"a": "[" * 999 + '"' + "\\"}))["a"].endswith("\\")
    with pytest.raises(ValueError, match="nested too deeply"):
        foreign.parsed(DEEP)


def test_what_would_be_refused_is_not_appended(tmp_path, run):
    from dataclasses import replace

    from tests.bench.test_rows import row

    store = Store(tmp_path / "new")
    store.append([row("a")])
    before = store.file.read_bytes()
    for wrong in (
        replace(row("b"), status="happy"),
        replace(row("b"), quality={"flags": "noisy"}),
        replace(row("b"), case={**row("b").case, "facet.lmax": [1]}),
    ):
        with pytest.raises(ValueError, match="no row of "):
            store.append([row("c"), wrong])
    assert store.file.read_bytes() == before


def test_a_merge_copies_what_a_run_wrote_and_nothing_else(run, tmp_path, capsys):
    secret = tmp_path / "secret"
    secret.write_text("private")
    (run / "machines" / "leak.json").symlink_to(secret)
    said = one_line(capsys, bench, "merge", run, "--out", tmp_path / "out")
    assert "leak.json" in said and not (tmp_path / "out").exists()
    (run / "machines" / "leak.json").unlink()
    (run / "machines" / "notes.txt").symlink_to(secret)
    write_json(run / "calibration.json", CALIBRATION)
    other = tmp_path / "other"
    merge([run], other)
    assert not (other / "machines" / "notes.txt").exists()
    assert json.loads((other / "calibration.json").read_text()) == CALIBRATION
    assert bench(["merge", str(run), str(other), "--out", str(tmp_path / "both")]) == 0
    told = capsys.readouterr().out
    count = len(load(run))
    assert f"{count} rows of {run}\n" in told and f"({count} were there twice)" in told
    assert bench(["merge", str(run), str(run), "--out", str(tmp_path / "itself")]) == 0
    assert f"({count} were there twice)" in capsys.readouterr().out
    write_json(other / "calibration.json", {**CALIBRATION, "when": "later"})
    assert bench(["merge", str(run), str(other), "--out", str(tmp_path / "third")]) == 0
    assert "left out: calibration.json: 2 directories say different" in capsys.readouterr().out
    assert not (tmp_path / "third" / "calibration.json").exists()


def test_no_command_needs_all_rows_at_once(run, monkeypatch, capsys):
    """`status` and `merge` read a line after another: half a million rows fit."""
    from bench.record import rows

    held: list[int] = []
    parse = rows._parse

    class Counted(dict):
        def __init__(self, *words):
            super().__init__(*words)
            held.append(1)

        def __del__(self):
            held.pop()

    most = []

    def counted(line, where):
        most.append(len(held))
        return Counted(parse(line, where))

    monkeypatch.setattr(rows, "_parse", counted)
    lines = (run / "rows.jsonl").read_text().splitlines()
    plain = [line for line in lines if json.loads(line)["probe"] != FINISHED]
    (run / "rows.jsonl").write_text("".join(f"{line}\n" for line in plain * 20 + lines[-1:]))
    assert bench(["status", str(run)]) == 0
    assert max(most) <= 3 < len(plain) * 20
    most.clear()
    merge([run], run.parent / "merged")
    assert max(most) <= 3
    assert len(load(run.parent / "merged")) == len(lines)


def test_a_terminal_is_not_steered_and_a_spreadsheet_runs_nothing():
    hostile = [{"reason": "\x1b[2J\x07 =cmd()", "case": "=cmd()", "n": -5, "list": ["-", None]}]
    table = render(hostile, "table")
    assert "\x1b" not in table and "\\x1b[2J\\x07" in table
    text = render([{"a": v} for v in ("=1", " @x", "+1", "-1+1", "\t=1", "-", "plain", -1)], "csv")
    assert text.splitlines()[1:] == ["'=1", "' @x", "'+1", "'-1+1", "'\t=1", "-", "plain", "-1"]


def test_a_lone_surrogate_is_shown_escaped(run, tmp_path):
    import subprocess
    import sys

    rows = load(run)
    changed = signed({**rows[-1], "attempt": "z", "status": "error", "reason": "a \ud800 b"})
    with (run / "rows.jsonl").open("a") as stream:
        stream.write(line_of(changed))
    for encoding in ("utf-8", "ascii"):
        done = subprocess.run(
            [sys.executable, "-m", "bench", "status", str(run)],
            capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.returncode == 0 and b"\\ud800" in done.stdout, done.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EROFS])
def test_a_disk_that_takes_no_more_is_said_in_a_line(number, capsys):
    def full():
        raise OSError(number, os.strerror(number), "/somewhere/rows.jsonl")

    assert exit_codes.ended(full) == 1
    said = capsys.readouterr().err
    assert said == f"error: {os.strerror(number)}: /somewhere/rows.jsonl\n"
    with pytest.raises(OSError, match="own fault"):
        exit_codes.ended(lambda: (_ for _ in ()).throw(OSError(errno.EIO, "own fault")))
