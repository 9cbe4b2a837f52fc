"""Mode uvuv of the Clebsch–Gordan product [@geiger2022]; `multiplicity.modes` has the formula.

All pairs of channels, each a channel of the output: a weighted full tensor product.
"""

from __future__ import annotations

from impls.products.multiplicity.modes import Mode, operation

MODE = Mode("uvuv")

OPERATION = operation(
    MODE,
    "every pair of channels is a channel of the output, with a weight",
    papers=("geiger2022",),
)
