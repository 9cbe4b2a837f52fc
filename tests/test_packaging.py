"""What the distribution ships: every package, and every file that the code reads beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("impls", "analysis", "bench", "reports")
NOT_SHIPPED = ("reports/out", "reports/published")
"""What is written by a run, and the rows that are published: they are read where they are there."""
FOUND = """
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration
print(*apply_configuration(Distribution(), "pyproject.toml").packages)
"""


BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
NEEDED = ("pyproject.toml", "README.md", "LICENSE")
"""What the build reads beside the packages."""


def files():
    for tree in TREES:
        for file in sorted((ROOT / tree).rglob("*")):
            name = file.relative_to(ROOT).as_posix()
            if file.is_file() and "__pycache__" not in name and not name.startswith(NOT_SHIPPED):
                yield file


def test_every_folder_with_code_is_a_package_of_the_distribution():
    pytest.importorskip("setuptools")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FOUND],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    packages = set(done.stdout.split())
    folders = {file.parent for file in files() if file.suffix == ".py"}
    expected = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert expected <= packages, sorted(expected - packages)
    assert {package.split(".")[0] for package in packages} == set(TREES)
    bare = [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").is_file()]
    assert not bare, f"folders of code without __init__.py: {bare}"


def test_every_file_beside_the_code_is_shipped():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    globs = config["tool"]["setuptools"]["package-data"]
    shipped = {
        file
        for package, patterns in globs.items()
        for pattern in patterns
        for file in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    data = {file for file in files() if file.suffix != ".py"}
    assert len(data) > 30 and ROOT / "impls/inputs/g2.csv" in data
    left = sorted(str(file.relative_to(ROOT)) for file in data - shipped)
    assert not left, f"add to [tool.setuptools.package-data] in pyproject.toml: {left}"
    idle = [f"{p}: {g}" for p, gs in globs.items() for g in gs
            if not any(ROOT.joinpath(*p.split(".")).glob(g))]  # fmt: skip
    assert not idle, f"these match nothing: {idle}"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Return the folder of an unpacked wheel, built from a copy of what is here."""
    pytest.importorskip("setuptools", "70.1", reason="an older one builds no wheel by itself")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for file in (*files(), *(ROOT / name for name in NEEDED)):
        copy = source / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD, str(out)],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(out / "site")
    return out / "site"


@pytest.fixture(scope="module")
def elsewhere(unpacked, tmp_path_factory):
    """Return what runs Python in an empty folder that sees the unpacked wheel, and no checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}

    def python(*words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = python("-c", "import bench, reports; print(bench.__file__, reports.__file__)")
    assert all(Path(file).is_relative_to(unpacked) for file in where.split())
    return folder, python


@pytest.mark.slow
def test_a_wheel_holds_every_file_and_nothing_else(unpacked):
    held = {file.relative_to(unpacked) for file in unpacked.rglob("*") if file.is_file()}
    held = {file for file in held if not file.parts[0].endswith(".dist-info")}
    assert held == {file.relative_to(ROOT) for file in files()}


@pytest.mark.slow
def test_a_wheel_lists_and_checks_elsewhere(elsewhere):
    _, python = elsewhere
    listed = python("-m", "bench", "list", "--operations")
    assert "clebsch_gordan" in listed and "escn" in listed
    one = "clebsch_gordan.numpy_dense"
    checked = python("-m", "bench", "check", one, "--device", "cpu", "--plain")
    assert "clebsch_gordan.numpy_dense: right in" in checked


@pytest.mark.slow
def test_a_wheel_measures_and_reports_elsewhere(elsewhere):
    folder, python = elsewhere
    python(
        "-m", "bench", "run", "--family", "product", "--setting", "mimo", "--lmax", "1",
        "--batch", "4", "--implementation", "clebsch_gordan.numpy_dense", "--rounds", "1",
        "--device", "cpu", "--plain", "--out", "rows",
    )  # fmt: skip
    said = python("-m", "reports", "build", "rows", "--out", "page")
    assert "page: page/index.html" in said
    page = (folder / "page/index.html").read_text(encoding="utf-8")
    assert "<style>" in page and "clebsch_gordan.numpy_dense" in page
    bib = (folder / "page/methods.bib").read_text(encoding="utf-8")
    assert "@" in bib
    atoms = "from impls.inputs.structures import names; print(len(names()))"
    assert int(python("-c", atoms)) > 20, "the molecules are read from g2.csv"
