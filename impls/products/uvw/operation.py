"""Mode uvw of the Clebsch–Gordan product [@geiger2022]; `multiplicity.modes` has the formula.

Fully connected: every pair of channels feeds every channel of the output.

What its weights add does not show at weights of one, which sum all paths: this operation declares
no coefficients, and tests hold its dimension.
"""

from __future__ import annotations

from impls.products.multiplicity.modes import Mode, operation

MODE = Mode("uvw")

OPERATION = operation(
    MODE,
    "every pair of channels into every channel (fully connected), paths summed",
    papers=("geiger2022",),
    users=("brandstetter2022", "corso2023"),
)
