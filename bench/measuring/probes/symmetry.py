"""How equivariant a case is: over each subgroup, along each generator, and not for want of a test.

* `symmetry.<subgroup>`: the largest |f(g x) - g f(x)| / |f(x)| over 32 elements; the mean and the
  95th percentile are in its detail. Rotations, inversion, permutations, translations apart.
* `symmetry.<subgroup>.<generator>`: |d/dt (f(g x) - g f(x))| / |f(x)| per unit of t, g = exp(t X).
* `symmetry.guard.<guard>`: what would make these empty: `collapse` (the spread of outputs over
  inputs), `determinism` (the difference of two calls) and `action` (the largest relative motion of
  an input); a guard that fails makes the case wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from analysis.equivariance import difference_step, guards, local_errors
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples, of, reason
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.spaces import Arrays
from impls.streams import Streams

ELEMENTS = 32
DRAWS = 8
EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "tf32": 2.0**-10, "bfloat16": 2.0**-7}
"""The distance from 1 to the next number."""


def eps_of(built: BuiltCase) -> float:
    """Return the distance from 1 to the next number in the precision of a case."""
    precision = built.case.target.precision
    return EPS["tf32" if precision == "tf32" else built.problem.dtype]


def symmetry(built: BuiltCase) -> Iterable[Reading]:
    """Yield the guards, then the errors over subgroups and along generators; forward pass only."""
    if built.case.pass_ != "fwd":
        return
    rng = np.random.default_rng([built.problem.seed, 7])
    elements = {
        name: subgroup.sample(rng, ELEMENTS) for name, subgroup in built.group.subgroups.items()
    }
    limit = tolerance(built.problem, built.case.target)
    spaces = built.input_spaces
    found = guards(built.outputs, spaces, list(_draws(built)), elements, built.mask)
    problems = found.problems(limit)
    values = {
        "collapse": found.spread,
        "determinism": found.irreproducible,
        "action": max(found.moved.values(), default=0.0),
    }
    for guard, value in values.items():
        detail: dict[str, Any] = {}
        if guard in problems:
            detail["problem"] = problems[guard]
        if guard == "collapse":
            detail |= {"effective_rank": found.effective_rank, "draws": DRAWS}
        passed = guard not in problems
        yield Reading(f"symmetry.guard.{guard}", value, n=1, detail=detail, passed=passed)
    if "collapse" not in problems:
        for name in elements:
            yield _over(built, name, elements[name], limit, found.moved[name])
            yield from _along(built, name, limit)


def _draws(built: BuiltCase) -> Iterable[Arrays]:
    """Yield the inputs of the case, then others of its family; the weights stay."""
    own = built.arrays()
    yield own
    for number in range(1, DRAWS):
        streams = Streams(built.problem.seed, 8, number)
        drawn = built.family.draw(built.problem, streams)
        yield {**own, **built.operation.taken(drawn)}


def _over(built: BuiltCase, name: str, elements: list[Any], limit: float, moved: float) -> Reading:
    summary = built.asymmetry(elements).summary()
    detail = {"elements": len(elements), "moved": moved, **summary}
    return _judged(built, f"symmetry.{name}", name, summary["max"], 2 * limit, detail)


def _along(built: BuiltCase, name: str, limit: float) -> Iterable[Reading]:
    step = difference_step(eps_of(built))
    slopes = local_errors(
        built.outputs,
        built.input_spaces,
        built.output_spaces,
        built.arrays(),
        built.group.subgroups[name].generators,
        built.mask,
        step=step,
    )
    for generator, value in slopes.items():
        detail = {"generator": generator, "step": step}
        yield _judged(built, f"symmetry.{name}.{generator}", name, value, 2 * limit / step, detail)


def _judged(
    built: BuiltCase, probe: str, subgroup: str, value: float, limit: float, detail: dict[str, Any]
) -> Reading:
    finite = bool(np.isfinite(value))
    claimed = subgroup in built.operation.exact
    return Reading(
        probe,
        value if finite else None,
        n=1,
        detail={"subgroup": subgroup} | detail,
        claimed=claimed,
        limit=limit if claimed else None,
        passed=finite and value <= limit if claimed else None,
    )


PROBES = (Probe("symmetry", symmetry),)


def _equivariance(rows: Rows) -> Iterator[Record]:
    """Yield the guards, then the error over each subgroup and along each generator."""
    for row in of(rows, "symmetry."):
        detail, guard = row["detail"], row["probe"].startswith("symmetry.guard.")
        kind = "guard" if guard else "generator" if "generator" in detail else "elements"
        yield {
            "kind": kind,
            "subgroup": detail.get("subgroup", ""),
            "name": row["probe"].rpartition(".")[2] if guard else detail.get("generator", ""),
            **{name: detail.get(name, row["value"]) for name in ("mean", "p95", "max")},
            **{name: row[name] for name in ("claimed", "passed")},
            **reason(row),
        }


ANALYSES = (
    Analysis(
        "equivariance",
        "Equivariance error over every subgroup and along every generator.",
        ("error", "symmetry"),
        _equivariance,
        couples,
        "--operation escn --setting full --data poles:64x16 --lmax 2",
        (
            "A line for each subgroup and generator: mean, largest and 95th percentile of the "
            "relative error, whether the symmetry is claimed, and whether the claim holds; before "
            "them the guards that make such an error mean something."
        ),
        (
            "python -m bench analyse nero says where on an orbit the error is; docs/symmetry.md "
            "what is judged."
        ),
        swept=True,
    ),
)
