"""One of each, added as a user would: one file outside the suite, and the command that it is for.

Each test puts one file into an empty folder and runs there what CONTRIBUTING.md names. That each
fault of such a file is found is tested in test_plugins.py.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.measuring.probes import analyses, probes
from bench.record.rows import FINISHED
from bench.record.rows import load as rows_of
from impls.registry import load

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "tests/plugins"
ANALYSIS = PLUGINS / "homogeneity.py"
QUESTION = """
[[block]]
show = "what it is there to show"
family = "product"
setting = "mimo"
lmax = [1, 2]
batch = 4
"""
CHART = """
[[figure]]
name = "mine"
title = "My {clock} time against lmax"
select = "product/*"
x = "lmax"
y = "time"
"""


class Folder:
    """A user's folder: one file is put there, and commands are run there."""

    def __init__(self, path):
        self.path = path

    def put(self, file):
        shutil.copy(PLUGINS / file, self.path)

    def write(self, name, text):
        (self.path / name).write_text(text, encoding="utf-8")

    def run(self, *words, code=0):
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=self.path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def answer(self, *words, code=0):
        return json.loads(self.run(*words, "--format", "json", code=code))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return a folder with a question of one block, and the run that it made."""
    folder = Folder(tmp_path_factory.mktemp("measured"))
    folder.write("my_question.toml", QUESTION)
    only = "--implementation", "clebsch_gordan.numpy_dense", "--rounds", 1, "--pass", "fwd"
    folder.run("bench", "run", "--profile", "my_question.toml", *only, "--device", "cpu",
               "--plain", "--out", "rows")  # fmt: skip
    return folder


def test_an_algorithm_is_one_file(folder):
    folder.put("my_algorithm.py")
    asked = "--family", "product", "--setting", "mimo", "--lmax", 1, "--batch", 16
    found = folder.answer(
        "bench", "check", "my_algorithm.py", *asked, "--dtype", "float64", "--plain",
    )  # fmt: skip
    assert all(row["passed"] for row in found)
    checked = {row["case"].split("::")[1].split("/")[0] for row in found}
    assert checked == {f"clebsch_gordan.{name}_by_path" for name in ("numpy", "torch", "jax")}


def test_an_operation_is_one_file(folder):
    folder.put("scaled.py")
    asked = "--family", "product", "--setting", "siso,mimo", "--lmax", 2, "--batch", 16
    found = folder.answer("bench", "check", "scaled.py", *asked, "--device", "cpu", "--plain")
    ended = Counter(row["status"] for row in found)
    assert ended["ok"] > 6 and set(ended) == {"ok", "skip"}
    assert all("x begins with" in row["reason"] for row in found if row["status"] == "skip")
    frameworks = {row["case"].split("::")[1].split("/")[0] for row in found}
    assert frameworks == {f"scaled.{name}_broadcast" for name in ("numpy", "torch", "jax")}
    asked = "bench", "analyse", "expressivity", "--operation", "scaled", "--lmax", 2
    rows = folder.answer(
        *asked, "--implementation", "numpy_broadcast", "--with", "scaled.py", "--plain",
        "--out", "answers",
    )  # fmt: skip
    assert [(row["dim"], row["expected_dim"], row["full"]) for row in rows][-1] == (3, 3, 15)


def test_a_question_is_one_block(measured):
    asked = measured.answer("bench", "problem", "--profile", "my_question.toml")
    answered = Counter(row["operation"] for row in asked if row["answers"])
    assert answered["clebsch_gordan"] == answered["gaunt"] == 2, "one for each lmax"
    ended = [row for row in rows_of(measured.path / "rows") if row["probe"] == FINISHED]
    assert sorted(row["facet.lmax"] for row in ended) == [1, 2]
    assert {row["status"] for row in ended} <= {"ok", "noisy"}


def test_an_analysis_is_one_file(folder):
    folder.put(ANALYSIS)
    asked = "bench", "analyse", "homogeneity", "--with", "homogeneity.py", "--plain"
    assert "Degree in the inputs" in folder.run(*asked, "--help")
    one = "--operation", "gaunt", "--implementation", "numpy_grid", "--lmax", 2, "--out", "answers"
    rows = folder.answer(*asked, *one)
    assert [(row["lmax"], row["degree"], row["expected_degree"]) for row in rows] == [
        (1, 2, 2), (2, 2, 2),
    ]  # fmt: skip
    text = (folder.path / "homogeneity.py").read_text(encoding="utf-8")
    folder.write("homogeneity.py", text.replace("2 * a if", "3 * a if"))
    rows = folder.answer(*asked, *one, code=1)
    assert all(row["degree"] > 3 for row in rows), "a file that is changed measures again"


def test_an_analysis_that_takes_a_name_is_refused(tmp_path):
    file = tmp_path / "nero.py"
    file.write_text(ANALYSIS.read_text(encoding="utf-8").replace('"homogeneity"', '"nero"'))
    plugins = load([file, file]).plugins
    assert len(plugins) == 1 and not load().plugins, "a file is read once, for whoever names it"
    for declared in (probes, analyses):
        with pytest.raises(ValueError, match=r"'nero' of .*nero\.py is declared twice; rename it"):
            declared(plugins)


def test_a_line_chart_is_one_block(measured):
    measured.write("my_charts.toml", CHART)
    measured.run("reports", "build", "rows", "--set", "my_charts.toml", "--out", "page")
    page = (measured.path / "page/index.html").read_text(encoding="utf-8")
    assert "My Host time against lmax" in page
    lines = (measured.path / "page/tables/mine.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and "clebsch_gordan.numpy_dense" in lines[1]
    assert (measured.path / "page/figures/mine.svg").stat().st_size > 1000
