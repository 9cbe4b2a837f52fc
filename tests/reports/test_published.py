"""Published runs: machines side by side, and one version and hash wherever they are cited."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

from reports.__main__ import main
from reports.data import bibliography
from reports.data.ledger import PUBLISHED
from tests.reports.conftest import Writer

ROOT = Path(__file__).resolve().parents[2]


def test_machines_stand_side_by_side_and_in_no_ratio(tmp_path, capsys):
    for name, cpu in (("a", "One"), ("b", "Other")):
        writer = Writer(tmp_path / name)
        writer.machine = writer.store.facts("machines", {"cpu": cpu, "cores": 2, "gpus": []})
        writer.case("gaunt.torch_a")
    assert main(["published", str(tmp_path), "--no-pages"]) == 0
    said = (tmp_path / "README.md").read_text()
    assert "a (One, CPU)" in said and "b (Other, CPU)" in said
    assert "faster" not in said and "×" not in said
    assert main(["published", str(tmp_path / "nowhere")]) == 2
    assert "name where runs are published" in capsys.readouterr().err


def test_pages_are_made_again_from_their_rows(tmp_path, small):
    (tmp_path / "all").mkdir()
    small.rename(tmp_path / "all/small")
    assert main(["published", str(tmp_path / "all")]) == 0
    before = (tmp_path / "all/small/index.html").read_bytes()
    assert main(["published", str(tmp_path / "all")]) == 0
    assert (tmp_path / "all/small/index.html").read_bytes() == before


def test_what_is_checked_in_is_that_of_its_rows(tmp_path):
    """After new rows: `python -m reports published --no-pages`, and CITATION.cff by hand."""
    said = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    files = sorted(PUBLISHED.glob("*/rows.jsonl"))
    assert len(files) >= 2
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert digest in said and digest in citation, file


def test_there_is_one_version_and_it_is_cited():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    suite = bibliography.read()[bibliography.SUITE]
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == project["version"]
    assert suite.fields["version"] == project["version"]
    assert re.search(r"- name: (.*)", citation)[1] == suite.fields["author"]


def test_a_page_gives_authors_a_version_and_the_hash_of_its_rows(page, run_directory):
    digest = hashlib.sha256((run_directory / "rows.jsonl").read_bytes()).hexdigest()
    assert f"equibench-rows-{digest[:8]}" in page and f"SHA-256 {digest}" in page
