"""Does the answer move little when the inputs do? It need not where a map decides between cases.

`continuity.<step>`: the largest |f(x + t d) - f(x)| / |f(x)| over random directions d of all real
inputs, at the relative step t, so that a smooth map has about t. What is below the rounding of the
data type is not asked. It is asked before any gate, also of what is wrong, and gates nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from analysis.continuity import moves
from bench.measuring.built_case import BuiltCase, differentiable
from bench.measuring.probes import Analysis, Probe, Record, Rows, of
from bench.measuring.probes.symmetry import eps_of
from bench.record.rows import Reading
from impls.operation import Operation

STEPS = (1e-3, 1e-6, 1e-9)
ROUNDING = 1e3
"""Steps are so many times the rounding of the data type at least."""


def continuity(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each step; forward pass only."""
    names = differentiable(built.read_spaces)
    if built.case.pass_ != "fwd" or not names:
        return
    steps = [step for step in STEPS if step >= ROUNDING * eps_of(built)]
    rng = np.random.default_rng([built.problem.seed, 10])
    for step, moved in moves(built.outputs, built.arrays(), names, steps, rng).items():
        finite = bool(np.isfinite(moved))
        detail = {"step": step} | ({} if finite else {"problem": "the answer is not finite"})
        yield Reading(
            f"continuity.{step:g}", moved if finite else None, n=1, detail=detail, passed=finite
        )


PROBES = (Probe("continuity", continuity),)


def _read(rows: Rows) -> Iterator[Record]:
    """Yield how far the answer moves at each step, then the errors of symmetry."""
    for row in of(rows, "continuity."):
        yield {"of": "step", "name": f"{row['detail']['step']:g}", "value": row["value"]}
    for row in of(rows, "equiv."):
        name = row["probe"].partition(".")[2]
        yield {"of": "symmetry", "name": name, "value": row["value"], "passed": row["passed"]}


def applies(operation: Operation) -> bool:
    """Return True: every map has inputs that can move."""
    return True


ANALYSES = (
    Analysis(
        "continuity",
        "How far the answer moves when inputs move a little, and symmetry at the same inputs.",
        ("continuity", "equiv"),
        _read,
        applies,
        "--operation gaunt --lmax 2 --dtype float64",
        (
            "A line for each relative step of the inputs: by how much the output moves relative "
            "to its size, about as much where the map is smooth. Then the error of each symmetry, "
            "on these inputs."
        ),
        "--data asks it of inputs near which a map decides (frames: --data gap:1e-9).",
        swept=True,
    ),
)
