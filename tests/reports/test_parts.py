"""Numbers, CSV, colours and references on their own."""

from __future__ import annotations

import ast
import csv
import io
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from impls.registry import load
from reports.__main__ import main
from reports.data import bibliography
from reports.data.blocks import blocks_of
from reports.data.results import summarise
from reports.data.run import read
from reports.data.table import to_csv
from reports.data.text import (
    clean,
    count,
    listing,
    number,
    quantity,
    raised,
    scale_of,
    scientific,
    slug,
)
from reports.figures.style import PALETTE
from reports.tables import methods

ROOT = Path(__file__).resolve().parents[2]
CSS = (ROOT / "reports" / "templates" / "style.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1"])
def test_csv_has_no_formulas(text: str) -> None:
    rows = list(csv.reader(io.StringIO(to_csv([{"a": text, "b": -1.5}]))))
    assert rows[1] == [f"'{text}", "-1.5"]


def test_csv_keeps_full_precision(report: Path) -> None:
    file = next((report / "tables").glob("product-mimo-o3-lmax1*fwd*.csv"))
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    baseline = next(r for r in rows if r["implementation"] == "clebsch_gordan.torch_e3nn")
    assert float(baseline["time.host [s]"]) == pytest.approx(
        1e-4 * (1.04 * 1.14 * 1.24) ** (1 / 3), rel=1e-12
    )
    assert baseline["rounds"] == "3" and baseline["speed"] == ""
    assert baseline["expressivity.dim"] == "5.0"


@pytest.mark.slow
def test_expressivity_that_is_only_derived_is_shown_as_that(writer: Any, tmp_path: Path) -> None:
    writer.case("gaunt.torch_grid", {"setting": "mimo", "lmax": 20}, dim=(None, 81))
    assert main(["build", str(writer.directory), "--out", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page/index.html").read_text(encoding="utf-8")
    assert page.count('not measured</span> <span class="small">(81)</span>') == 2
    assert ">differs<" not in page and ">≠<" not in page


def test_numbers() -> None:
    assert [number(v) for v in (5.0, 1234567.0, 0.123456, None)] == [
        "5", "1\u202f234\u202f567", "0.1235", "–",
    ]  # fmt: skip
    assert scientific(3.14e-7) == "3.1e−7" and scientific(0.0) == "0" and scientific(0.79) == "0.79"
    assert quantity(1.5e-5, "s") == "15.00 µs" and quantity(2.0**21, "B") == "2.00 MiB"
    assert quantity(3.0, "J") == "3.00 J"
    assert scale_of([1e-5, 1.0], "s", "least") == (1e-6, "µs")
    assert scale_of([1e-5, 1.0], "s") == (1e-3, "ms")
    assert scale_of([], "B") == (1.0, "B") and scale_of([0.0], "s") == (1.0, "s")
    assert listing(["a", "b", "c"]) == "a, b and c" and listing([]) == ""
    assert count(1, "class") == "1 class" and count(2, "class") == "2 classes"
    assert raised("O(L^5 C^12), at best O(exp(L) C)") == "O(L⁵\xa0C¹²), at best O(exp(L)\xa0C)"
    assert raised("O(L^2.5)") == "O(L^2.5)"
    assert slug("../../etc/passwd <x>") == "etc-passwd-x" and slug("…") == "unnamed"


def test_clean_reaches_everything() -> None:
    found = clean({"a\u202e": ["\ud800", {"b": "\x00ok\n"}], "n": 1.5, "t": True, "z": None})
    assert found == {"a\ufffd": ["\ufffd", {"b": "\ufffdok "}], "n": 1.5, "t": True, "z": None}


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: str, b: str) -> float:
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_wcag_aa_in_both_themes() -> None:
    themes = CSS.split("prefers-color-scheme: dark")
    for theme, text in enumerate((themes[0], themes[1].split("* {")[0])):
        colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", text))
        for name in ("ink", "muted", "link", "good", "bad"):
            assert _contrast(colours[name], colours["paper"]) >= 4.5, (theme, name)
        for pair in PALETTE:
            assert _contrast(pair[theme], colours["paper"]) >= 3.0, pair


def test_blocks_of_nothing() -> None:
    assert blocks_of([]) == []


def test_what_a_tier_says_of_its_times_is_said_with_them(small: Path) -> None:
    run = read(small)
    rows = [{**row, "tier": "showcase", "tier.label": "not replicated"} for row in run.rows]
    results, _ = summarise(rows)
    assert all(block.target.endswith(", not replicated") for block in blocks_of(results))
    timing = methods.paragraphs(run, results, [])[1]
    published = sum(result.published for result in results)
    assert f"Those of {count(published, 'case')} are not replicated: one process" in timing
    plain, _ = summarise(run.rows)
    assert not any("replicated" in block.target for block in blocks_of(plain))
    assert "replicated" not in methods.paragraphs(run, plain, [])[1]


REFERENCES = bibliography.read()


def _keys() -> set[str]:
    """Return every [@key], and all keys in `papers=` and `users=`, in the sources."""
    found: set[str] = set()
    for package in ("impls", "analysis", "bench", "reports"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for group in re.findall(r"\[(@[\w;,@ ]+)\]", text):
                found |= set(re.findall(r"@(\w+)", group))
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.keyword) and node.arg in ("papers", "users"):
                    constants = [n for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
                    found |= {str(n.value) for n in constants}
    return found - {"key"}


def test_every_reference_exists() -> None:
    assert _keys() - set(REFERENCES) == set()
    assert {"thomas2018", "geiger2022", "xie2025"} <= _keys()


def test_users_of_every_operation_exist() -> None:
    registry = load()
    for operation in registry.operations.values():
        assert set(operation.users) <= set(REFERENCES), operation.name
        assert len(set(operation.users)) == len(operation.users)
    assert {"passaro2023", "wood2025"} <= set(registry.operation("escn").users)
    assert registry.operation("escn_o3").users == ()


def test_bibliography_is_complete() -> None:
    text = bibliography.FILE.read_text(encoding="utf-8")
    assert len(REFERENCES) == text.count("\n@") + 1
    for key, reference in REFERENCES.items():
        assert {"author", "title", "year"} <= set(reference.fields), key
        assert re.fullmatch(r"\d{4}", reference.fields["year"])
        assert key == bibliography.SUITE or key.endswith(reference.fields["year"])
        assert reference.source.count("{") == reference.source.count("}")
        assert key == bibliography.SUITE or reference.venue


def test_references_read_well() -> None:
    assert REFERENCES["efron1993"].authors == "B. Efron and R. J. Tibshirani"
    assert REFERENCES["batzner2022"].authors == "S. Batzner et al."
    assert REFERENCES["geiger2022"].url == "https://arxiv.org/abs/2207.09453"
    assert REFERENCES["batzner2022"].venue == "Nature Communications 13, 2453"
    assert REFERENCES["luo2024"].short == "Luo et al. 2024"


@pytest.mark.parametrize("text", ["@misc{a,\n title={x\n", "@misc{a,\n}\n@misc{a,\n}\n"])
def test_broken_bibliography_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "refs.bib").write_text(text)
    with pytest.raises(ValueError, match="'a'"):
        bibliography.read(tmp_path / "refs.bib")


def test_methods_bib_has_what_is_shown(report: Path) -> None:
    found = bibliography.read(report / "methods.bib")
    assert {"equibench", "conover1999", "thomas2018", "luo2024"} <= set(found)
    assert "ashcroft1976" not in found


def test_citation_agrees_with_the_bibliography() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^([a-z-]+): (.+)$", text, re.MULTILINE))
    suite = REFERENCES[bibliography.SUITE].fields
    assert fields["title"].strip('"') == suite["title"]
    assert fields["version"] == suite["version"]
    assert fields["date-released"].startswith(suite["year"])
    assert suite["author"] in text and suite["author"] in (ROOT / "LICENSE").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == suite["version"] and project["license"] == fields["license"]
