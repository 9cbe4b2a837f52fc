"""Mode uuw of the Clebsch–Gordan product [@geiger2022]; `multiplicity.modes` has the formula.

Channels are paired, then mixed.

What its weights add does not show at weights of one, which sum all paths: this operation declares
no coefficients, and tests hold its dimension.
"""

from __future__ import annotations

from impls.products.multiplicity.modes import Mode, operation

MODE = Mode("uuw")

OPERATION = operation(
    MODE,
    "channel u of x with channel u of y, mixed into every channel, paths summed",
    papers=("geiger2022",),
)
