"""Reduced coefficients of a bilinear operation: read off the running implementation, and its own.

The implementation is built for the smallest problem with the same irreps, in float64 where it can
be, and evaluated on pairs of basis vectors. Weights are one; channels, nodes and edges all carry
the same vector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis.reduced import Blocks, bilinear_blocks, compare, labels
from bench.measuring.blackbox import BlackBox, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.tolerances import tolerance
from impls.operation import Path
from impls.problem import Problem
from impls.so3.irreps import Irrep

Labels = tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]


@dataclass(frozen=True)
class Coefficients:
    """The measured blocks, the labels of the claimed group, and the derived coefficients."""

    blocks: Blocks
    labels: Labels
    derived: dict[Path, float]
    agree: bool
    difference: float


@dataclass(frozen=True)
class Question:
    """What is asked of an operation that is bilinear in two inputs, and its own answer."""

    single: Problem
    names: tuple[str, str]
    labels: Labels
    derived: dict[Path, float]


def asked(built: BuiltCase) -> Question | None:
    """Return what is asked of an operation; None for one that is not bilinear in two inputs."""
    operation, family = built.operation, built.family
    if operation.coefficients is None or family.single is None:
        return None
    single = replace(family.single(built.problem), dtype=widest(built))
    parity = "inversion" in operation.exact
    inputs = operation.taken(family.inputs(single))
    bilinear = [name for name, degree in operation.linear_in if name in inputs]
    if len(bilinear) != 2:
        return None
    output = next(iter(operation.outputs(single).values()))
    spaces = (inputs[bilinear[0]], inputs[bilinear[1]], output)
    all_labels = tuple(labels(str(space.irreps), parity) for space in spaces)
    parts: Labels = (all_labels[0], all_labels[1], all_labels[2])
    derived = dict(operation.coefficients(single))
    return Question(single, (bilinear[0], bilinear[1]), parts, derived)


def read_off(built: BuiltCase) -> Coefficients | None:
    """Return the coefficients of an implementation, and the operation's; None as `asked`."""
    if (question := asked(built)) is None:
        return None
    evaluate = BlackBox(built, question.single, *question.names)
    # In float64 the tables of some peers are exact to about 1e-9 only.
    limit = 100 * tolerance(question.single, built.case.target)
    batched = built.family.batch is not None
    blocks = bilinear_blocks(evaluate, *question.labels, tolerance=limit, same_size=batched)
    found = compare(blocks, question.derived, tolerance=limit)
    return Coefficients(blocks, question.labels, question.derived, found.agree, found.difference)
