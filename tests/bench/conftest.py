"""Small problems, plans made by hand, and the trap plug-ins."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.ask.plan import Plan, planned_of
from bench.ask.profile import Profile, Sampling
from bench.record.case import Case
from bench.record.rows import FINISHED
from impls.families.product import problem
from impls.implementation import MODES, Target
from impls.registry import load as load_registry

ROOT = Path(__file__).parents[2]
TRAPS = sorted((ROOT / "tests/traps").glob("*.py"))


class Hand:
    """What the tests of this folder make by hand."""

    root = ROOT
    traps = TRAPS

    @staticmethod
    def problem(symmetry="o3", dtype="float64", **changes):
        """Return a product problem that everything answers in microseconds."""
        return problem("mimo", 1, symmetry, **{"batch": 16, "dtype": dtype, **changes})

    @classmethod
    def case(cls, registry, name, asked=None, pass_="fwd"):
        mode = MODES[registry.implementation(name).framework][0]
        return Case(asked or cls.problem(), name, pass_, mode, Target())

    @staticmethod
    def plan(registry, cases, samples=3, **settings):
        """Return a plan of some cases: the gates, the first call, three samples."""
        chosen = {
            "passes": ("fwd",),
            "rounds": 1,
            "sampling": Sampling(samples, samples, target=100.0),
            "case_timeout": 60.0,
            "probes": ("time.first", "error", "equiv"),
        }
        return Plan("hand", Profile(**(chosen | settings)), planned_of(cases, registry))

    @staticmethod
    def ends(rows):
        """Return the row `case` of each (implementation, symmetry, pass)."""
        return {
            (row["implementation"].split(".")[-1], row["facet.symmetry"], row["pass"]): row
            for row in rows
            if row["probe"] == FINISHED
        }

    @staticmethod
    def before(rows, end):
        """Return the rows of the attempt that ended with the row `end`, by probe."""
        name = end["key"], end["attempt"]
        return {row["probe"]: row for row in rows if (row["key"], row["attempt"]) == name}

    @staticmethod
    def workers(directory):
        """Return the processes that write to a log in this run directory."""
        found = []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(process / "fd/1").startswith(f"{directory.resolve()}/"):
                    found.append(int(process.name))
        return found


class Said:
    """Runs a command line in this process."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *arguments, line=main):
        """Return (exit code, stdout, stderr)."""
        try:
            code = line([str(a) for a in arguments])
        except SystemExit as end:  # argparse
            code = end.code
        shown = self.capsys.readouterr()
        return code, shown.out, shown.err

    def rows(self, *arguments, line=main, code=0):
        """Return what was listed, after the exit code that is expected."""
        found, out, err = self(*arguments, "--format", "json", line=line)
        assert found == code, err
        return json.loads(out)


@pytest.fixture
def said(capsys):
    return Said(capsys)


@pytest.fixture(scope="session")
def hand():
    return Hand


@pytest.fixture(scope="session")
def registry():
    """What is built in."""
    return load_registry()


@pytest.fixture(scope="session")
def trapped():
    """What is built in, and every trap."""
    return load_registry(TRAPS)
