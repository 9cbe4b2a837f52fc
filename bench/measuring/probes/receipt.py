"""Which kernel ran: a receipt of one call, taken beside the timed ones.

* `receipt`: how many operators, or instructions of the compiled program, one call of the pass runs;
  its detail has under `ran` how often each, by name. Nothing for NumPy, where nobody counts.
* `conduct.receipt`: how many claims of the implementation the receipt contradicts. What it declares
  with `runs` must be there, in mode `compile` a compiled graph, and no package may have said that
  it falls back to something else.

On a GPU `time.kernels` has the kernels of these by name, as the driver recorded them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from bench.measuring import fallbacks
from bench.measuring.built_case import BuiltCase
from bench.measuring.frameworks import COMPILED, Uncounted
from bench.measuring.probes import Probe, within
from bench.record.rows import Reading

GRAPH = "a graph that is replayed runs no operators: time.kernels names its kernels"
NAMED = 5
"""So many names of a receipt are said where it lacks one."""


def receipt(built: BuiltCase) -> Iterable[Reading]:
    """Yield `receipt` and, where something is declared or was said, `conduct.receipt`."""
    if built.case.mode == "cudagraph":
        yield Reading("receipt", None, detail={"unavailable": GRAPH})
        return
    ran: Mapping[str, int] = {}
    try:
        ran = built.framework.ran(built.function, built.arguments, built.case.mode)
    except Uncounted as reason:
        yield Reading("receipt", None, detail={"unavailable": str(reason)})
    if ran:
        yield Reading("receipt", float(sum(ran.values())), n=1, detail={"ran": ran})
    declared = declared_by(built) if ran else ()
    if not (declared or fallbacks.HEARD):
        return
    problems = [*lacking(declared, ran), *(f"it was said: {said}" for said in fallbacks.HEARD)]
    yield within(
        "conduct.receipt", float(len(problems)), 0.0, "; ".join(problems), declared=list(declared)
    )


def declared_by(built: BuiltCase) -> tuple[str, ...]:
    """Return the patterns of names that must be in the receipt of a case."""
    return built.code.runs + ((COMPILED,) if built.case.mode == "compile" else ())


def lacking(declared: Sequence[str], ran: Mapping[str, int]) -> list[str]:
    """Return for each pattern that no name matches what is wrong, in words."""
    most = sorted(ran, key=lambda name: -ran[name])
    others = ", ".join(most[:NAMED]) + (" and others" if len(most) > NAMED else "")
    return [
        f"{pattern} is declared, and what ran is {others}"
        for pattern in declared
        if not any(fnmatchcase(name, pattern) for name in ran)
    ]


PROBES = (Probe("conduct.receipt", receipt),)
