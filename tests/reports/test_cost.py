"""What grows, overtakes, rivals and is dominated, and the price of a dimension."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PRODUCT = {"setting": "mimo", "symmetry": "o3", "channels": 1, "batch": 1000}


def tables(report: Path, name: str) -> list[dict[str, str]]:
    text = (report / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.slow
def test_exponents_are_measured_beside_the_theory(report: Path, page: str) -> None:
    """The fixture's times are exact cubes of lmax."""
    rows = {
        r["implementation"]: r
        for r in tables(report, "exponents")
        if r["pass"] == "fwd" and "lmax" not in r["problem"]
    }
    for name in ("clebsch_gordan.torch_e3nn", "gaunt.torch_fourier", "matrix.torch_dense"):
        assert float(rows[name]["exponent"]) == pytest.approx(3.0, abs=1e-9)
        assert rows[name]["sizes"] == "3"
    assert float(rows["gaunt.torch_fourier"]["stated"]) == 3.0
    assert "Growth and crossovers" in page


@pytest.mark.slow
def test_exponents_of_memory_and_arithmetic_have_a_source_and_an_interval(
    writer: Any, built: Callable[[Any], str], tmp_path: Path
) -> None:
    for lmax, scatter in ((1, 1.0), (2, 1.02), (4, 0.99), (8, 1.0)):
        extra = {
            "mem.peak.rss": (1e5 * lmax**2 * scatter, "B"),
            "cost.flops": (10.0 * lmax**4, "1"),
        }
        at = {**PRODUCT, "lmax": lmax}
        writer.case("gaunt.torch_grid", at, time=1e-4 * lmax**3, rounds=3, extra=extra)
        lacking = {"mem.peak.rss": (0.0 if lmax == 1 else 1e5, "B")}
        writer.case("gaunt.torch_fourier", at, time=1e-4 * lmax**3, rounds=3, extra=lacking)
    assert "mem.peak.rss" in built(writer)
    rows = {row["implementation"]: row for row in tables(tmp_path / "out", "exponents")}
    grid = rows["gaunt.torch_grid"]
    assert grid["memory"] == "mem.peak.rss"
    assert float(grid["exponent.memory"]) == pytest.approx(2.0, abs=0.05)
    assert float(grid["memory.lo"]) < 2.0 < float(grid["memory.hi"])
    assert float(grid["exponent.counted"]) == pytest.approx(4.0, abs=1e-9)
    assert (
        rows["gaunt.torch_fourier"]["exponent.memory"]
        == rows["gaunt.torch_fourier"]["memory"]
        == ""
    )


@pytest.mark.slow
def test_what_overtakes_is_found_beyond_its_interval(
    writer: Any, built: Callable[[Any], str], tmp_path: Path
) -> None:
    """Times lmax and lmax^3 / 8 with 4 % of scatter meet between 2 and 4, at sqrt(8)."""
    for lmax in (1, 2, 4, 8):
        at = {**PRODUCT, "lmax": lmax}
        for name, time in (("torch_dense", 1e-4 * lmax), ("torch_sparse", 1e-4 * lmax**3 / 8)):
            writer.case(f"clebsch_gordan.{name}", at, time=time, rounds=3)
    built(writer)
    (row,) = tables(tmp_path / "out", "overtakings")
    assert row["below"] == "clebsch_gordan.torch_sparse"
    assert row["above"] == "clebsch_gordan.torch_dense"
    assert row["size"] == "lmax"
    assert float(row["at"]) == pytest.approx(8**0.5, rel=1e-3)


def test_rivals_are_judged_against_the_fastest_of_their_framework(report: Path, page: str) -> None:
    """Rivals compute the same map: gaunt and clebsch_gordan never are."""
    assert not (report / "tables/rivals.csv").exists() and "two published implementations" in page


@pytest.mark.slow
def test_options_and_implementations_are_rivals(
    writer: Any, built: Callable[[Any], str], tmp_path: Path
) -> None:
    for name, time in (("torch_a", 1e-4), ("torch_b", 2e-4), ("torch_c", 1e-4), ("jax_a", 9e-5)):
        writer.case(f"gaunt.{name}", time=time, rounds=5)
    writer.case("clebsch_gordan.torch_a", time=1e-6, rounds=5)
    writer.case("gaunt.torch_wrong", time=1e-6, error=0.5, rounds=5)
    page = built(writer)
    rows = {row["implementation"]: row for row in tables(tmp_path / "out", "rivals")}
    assert set(rows) == {"gaunt.torch_b", "gaunt.torch_c"}
    assert {row["fastest"] for row in rows.values()} == {"gaunt.torch_a"}
    assert float(rows["gaunt.torch_b"]["speed"]) == pytest.approx(0.5)
    assert rows["gaunt.torch_b"]["verdict"] == "slower" and rows["gaunt.torch_b"]["rounds"] == "5"
    assert rows["gaunt.torch_c"]["verdict"] == "same"
    assert "gaunt.torch_b: 2.0× slower (≥ 2.0×)" in page


@pytest.mark.slow
def test_what_overtakes_as_the_batch_grows(
    writer: Any, built: Callable[[Any], str], tmp_path: Path
) -> None:
    for batch in (10, 100, 1000):
        at = {**PRODUCT, "lmax": 2, "batch": batch}
        for name, time in (("torch_dense", 1e-5 + 1e-7 * batch), ("torch_sparse", 1.5e-7 * batch)):
            writer.case(f"clebsch_gordan.{name}", at, time=time, rounds=3)
    assert "batch 10 to 1000" in built(writer)
    (row,) = tables(tmp_path / "out", "overtakings")
    assert (row["size"], row["above"]) == ("batch", "clebsch_gordan.torch_dense")
    assert 100 < float(row["lo"]) <= float(row["at"]) <= float(row["hi"]) < 1000


def test_what_is_not_dominated_is_listed_by_time(report: Path) -> None:
    rows = [
        r["implementation"]
        for r in tables(report, "trade")
        if "lmax 2" in r["problem"] and r["pass"] == "fwd" and r["front"] == "expressivity"
    ]
    assert rows == ["gaunt.torch_fourier", "clebsch_gordan.jax_sparse"]


@pytest.mark.slow
def test_the_price_of_a_dimension_is_the_least_of_an_operation(
    writer: Any, built: Callable[[Any], str], tmp_path: Path
) -> None:
    at = {**PRODUCT, "lmax": 1}
    extra = {"cost.flops": (1e6, "1"), "cost.flops.torch": (9e6, "1"), "mem.peak.rss": (4e4, "B")}
    writer.case("gaunt.torch_fourier", at, time=1e-4, dim=(5, 5), extra=extra)
    writer.case("gaunt.torch_grid", at, time=3e-4, extra={**extra, "mem.peak.rss": (2e4, "B")})
    writer.case("gaunt.torch_wrong", at, time=1e-6, error=0.5, status="wrong")
    writer.case("other.torch_dense", at, time=1e-4)
    assert "What one dimension of expressivity costs" in built(writer)
    (row,) = tables(tmp_path / "out", "price")
    assert row["operation"] == "gaunt" and float(row["dim"]) == 5.0
    assert float(row["time.host"]) == pytest.approx(1.04e-4 / 5)
    assert row["time.host of"] == "gaunt.torch_fourier"
    assert float(row["mem.peak.rss"]) == pytest.approx(2e4 / 5)
    assert row["mem.peak.rss of"] == "gaunt.torch_grid"
    assert float(row["cost.flops"]) == pytest.approx(1e6 / 5)
    assert "cost.flops.torch" not in row and "energy.gpu" not in row
