"""What the distribution ships: every package, and every file that the code reads beside it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("impls", "analysis", "bench", "reports")
NOT_SHIPPED = ("reports/out", "reports/published")
"""What is written by a run, and the rows that are published: nothing reads them when installed."""
FOUND = """
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration
print(*apply_configuration(Distribution(), "pyproject.toml").packages)
"""


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
