"""Imports go one way, and nothing that only lists or plans imports a framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
LIGHT = """
import sys
import analysis.__main__, bench.commands.line, bench.measuring.worker, reports.commands.line
heavy = sorted({"torch", "jax", "e3nn", "e3nn_jax"} & set(sys.modules))
assert not heavy, heavy
"""
STARTED = """
import sys
import bench.measuring.worker
from bench.measuring.probes import probes
from impls.registry import load
load()
probes()
slow = ("spatial", "stats", "optimize", "integrate", "interpolate", "signal", "ndimage", "linalg",
        "sparse.linalg", "sparse.csgraph")
heavy = {f"scipy.{name}" for name in slow}
heavy |= {"torch", "jax", "e3nn", "e3nn_jax", "pandas", "pyarrow", "matplotlib", "sympy", "rich"}
assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))
"""


def python(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def test_imports_go_one_way():
    pytest.importorskip("importlinter")
    done = python(LINT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_command_lines_import_no_framework():
    done = python(LIGHT)
    assert done.returncode == 0, done.stderr


def test_workers_and_listings_do_not_pay_for_what_they_may_never_use():
    """Frameworks, and modules of a tenth of a second or more, are imported where they are used."""
    done = python(STARTED)
    assert done.returncode == 0, done.stderr
