"""`python -m reports cite`: one comparison, ready for a paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.data.bibliography import read
from tests.reports.conftest import PRODUCT

A, B = "gaunt.torch_grid", "clebsch_gordan.torch_e3nn"


@pytest.fixture
def run(writer):
    for lmax, factor in ((1, 2.0), (2, 3.0)):
        at = {**PRODUCT, "lmax": lmax}
        for name, time, dim in ((A, 1e-4, 4 * lmax + 1), (B, factor * 1e-4, 9)):
            writer.case(name, at, time=time * lmax, rounds=5, dim=(dim, dim), full=9)
    writer.case("gaunt.torch_wrong", at, time=1e-9, error=0.5, rounds=5)
    return writer.directory


def cited(run, out, *more):
    names = "figure:f.pdf pgf:f.tex table:t.tex sentence:m.txt bib:r.bib".split()
    files = {name: out / file for name, _, file in (each.partition(":") for each in names)}
    words = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    assert main(["cite", str(run), "--pair", A, B, *words, *more]) == 0
    return files


def test_every_file_tells_the_same_comparison(run, tmp_path):
    files = cited(run, tmp_path)
    table = files["table"].read_text()
    assert r"\toprule" in table and r"\begin{tabular}" in table and r"\si{\micro\second}" in table
    rows = [line for line in table.splitlines() if line.endswith(r"\\") and "faster" in line]
    assert [row.partition(" & ")[0] for row in rows] == ["1", "2"]
    assert "2.0$\\times$ faster ($\\geq$ 2.0$\\times$)" in rows[0] and "3.0$" in rows[1]
    said = files["sentence"].read_text()
    for text in (
        "protocol p1", "A Processor, CPU", "torch 2.13.0", "5 processes",
        "all 2 comparisons at 99 %",
        "float64 oracle", "different maps: 5 and 9 dimensions at L = 1", "SHA-256",
        "L = 2: 3.0× faster (≥ 3.0×)", "0123456789ab with uncommitted changes",
    ):  # fmt: skip
        assert text in said, text
    assert files["figure"].read_bytes().startswith(b"%PDF")
    assert "\\addplot" in files["pgf"].read_text()


def test_bibtex_has_the_methods_the_suite_and_the_rows_by_their_hash(run, tmp_path):
    import hashlib

    entries = read(cited(run, tmp_path)["bib"])
    digest = hashlib.sha256((run / "rows.jsonl").read_bytes()).hexdigest()
    assert {"equibench", "luo2024", "thomas2018", f"equibench-rows-{digest[:8]}"} <= set(entries)
    assert digest in entries[f"equibench-rows-{digest[:8]}"].fields["note"]


def test_few_rounds_and_another_clock_are_said(writer, tmp_path, capsys):
    writer.case(A, time=1e-4)
    writer.case(B, time=9e-4)
    command = ["cite", str(writer.directory), "--pair", A, B]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "not replicated" in said and "over 1 process" in said
    assert main([*command, "--y", "time.kernels"]) == 2
    assert "has no such clock; it has time.host" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pair", A, "gaunt.torch_gird"], "similar"),
        (["--pair", A, "gaunt.torch_wrong"], "no problem has times of both"),
        (["--pair", A, B, "--select", "lmax=9"], "no problem with lmax=9"),
        (["--pair", A, B, "--select", "size=9"], "no column 'size'"),
        (["--pair", A, B, "--select", "lmax"], "write NAME=VALUE"),
        (["--pair", A, B, "--x", "nodes"], "no size of this problem"),
        (["--pair", A, B, "--figure", "f.png"], r"\.pdf or \.svg"),
        (["--pair", A, B, "--figure", "f.pdf", "--width", "1in"], "inches"),
    ],
)
def test_bad_input_is_one_line_with_the_remedy(run, capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["cite", str(run), *words]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error) and error.count("\n") == 1
    assert not list(tmp_path.glob("f.*"))


def test_two_questions_are_not_drawn_as_one(writer, capsys, tmp_path):
    for batch in (10, 1000):
        for name in (A, B):
            writer.case(name, {**PRODUCT, "batch": batch})
    command = ["cite", str(writer.directory), "--pair", A, B, "--x", "lmax", "--figure"]
    assert main([*command, str(tmp_path / "f.svg")]) == 2
    assert "2 questions that do not share a figure" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "f.svg"), "--select", "batch=10"]) == 0
    assert main(["cite", str(writer.directory), "--pair", A, B, "--width", "9.9"]) == 2


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_table_compiles(run, tmp_path):
    cited(run, tmp_path)
    head = r"\documentclass{article}\usepackage{booktabs}\usepackage{siunitx}\begin{document}"
    (tmp_path / "x.tex").write_text(head + r"\input{t.tex}\end{document}")
    subprocess.run(["pdflatex", "-halt-on-error", "x.tex"], cwd=tmp_path, check=True)
    assert Path(tmp_path / "x.pdf").is_file()
