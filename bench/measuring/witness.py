"""Was what was timed right? Outputs of timed bursts are compared with the answer of before.

The gate judges before the clock starts. A call that is right only at first, only off the clock, or
that leaves its work to a thread, is found by looking at what some of the timed bursts returned, at
random, and at that of one more at the end. Arguments must then still be what they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.measuring import intact
from bench.measuring.answers import answered, apart, distance, overwritten, without_sums
from bench.measuring.built_case import BuiltCase
from bench.measuring.clocks import HostClock
from bench.measuring.probes.conduct import outputs
from bench.record.rows import Reading
from impls.implementation import Tensors

LOOKS = 2
"""Bursts that are looked at, of those that are timed; then one more."""
SHARE = 0.25
"""The first burst is looked at, and each other one with this probability."""


@dataclass
class Witness:
    """Remembers the right answer of a built case, and what was wrong with the bursts it saw."""

    built: BuiltCase
    before: intact.State
    expected: Tensors = field(init=False)
    worst: float = 0.0
    looked: int = 0
    last: bool = False
    problem: str = ""

    def __post_init__(self) -> None:
        """Answer once on arrays of its own, off the clock; a graph has only its own."""
        built, copy = self.built, self.built.framework.copy
        inputs, weights, cotangents = built.arguments
        fresh = copy(inputs), copy(weights), copy(cotangents)
        out = built.run() if built.case.mode == "cudagraph" else built.function(*fresh)
        built.framework.wait(out)
        self.expected = without_sums(self.built, built.framework.held(out))
        self.rng = np.random.default_rng()

    def saw(self, out: Any) -> None:
        """Look at what a burst returned, or do not."""
        chosen = self.looked < LOOKS and (not self.looked or self.rng.random() < SHARE)
        if chosen or self.last:
            self._look(out)

    def _look(self, out: Any) -> None:
        """Compare what a burst returned with what is right."""
        self.looked += 1
        built = self.built
        found, said = answered(built, out)
        if not said:
            off = distance(without_sums(self.built, found), self.expected)
            self.worst = max(self.worst, off)
            if not off <= apart(built):
                said = f"the answer is off by {off:.1e} of its largest entry"
        self.problem = self.problem or (said and f"on the clock, {said}")

    def _no_longer_right(self) -> str:
        """Return a sentence when the call that was judged answers otherwise now, or nothing.

        It is asked what it was asked then, so that the oracle need not be.
        """
        part, judged = self.built.only_judged(), self.built.judged_outputs
        if judged:
            again = part.ask(part.arrays())
            off = distance(without_sums(self.built, again), without_sums(self.built, judged))
            if not off <= apart(self.built):
                return f"after many calls the answer is another, by {off:.1e} of its largest entry"
        failed = [reading.probe for reading in outputs(self.built) if reading.passed is False]
        return f"after many calls it fails {', '.join(failed)}" if failed else ""

    def verdict(self, clock: HostClock) -> Reading:
        """Return `conduct.timed`: the largest difference of a timed answer, after one more burst.

        Wrong is also a call that has changed its arguments, or what measures it, and one that does
        not pass any more what it has passed before.
        """
        self.last = True
        clock.show()
        if names := overwritten(self.built):
            problem = f"the timed call overwrites its input {', '.join(names)}"
        elif names := intact.changed(self.before):
            problem = f"the code changed what measures it: {', '.join(names[:3])}"
        else:
            problem = self.problem or self._no_longer_right()
        return Reading(
            "conduct.timed",
            self.worst if np.isfinite(self.worst) else None,
            n=self.looked,
            detail={"problem": problem} if problem else {},
            passed=not problem,
            limit=apart(self.built),
        )
