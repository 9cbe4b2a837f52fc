"""The page as a reader, a browser and a screen reader meet it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from bench.record.rows import line_of, signed, write_json
from impls.registry import load
from reports.build import build
from reports.data.table import ROWS, Cell, Column, Table, within

PRODUCT = {"setting": "mimo", "symmetry": "o3", "channels": 1, "batch": 1000}
VOID = {"meta", "link", "br", "hr", "img", "input", "use", "wbr"}


class Checker(HTMLParser):
    """Collects tags, ids and text; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def _table(page: str, anchor: str) -> str:
    start = page.index(f'<table id="{anchor}"')
    return page[start : page.index("</table>", start)]


def _row(table: str, text: str) -> str:
    return next(row for row in table.split("<tr") if text in row)


LMAX3 = "product-mimo-o3-lmax3-channels1-batch1000-float32-fwd-cpu"


def test_page_is_well_formed_and_accessible(page: str) -> None:
    checker = Checker(page)
    ids = [attrs["id"] for _, attrs in checker.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert checker.all("html")[0]["lang"] == "en"
    assert len(checker.all("h1")) == 1
    levels = [int(t[1]) for t, _ in checker.tags if re.fullmatch(r"h[1-6]", t)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert page.count("<table") == page.count("<caption>") == page.count("</caption>")
    assert all("scope" in attrs for attrs in checker.all("th"))
    for attrs in checker.all("a"):
        href = attrs["href"] or ""
        assert not href.startswith("#") or href[1:] in ids
    for _, attrs in checker.tags:
        labelled = attrs.get("aria-labelledby")
        assert labelled is None or labelled in ids


def test_nothing_is_fetched(page: str) -> None:
    checker = Checker(page)
    assert not [t for t, _ in checker.tags if t in ("link", "img", "iframe", "object")]
    assert all(set(attrs) <= {"type", "id"} for attrs in checker.all("script"))
    for tag, attrs in checker.tags:
        for name, value in attrs.items():
            if name in ("src", "srcset", "data", "action", "xlink:href") or (
                name == "href" and tag != "a"
            ):
                assert (value or "").startswith("#")
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert len(page.encode()) < 5_000_000


def test_the_policy_knows_each_script_and_style_by_its_hash(page: str) -> None:
    policy = Checker(page).all("meta")[3]["content"] or ""
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy

    def hashes(texts: list[str]) -> list[str]:
        found = [hashlib.sha256(text.encode()).digest() for text in texts]
        return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in found]

    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(scripts) == 3 and len(styles) == 1
    assert f"script-src {' '.join(hashes(scripts))};" in policy
    assert f"style-src {hashes(styles)[0]};" in policy
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[^>]*\s(style|on\w+)=", outside), "no policy would let it work"


def test_every_heading_and_row_has_a_permalink_outside_the_tab_order(page: str) -> None:
    checker = Checker(page)
    links = [a for a in checker.all("a") if a.get("class") == "permalink"]
    assert all(a["tabindex"] == "-1" and a["aria-hidden"] == "true" for a in links)
    named = {(a["href"] or "")[1:] for a in links}
    rows = re.findall(r"<tr( id=\"([^\"]+)\")?>\n(?!.*scope=\"col)", page)
    assert len(rows) > 100 and {name for _, name in rows} <= named
    sections = {attrs["id"] for attrs in checker.all("section")}
    assert sections | {attrs["id"] for attrs in checker.all("h3")} <= named


def test_what_a_page_has_no_room_for_stands_in_its_file() -> None:
    def made(name: str, rows: int, width: int, files: bool = True) -> Table:
        cells = [[Cell(str(i))] * width for i in range(rows)]
        return Table(name, name, [Column("")] * width, cells, records=[{}] if files else ())

    first, second = [made("a", 10, 10), made("b", 500, 2)], [made("c", 10, 10), made("d", 9, 9)]
    assert within([first, second], 100_000) == {"a": 10, "b": ROWS, "c": 10, "d": 9}
    assert within([first, second], 300) == {"a": 10, "b": 25, "c": 7, "d": 0}
    assert within([[made("a", 10, 10, files=False)]], 20) == {"a": 10}


def test_every_figure_has_a_text_from_its_data(page: str, report: Path) -> None:
    checker = Checker(page)
    figures = [attrs for attrs in checker.all("div") if attrs.get("role") == "img"]
    assert len(figures) == len(list((report / "figures").glob("*.svg"))) >= 2
    assert all(attrs.get("aria-hidden") == "true" for attrs in checker.all("svg"))
    texts = [str(attrs["aria-label"]) for attrs in figures]
    time = next(t for t in texts if t.startswith("Host time against degree L"))
    assert "at degree L = 1 from Gaunt product, PyTorch, 2D Fourier series, FFTs (12." in time
    assert "implementations" in time
    for name in ("lmax 1", "mimo", "gaunt.", "clebsch_gordan", " dim "):
        assert not [text for text in texts if name in text], name


def test_hostile_text_stays_text(page: str, report: Path) -> None:
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL).lower()
    assert own.count("<script") == own.count('<script type="application/json"') == 2
    assert "\u202e" not in page and "\x07" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x^2$" in page
    svg = next((report / "figures").glob("time-mimo*.svg")).read_text(encoding="utf-8")
    assert "<script" not in svg
    assert "<script>alert(1)" in "".join(ET.fromstring(svg).itertext())


def test_what_is_wrong_failed_or_unchecked_has_no_time(page: str, report: Path) -> None:
    table = _table(page, LMAX3)
    for name, badge in (
        ("torch_wrong", "wrong"),
        ("torch_lying", "finished, but not checked"),
        ("torch_ungated", "finished, but not checked"),
        ("torch_big", "out of memory"),
    ):
        row = _row(table, name)
        assert f'<span class="badge">{badge}</span>' in row and "colspan" in row
    everything = page + "".join(
        path.read_text(encoding="utf-8")
        for path in report.rglob("*")
        if path.suffix in (".csv", ".svg")
    )
    assert "1.2345e-09" not in everything and "1.28" not in _row(table, "torch_wrong")
    assert "asked for 900 GiB" in table and "error.fwd is 5.00e-01" in table
    assert "torch_lying" not in page[page.index('id="figures"') : page.index('id="price"')]


def test_ratios_say_what_they_compare(page: str) -> None:
    table = _table(page, LMAX3)
    baseline = _row(table, "torch_e3nn")
    assert '<span class="badge">baseline</span>' in baseline
    other = _row(table, "torch_fourier")
    assert "9.0× faster here (≥ 8.6×), not replicated" in other and "†" in other
    layout = _row(table, "jax_sparse")
    assert "5.0× faster here" in layout and "‡" in layout and "†" not in layout
    assert "they compute different maps" in page
    assert "ir_mul" in layout
    order = [table.index(name) for name in ("torch_fourier", "jax_sparse", "torch_e3nn")]
    assert order == sorted(order)


def test_the_answer_comes_first_and_the_catalogue_has_every_operation(
    page: str, report: Path
) -> None:
    order = ("conclusions", "operations", "catalogue", "results", "methods", "machine", "cite")
    places = [page.index(f'id="{name}"') for name in order]
    assert places == sorted(places)
    table = _table(page, "catalogue")
    operations = load().operations
    for operation in operations.values():
        row = _row(table, f'<th scope="row">{operation.title} <span')
        assert str(escape(operation.summary)) in row
        assert all(f"#ref-{key}" in row for key in (*operation.papers, *operation.users))
    file = report / "tables" / "catalogue.csv"
    rows = {r["operation"]: r for r in csv.DictReader(io.StringIO(file.read_text("utf-8")))}
    assert set(operations) < set(rows), "and those of plug-ins"
    assert [rows["gaunt"][f"dim L={n}"] for n in (1, 2, 3, 4)] == ["5", "9", "13", "17"]
    assert rows["gaunt"]["cost"] == "O(L^5 C), at best O(L^3 C)"
    assert rows["gaunt"]["in this run"] == "yes" and rows["gate"]["in this run"] == "no"


def test_the_catalogue_says_what_is_derived_measured_and_missing(page: str) -> None:
    table = _table(page, "catalogue")
    gaunt = _row(table, '<th scope="row">Gaunt product <span')
    for text in (
        "14 of 19",
        "5, 9, 13, 17",
        "O(3), natural parity, degree L 1–3: 5, 9, 13",
        "O(3)",
        "O(L⁵\xa0C)",
    ):
        assert text in gaunt, text
    assert re.search(r"[>, ]grid, [^<]*: O\(L³\xa0C\)<", gaunt) and "not in this run" not in gaunt
    matrix = _row(table, '<th scope="row">Matrix product <span')
    assert ">SO(3) <" in matrix and "not measured" in matrix
    gate = _row(table, '<th scope="row">Gate <span')
    assert "not in this run" in gate and "O(L² C)".replace(" ", "\xa0") in gate
    assert ">E(3) <" in _row(table, '<th scope="row">Geometric bilinear layer <span')
    low_rank = _row(table, '<th scope="row">Low-rank product <span')
    assert ">none<" in low_rank
    blur = _row(table, '<th scope="row">blur <span')
    assert "anti-aliased pooling" in blur and "circular_shift and zero_fill_shift" not in blur
    families = re.findall(r'<th scope="row" colspan="9" class="family">([^<]+)<a', table)
    assert {"convolutions over points", "products of two features"} == set(families[:2])
    assert "image" in families
    assert len(set(families)) == len(families)


@pytest.mark.slow
def test_measured_expressivity_that_differs_is_marked_in_the_catalogue(
    writer: Any, built: Callable[[Any], str]
) -> None:
    writer.case("gaunt.torch_grid", dim=(6, 5))
    row = _row(_table(built(writer), "catalogue"), '<th scope="row">Gaunt product <span')
    assert '<span class="badge">differs</span>' in row and "degree L 1: 6" in row


def test_expressivity_stands_beside_every_time(page: str) -> None:
    for anchor in (LMAX3, LMAX3.replace("fwd", "grad")):
        table = _table(page, anchor)
        assert '30<span class="sr"> as derived</span> <span class="small">(30)</span>' in _row(
            table, "torch_e3nn"
        )
        assert "13<" in _row(table, "torch_fourier")
    overview = _table(page, "overview")
    row = _row(overview, "L = 3")
    assert "Clebsch–Gordan product (JAX, sparse coefficients)" in row and ">30</td>" in row


def test_symmetry_that_is_not_claimed_is_shown_and_marked(page: str) -> None:
    row = _row(_table(page, LMAX3), "torch_dense")
    assert "(0.79)" in row and "not claimed, reported only" in row and "SO(3) only" in row


def test_flags_of_the_clock_are_shown(page: str) -> None:
    assert "§" in _row(_table(page, LMAX3), "torch_dense")
    assert "§ flagged by the clock: unsteady." in page


def test_memory_of_different_sources_is_never_in_one_column(page: str) -> None:
    table = _table(page, LMAX3)
    heads = re.sub(r"<[^>]*>", "", table[: table.index("<tbody>")])
    assert "peak " in heads and "buffers of XLA" in heads


def test_plug_in_family_is_shown_with_its_own_facets_and_groups(page: str) -> None:
    table = _table(page, "image-binomial-width16-float32-fwd-cpu")
    heads = re.sub(r"<[^>]*>", "", table[: table.index("<tbody>")])
    for text in ("circular shift", "zero fill shift", "paths", "energy.call"):
        assert text in heads
    assert "not zero_fill_shift" in table and "(0.2)" in table
    assert "anti-aliased pooling" in page
    assert "image: binomial; width 32" in page


def test_coverage_hides_nothing(page: str) -> None:
    table = _table(page, "coverage")
    for name in ("late", "jax_peer", "torch_crash", "torch_big", "torch_wrong", "torch_pool"):
        assert name in table
    reasons = page[page.index('<h3 id="h3-reasons">') :]
    assert "not installed: peer" in reasons and '<span class="badge">not run</span>' in reasons
    assert "product/x::clebsch_gordan.late/fwd" in reasons


def test_methods_and_provenance_come_from_the_data(page: str) -> None:
    for text in (
        "CPU only.", "protocol p1", "0123456789ab with uncommitted changes", "torch 2.13.0",
        "1e−5 for float32", "exact order-statistic", "9 to 27 samples", "1 to 3 rounds",
        "clebsch_gordan.torch_e3nn", "python -m bench run --profile test",
    ):  # fmt: skip
        assert text in page, text


@pytest.mark.slow
def test_gpu_runs_say_so(writer: Any, built: Callable[[Any], str]) -> None:
    writer.machine = writer.store.facts("machines", {"cpu": "C", "gpus": ["Fast GPU"]})
    writer.case("clebsch_gordan.torch_dense", device="cuda")
    page = built(writer)
    assert "<strong>GPU.</strong> All times are of Fast GPU." in page
    assert "No ratios: no baseline" in page


@pytest.mark.slow
def test_a_later_round_that_fails_takes_the_time_away(
    writer: Any, built: Callable[[Any], str]
) -> None:
    writer.case("clebsch_gordan.torch_dense", rounds=2)
    file = writer.directory / "rows.jsonl"
    *lines, last = file.read_text().splitlines(keepends=True)
    changed = json.loads(last) | {"status": "timeout"}
    file.write_text("".join(lines) + line_of(signed(changed)))
    page = built(writer)
    assert '<span class="badge">took too long</span>' in page


def test_two_rounds_pool_their_samples(run_directory: Path) -> None:
    from analysis.statistics import hierarchical_interval
    from reports.data.results import summarise
    from reports.data.run import read

    results, _ = summarise(read(run_directory).rows)
    found = next(
        r for r in results
        if r.label == "clebsch_gordan.torch_e3nn" and r.get("lmax") == 1 and r.get("pass") == "fwd"
    )  # fmt: skip
    samples = [[1e-4 * (1 + 0.01 * i + 0.1 * k) for i in range(9)] for k in range(3)]
    time = found.measures["time.host"]
    assert (time.value, time.lo, time.hi) == hierarchical_interval(samples)
    assert time.n == 27 and len(found.rounds) == 3


@pytest.mark.slow
def test_same_rows_same_bytes(run_directory: Path, report: Path, tmp_path: Path) -> None:
    build(run_directory, tmp_path)
    names = {p.relative_to(report) for p in report.rglob("*") if p.is_file()}
    assert names == {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    for name in names:
        assert (report / name).read_bytes() == (tmp_path / name).read_bytes(), name


@pytest.mark.slow
def test_a_noisy_time_is_shown_and_marked(writer: Any, built: Callable[[Any], str]) -> None:
    writer.case("clebsch_gordan.torch_e3nn", time=1e-4)
    writer.case("clebsch_gordan.torch_dense", time=2e-4)
    file = writer.directory / "rows.jsonl"
    changed = []
    for line in file.read_text().splitlines():
        row = json.loads(line)
        if row["implementation"].endswith("torch_dense") and row["probe"] in ("time.host", "case"):
            row |= {"status": "noisy", "reason": "known to +- 9.0%"}
        changed.append(line_of(signed(row)))
    file.write_text("".join(changed))
    page = built(writer)
    assert "flagged by the clock: known to +- 9.0%" in page and "not replicated" in page
    assert "right, and timed; interval wider than asked" in page


def test_verdicts_are_about_this_against_the_baseline(report: Path) -> None:
    """The fixture's times are exact multiples of the baseline's, in three rounds."""
    file = next((report / "tables").glob("product-mimo-o3-lmax2*fwd*.csv"))
    rows = {r["implementation"]: r for r in csv.DictReader(file.read_text().splitlines())}
    said = {name: row["verdict"] for name, row in rows.items()}
    assert said["clebsch_gordan.jax_sparse"] == said["gaunt.torch_fourier"] == "faster"
    assert said["clebsch_gordan.torch_e3nn"] == ""
    sparse = rows["clebsch_gordan.jax_sparse"]
    assert sparse["replicated"] == "False" and 1 < float(sparse["speed.lo"]) < float(
        sparse["speed"]
    )
    assert float(sparse["seen"]) == pytest.approx(1.02 * 1.05 - 1)


@pytest.mark.slow
def test_a_calibration_is_told_and_gives_the_roofline(
    writer: Any, built: Callable[[Any], str]
) -> None:
    extra = {"cost.flops": (1e6, "1"), "cost.bytes": (1e5, "B")}
    writer.case("clebsch_gordan.torch_dense", time=1e-4, extra=extra)
    assert "The instrument was not calibrated on this machine" in built(writer)
    counts = {"pairs": 300, "faster": 1, "slower": 1, "same": 200, "can't tell": 98, "failed": 0}
    known = {
        "when": "2026-11-23T10:00:00+00:00",
        "design": {"rounds": 7, "samples": 11, "margin": 0.02, "level": 0.99},
        "clock": {"relative_error": {"0.001": 0.002}, "seconds_of_nothing": 1e-7},
        "same": counts,
        "planted": {**counts, "pairs": 60, "slower": 58, "share": 0.1},
        "peaks": {"copy": 1e10, "gemm.float32": 2e11},
    }
    write_json(writer.directory / "calibration.json", known)
    page = built(writer)
    assert "of 300 pairs that do not differ it called 2 different (1 faster, 1 slower)" in page
    assert "of 60 with a planted slow-down of 10 % it found 58" in page
    least = max(1e6 / 2e11, 1e5 / 1e10) / (1e-4 * 1.04)
    assert f"{100 * least:.2g}\N{NO-BREAK SPACE}%" in page and "memory" in page
    # arithmetic that XLA counts elsewhere in the block bounds it, if it is less
    for name, flops, counted in (("torch_a", 8e7, None), ("jax_b", 8e7, 4e6), ("jax_c", 8e7, 2e7)):
        costs = {"cost.flops": (flops, "1"), "cost.bytes": (1.0, "B")}
        costs |= {"cost.flops.xla": (counted, "1")} if counted else {}
        writer.case(f"gaunt.{name}", time=1e-4, extra=costs)
    page = built(writer)
    assert page.count(f"{100 * (4e6 / 2e11) / (1e-4 * 1.04):.2g}\N{NO-BREAK SPACE}%") >= 3
    assert not re.search(r"\de\+\d\d(?![\dx])", page) and "is wrong." not in page
    # what the machine cannot do is said, unless it is the machine with other threads
    costs = {"cost.flops.torch": (4 * 2e11 * 1e-4 * 1.04, "1")}
    writer.case("gaunt.torch_d", time=1e-4, extra=costs)
    line = "gaunt.torch_d: cost.flops.torch in time.host is 4.0 times the rate of large matrix"
    assert line in built(writer)
    known["design"]["threads"] = 8
    write_json(writer.directory / "calibration.json", known)
    page = built(writer)
    assert line not in page and "share of time" not in page
    del known["same"]
    write_json(writer.directory / "calibration.json", known)
    with pytest.raises(ValueError, match=r"calibration\.json: 'same' is missing"):
        built(writer)
