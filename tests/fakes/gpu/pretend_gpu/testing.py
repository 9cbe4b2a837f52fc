"""A box with pretend GPUs, from outside: commands that run on it, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

FAKES = Path(__file__).parents[1]
ROOT = Path(__file__).parents[4]
TRAPS = ROOT / "tests/traps/gpu.py"
PROFILE = """
title = "by hand"
passes = ["fwd"]
rounds = 1
case_timeout = {timeout}
probes = "{probes}"
sampling = {{least = 3, most = 3, target = 100.0, seconds = 60.0}}
"""
BLOCK = """
[[block]]
show = "by hand"
family = "product"
setting = "mimo"
symmetry = "{symmetry}"
lmax = {lmax}
batch = 16
implementations = {names}
also = {also}
"""


class Box:
    """A machine with pretend GPUs, whose commands and processes feel each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def environment(self, settings, variables):
        """Return the variables of a process on the box."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA_", "JAX_"))}
        ledger = self.folder / "ledger"
        ledger.mkdir(exist_ok=True)
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(FAKES), str(ROOT)]),
            "PATH": os.pathsep.join([str(FAKES / "bin"), kept["PATH"]]),
            "TMPDIR": str(self.folder),
            "EQUIBENCH_PRETEND_GPU": json.dumps({"ledger": str(ledger), **settings}),
            **variables,
        }

    def call(self, *words, settings=None, variables=None):
        """Return what a command says; `variables` are of its environment."""
        said = self.environment(settings or {}, variables or {})
        command = [str(word) for word in words]
        return subprocess.run(command, capture_output=True, text=True, env=said, cwd=ROOT)

    def bench(self, *words, **rest):
        """Return what `python -m bench` says."""
        return self.call(sys.executable, "-m", "bench", *words, **rest)

    def python(self, code, **rest):
        """Return the JSON that a piece of Python prints."""
        found = self.call(sys.executable, "-c", code, **rest)
        assert not found.returncode, found.stderr
        return json.loads(found.stdout)

    def run(self, *blocks, words=(), probes="check", timeout=60, settings=None, known=True, **rest):
        """Run blocks of (names, symmetry, lmax, *probes), with the traps.

        Returns what is said and the rows. Each block also has the probes of all. To be short, JAX
        is absent, and what the card reaches is `known` already.
        """
        text = PROFILE.format(timeout=timeout, probes=probes)
        for names, symmetry, lmax, *also in blocks:
            asked = {"names": json.dumps(names), "also": json.dumps(also)}
            text += BLOCK.format(symmetry=symmetry, lmax=lmax, **asked)
        profile, out = self.folder / "profile.toml", self.folder / "out"
        profile.write_text(text, encoding="utf-8")
        out.mkdir(exist_ok=True)
        if known:
            (out / "peaks.json").write_text("{}", encoding="utf-8")
        where = ("--device", "cuda", "--plain", "--with", TRAPS, "--out", out)
        settings = {"absent": ["jax"], **(settings or {})}
        said = self.bench("run", "--profile", profile, *where, *words, settings=settings, **rest)
        return SimpleNamespace(said=said, out=out, rows=rows_of(out))


def rows_of(out):
    """Return the rows of a run, if there are any."""
    file = out / "rows.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]
