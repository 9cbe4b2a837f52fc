"""What a call costs by count: of the operation by theory, of the implementation by its framework.

`cost.flops` and `cost.bytes` are those of the operation's forward pass (its nonzero coefficients;
every input, weight and output once). `cost.flops.xla`, `cost.bytes.xla` and `cost.flops.torch` are
counted on the pass that is timed, by the framework: XLA on its compiled program, PyTorch on matrix
products only.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.measuring.built_case import BuiltCase
from bench.measuring.frameworks import Uncounted
from bench.measuring.probes import Probe
from bench.record.rows import Reading


def cost(built: BuiltCase) -> Iterable[Reading]:
    """Yield the counts of the operation [1, B] and those of the implementation."""
    if built.case.pass_ == "fwd":
        for name, value in built.operation.cost(built.problem).items():
            yield Reading(f"cost.{name}", float(value), n=1)
    if built.case.mode in ("eager", "jit"):
        try:
            counted = built.framework.counted(built.function, built.arguments)
        except Uncounted as reason:
            source = f"cost.flops.{built.implementation.framework}"
            yield Reading(source, None, detail={"unavailable": str(reason)})
            return
        for name, value in counted.items():
            yield Reading(f"cost.{name}", value, n=1)


PROBES = (Probe("cost", cost),)
