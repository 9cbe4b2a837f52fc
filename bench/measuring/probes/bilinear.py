"""A bilinear implementation as a black box between labelled spaces, with what it should couple."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from analysis.reduced import Evaluate
from bench.measuring.blackbox import BlackBox
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes.coefficients import asked
from impls.so3.irreps import Irrep

Triple = tuple[Irrep, Irrep, Irrep]


@dataclass(frozen=True)
class Bilinear:
    """`evaluate(X [n, dim1], Y [n, dim2]) -> Z [n, dim3]` of the running implementation.

    `labels` are the irreps of X, Y and Z under the group that is claimed. `coupled` holds the
    triples whose coefficient the operation derives to be nonzero.
    """

    evaluate: Evaluate
    labels: tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]
    coupled: Collection[Triple]

    @property
    def repeats(self) -> bool:
        """Tell whether it can be used again on its output: the same irreps in, scalars included."""
        first, second, _ = self.labels
        return first == second and len(set(first)) == len(first) and self.scalar in first

    @property
    def scalar(self) -> Irrep:
        """Return the label of scalars: 0e, or 0 where irreps have no parity."""
        return Irrep(0, 1 if any(ir.p for ir in self.labels[0]) else 0)


def bilinear(built: BuiltCase) -> Bilinear | None:
    """Return the implementation on as few entries as possible, in float64 where it can be.

    None for what is no bilinear map with derived coefficients, and for gradient passes.
    """
    question = asked(built)
    if question is None or built.case.pass_ != "fwd":
        return None
    first, second, out = question.labels
    coupled = {
        (first[i], second[j], out[k]) for (i, j, k), value in question.derived.items() if value
    }
    return Bilinear(BlackBox(built, question.single, *question.names), question.labels, coupled)
