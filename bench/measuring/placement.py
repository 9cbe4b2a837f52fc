"""Where arrays lie in memory, drawn anew: an accident of one process that its samples share.

Which physical pages and which lines of a cache an array occupies is drawn when it is allocated, and
can make a call 20 % slower in one process than in the next, for all its samples alike. Drawing it
anew before each sample averages over it within a process, as Stabilizer does [@curtsinger2013].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.measuring.built_case import BuiltCase
from bench.measuring.clocks import HostClock
from bench.measuring.frameworks.memory import keep_freed_memory, return_free_pages
from impls.spaces import Array

PAD = 2**18
"""A pad has fewer numbers of eight bytes than this: 2 MiB, about an L2 cache."""
PADS = 4


def host_clock(
    built: BuiltCase,
    run: Callable[[], Any] | None = None,
    seen: Callable[[Any], None] | None = None,
) -> HostClock:
    """Return the clock of a built case, or of `run`, which calls it; `seen` as there.

    On a CPU places are drawn before each sample; a GPU has its calls enqueued.
    """
    on_cpu = built.case.target.device == "cpu"
    keep_freed_memory()
    first = Placement(built).draw if on_cpu else None
    return HostClock(run or built.run, built.framework.wait, first, not on_cpu, seen)


class Placement:
    """The arguments of a built case, which `draw` copies to other places."""

    def __init__(self, built: BuiltCase) -> None:
        """Start with the arguments where they are."""
        self.built = built
        self.rng = np.random.default_rng()
        self.pads: list[Array] = []

    def draw(self) -> None:
        """Copy all arguments, after a pad of random size; free pages go back to the system.

        So outputs and temporaries get other physical pages as well. Of the pads the last few are
        kept, or each would end up where the one before was. The arguments may go to and fro between
        two holes of the heap, each time on new pages. (Keeping earlier copies too was tried: places
        differed, but a grid product then faulted more, and its times scattered more.)
        """
        return_free_pages()
        self.pads = [*self.pads[1 - PADS :], np.ones(int(self.rng.integers(1, PAD)))]
        copy = self.built.framework.copy
        inputs, weights, cotangents = self.built.arguments
        self.built.arguments = copy(inputs), copy(weights), copy(cotangents)
