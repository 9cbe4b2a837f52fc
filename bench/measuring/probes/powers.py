"""The weights of an operation on powers of one feature: how many of them are independent.

`weights.independent.<irrep>`: the rank of the outputs of that irrep as functions of the weights, on
random inputs, read off the running implementation; `weights.independent` is that of all. In the
detail are `weights` (how many there are for it), and by characters alone (`analysis.powers`)
`minimal`, all equivariant polynomials, `nested`, the couplings that a basis of ordered chains
stores for them, and both again for the degrees 1..nu together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from analysis import powers
from analysis.powers import Count
from analysis.rank import Rank
from bench.measuring.blackbox import called, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import LARGEST, Analysis, Probe, Record, Rows, of, reason
from bench.record.rows import Reading
from impls.families.feature import irreps_of, nu_of
from impls.operation import Operation
from impls.problem import Problem
from impls.spaces import Array

MORE = 8
"""Samples beside one for each weight, so that a rank is not limited by them."""
ALL = "all"
"""What the line of all output irreps together is called."""


def weights(built: BuiltCase) -> Iterable[Reading]:
    """Yield `weights.independent` of a power of one feature that is linear in its weights."""
    operation, family = built.operation, built.family
    if not applies(operation) or family.single is None or nu_of(built.problem) < 2:
        return
    single = replace(family.single(built.problem), dtype=widest(built))
    if single.dtype != "float64":
        yield Reading("weights.independent", None, detail={"unavailable": "it needs float64"})
        return
    maps = _maps(built, single)
    inside, out = irreps_of(single)
    nu, total, degrees = nu_of(single), Count(0, 0), Count(0, 0)
    for (mul, ir), place in zip(out, out.slices(), strict=True):
        one, every = powers.count(inside, ir, nu), powers.up_to(inside, ir, nu)
        for copy in range(mul):
            start = place.start + copy * ir.dim
            yield _reading(str(ir), nu, maps[..., start : start + ir.dim], one, every)
            total, degrees = total + one, degrees + every
    yield _reading(ALL, nu, maps, total, degrees)


def applies(operation: Operation) -> bool:
    """Return whether it makes powers of one feature with weights in which it is linear."""
    linear = [name for name, degree in operation.linear_in if degree == 1 and name != "x"]
    return operation.family == "feature" and bool(linear)


def _maps(built: BuiltCase, single: Problem) -> Array:
    """Return the outputs for each weight alone [weights, samples, dim]."""
    spaces = built.operation.weights(single)
    (name, space), *_ = spaces.items()
    many = int(np.prod(space.shape))
    asked = single.with_sizes(batch=many + MORE)
    space = built.operation.weights(asked)[name]
    rng = np.random.default_rng(0)
    inputs = {
        key: rng.standard_normal(given.shape)
        for key, given in built.operation.taken(built.family.inputs(asked)).items()
    }
    call = called(built, asked)
    units = np.eye(many)
    if space.axis == built.family.batch:  # each sample has its own weights
        units = np.repeat(units[:, None], many + MORE, axis=1)
    found = [next(iter(call(inputs, {name: unit.reshape(space.shape)}).values())) for unit in units]
    return np.array(found).reshape(many, many + MORE, -1)


def _reading(irrep: str, nu: int, maps: Array, one: Count, every: Count) -> Reading:
    used = maps[np.any(maps != 0.0, axis=(1, 2))]
    found = Rank.of(used.reshape(len(used), -1)) if len(used) else Rank(0, float("inf"))
    detail: dict[str, Any] = {
        "irrep": irrep,
        "nu": nu,
        "weights": len(used),
        "minimal": one.minimal,
        "nested": one.nested,
        "minimal_up_to_nu": every.minimal,
        "nested_up_to_nu": every.nested,
        "gap": min(found.gap, LARGEST),
        "verdict": found.verdict,
    }
    passed = found.value <= one.minimal
    if not passed:
        detail["problem"] = f"{found.value} independent maps, of {one.minimal} equivariant ones"
    probe = "weights.independent" if irrep == ALL else f"weights.independent.{irrep}"
    return Reading(probe, float(found.value), n=1, detail=detail, passed=passed)


NAMES = ("minimal", "nested", "minimal_up_to_nu", "nested_up_to_nu", "gap", "verdict")


def _weights(rows: Rows) -> Iterator[Record]:
    """Yield each output irrep, then all together."""
    for row in of(rows, "weights.independent"):
        detail: Mapping[str, Any] = row["detail"]
        if row["value"] is not None:
            yield {
                **{name: detail[name] for name in ("nu", "irrep", "weights")},
                "independent": int(row["value"]),
                **{name: detail[name] for name in NAMES},
                "passed": row["passed"],
                **reason(row),
            }


PROBES = (Probe("weights", weights),)
ANALYSES = (
    Analysis(
        "weights",
        "Weights of powers of one feature: how many, how many independent, of how many maps.",
        ("error", "weights"),
        _weights,
        applies,
        "--operation symmetric_contraction --family feature --nu 3"
        " --irreps-in 0e+1o+2e+3o --irreps-out 0e+1o",
        (
            "A line for each irrep of the output, and one for all: the weights that act on it, how "
            "many are independent, minimal, the number of equivariant polynomials of this degree, "
            "and nested, that of the couplings of ordered factors that MACE stores; both again for "
            "the degrees 1..nu together."
        ),
        (
            "python -m bench run --operation symmetric_contraction with the same words says what "
            "the option basis=nested costs beside minimal (--vary)."
        ),
    ),
)
