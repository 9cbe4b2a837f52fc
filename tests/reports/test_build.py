"""The command: what it refuses, what it tolerates, what it leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.build import build


def _fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["build", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err


def test_help_names_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["build", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert "exit codes" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["build"])
    assert caught.value.code == 2


def test_missing_and_empty_directories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert "no such directory" in _fails(capsys, str(tmp_path / "no"), "--out", str(out))
    (tmp_path / "empty").mkdir()
    assert "rows.jsonl" in _fails(capsys, str(tmp_path / "empty"), "--out", str(out))
    assert not out.exists()


def test_foreign_schema_is_named(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = small / "rows.jsonl"
    rows.write_text(rows.read_text().replace('"schema":"row/2"', '"schema":"row/9"', 1))
    assert "'row/9'" in _fails(capsys, str(small), "--out", str(small / "out"))


@pytest.mark.parametrize("name", ["plan.json", "machines"])
def test_broken_files_are_named(small: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = small / name if name.endswith("json") else next((small / name).glob("*.json"))
    file.write_text("{")
    assert file.name in _fails(capsys, str(small), "--out", str(small / "out"))


@pytest.mark.slow
def test_torn_last_line_is_a_warning(small: Path, tmp_path: Path) -> None:
    with (small / "rows.jsonl").open("a") as stream:
        stream.write('{"schema": "row/2", "torn')
    build(small, tmp_path / "out")
    assert "torn last line" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.slow
def test_run_without_plan_or_facts(small: Path, tmp_path: Path) -> None:
    (small / "plan.json").unlink()
    shutil.rmtree(small / "machines")
    shutil.rmtree(small / "environments")
    build(small, tmp_path / "out")
    assert "No facts about machines" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.slow
def test_run_without_rows(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rows.jsonl").touch()
    build(tmp_path / "run", tmp_path / "out")
    assert "Nothing was measured" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.slow
def test_files_of_others_stay_and_old_ones_go(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(small, out)
    (out / "mine.txt").write_text("mine")
    (out / "figures" / "mine.svg").write_text("mine")
    rows = [json.loads(line) for line in (small / "rows.jsonl").read_text().splitlines()]
    kept = [json.dumps(r) + "\n" for r in rows if r["family"] == "image"]
    (small / "rows.jsonl").write_text("".join(kept))
    build(small, out)
    left = {p.name for p in (out / "figures").iterdir()}
    assert left == {"mine.svg", "couplings.svg", "couplings.pdf"}
    assert (out / "mine.txt").read_text() == "mine"
    assert not [p for p in out.rglob(".*")]


def test_nothing_is_written_when_making_fails(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("reports.figures.plot.draw", fail)
    with pytest.raises(RuntimeError):
        build(small, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_out_must_not_be_a_file(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert "not a directory" in _fails(capsys, str(small), "--out", str(tmp_path / "file"))


@pytest.mark.slow
def test_a_figure_is_one_toml_block(small: Path, tmp_path: Path) -> None:
    extra = tmp_path / "mine.toml"
    extra.write_text(
        '[[figure]]\nname = "pool"\ntitle = "Pooling"\nselect = "image/*"\n'
        'x = "width"\ny = "time.host"\nfacets = ["filter"]\n'
    )
    assert main(["build", str(small), "--out", str(tmp_path / "out"), "--set", str(extra)]) == 0
    assert (tmp_path / "out" / "figures" / "pool-binomial.svg").is_file()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[figure]]\nname = 'a'\n", "'title'"),
        ("[[figure]]\nname='a'\ntitle='a'\nselect='*'\nx='a'\ny='b'\nz='c'\n", "'z'"),
        ("[[figure]]\nname='a'\ntitle='a'\nselect='*'\nx='a'\ny='b'\nscale='odd'\n", "'odd'"),
        ("[[figure]]\nname='time'\ntitle='a'\nselect='*'\nx='a'\ny='b'\n", "'time'"),
        ("[[figur]]\nname = 'a'\n", "'figur'"),
        ("[[", "not TOML"),
    ],
)
def test_bad_sets_are_explained(
    small: Path, tmp_path: Path, text: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text(text)
    error = _fails(
        capsys, str(small), "--out", str(tmp_path / "out"), "--set", str(tmp_path / "bad.toml")
    )
    assert named in error


@pytest.mark.parametrize("name", ["index.html", "methods.bib", "figures/couplings.svg"])
def test_what_no_report_made_is_not_written_over(
    small: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    said = _fails(capsys, str(small), "--out", str(out))
    assert str(out / name) in said and "name another --out" in said
    assert [p.name for p in out.rglob("*") if p.is_file()] == [Path(name).name]
    assert (out / name).read_text() == "mine"


def test_a_manifest_of_others_removes_nothing_of_others(small: Path, tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    mine = [outside / "v.csv", out / "notes.txt", out / "deep" / "a.csv"]
    out.mkdir()
    (out / "link").symlink_to(outside)
    (out / "tables").mkdir()
    (out / "tables" / "old.csv").write_text("of an earlier report")
    for file in mine:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    names = [
        "link/v.csv",
        "notes.txt",
        "deep/a.csv",
        "tables",
        "../outside/v.csv",
        "",
        str(mine[0]),
    ]
    (out / "report.files").write_text("".join(f"{n}\n" for n in [*names, "tables/old.csv"]))
    build(small, out)
    assert all(file.read_text() == "mine" for file in mine)
    assert not (out / "tables" / "old.csv").exists()


def test_a_folder_that_leads_elsewhere_is_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    out.mkdir()
    (out / "figures").symlink_to(outside)
    assert "leads out of --out" in _fails(capsys, str(small), "--out", str(out))
    assert list(outside.iterdir()) == [] and not (out / "index.html").exists()
