"""A run of thousands of cases: built in a minute, on a page that still opens."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.reports import large

CASES = 9_000
BUILD = """
import json, resource, sys, time
from pathlib import Path
from reports.build import build
build(Path(sys.argv[1]), Path(sys.argv[2]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": time.process_time(), "bytes": peak}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """Return the report of many cases, and what building it took a process of its own."""
    directory, out = tmp_path_factory.mktemp("large"), tmp_path_factory.mktemp("large-report")
    assert large.write(directory, CASES) >= 100_000
    said = subprocess.run(
        [sys.executable, "-c", BUILD, directory, out], capture_output=True, text=True, check=True
    )
    return out, json.loads(said.stdout.splitlines()[-1])


@pytest.mark.alone
def test_a_large_run_is_built_in_a_minute_and_two_gibibytes(
    built: tuple[Path, dict[str, float]],
) -> None:
    """Judged by the time of the processor: what else runs on the machine does not count."""
    _, took = built
    assert took["seconds"] < 60 and took["bytes"] < 2 * 2**30


@pytest.mark.alone
def test_a_large_page_opens_and_loses_nothing(built: tuple[Path, dict[str, float]]) -> None:
    out, _ = built
    page = (out / "index.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 5_000_000
    drawn = list((out / "figures").glob("*.svg"))
    assert 10 <= len(drawn) <= 40 and page.count('<div class="panels" role="img"') == len(drawn)
    with (out / "tables/all-cases.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    frame = pq.read_table(out / "tables/all-cases.parquet").to_pydict()
    assert len(rows) == len(frame["case"]) == CASES
    assert frame["case"] == [row["case"] for row in rows]
    assert frame["time [s]"] == [float(row["time [s]"]) for row in rows]
    for name in re.findall(r'href="(tables/[^"]+)"', page):
        assert (out / name).is_file()
    undrawn = re.search(r"(\d+) more charts are not drawn", page)
    assert undrawn and page.count('<li id="time') >= int(undrawn[1]) > 50


@pytest.mark.parametrize(("limit", "most"), [("EMBEDDED", 20), ("ROOM", 6_000)])
def test_what_is_beyond_a_limit_is_said_and_in_the_files(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    from reports.build import build

    monkeypatch.setattr(f"reports.tables.cases.{limit}", most)
    build(run_directory, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="explorer-data">(.*?)</script>', page)[1])  # type: ignore[index]
    assert 10 < data["count"] == len(data["keys"]) <= 20 < data["total"]
    result = next(field for field in data["fields"] if field["name"] == "result")
    assert (result["words"], result["at"]) == (["timed"], None), "those with a time come first"
    assert f"{data['count']} of {data['total']} cases are in this page" in page
    with (tmp_path / "tables/all-cases.csv").open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == data["total"]
