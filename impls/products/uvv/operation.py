"""Mode uvv of the Clebsch–Gordan product [@geiger2022]; `multiplicity.modes` has the formula.

The mirror image of uvu: each channel of y meets a mixture of the channels of x.
"""

from __future__ import annotations

from impls.products.multiplicity.modes import Mode, operation

MODE = Mode("uvv")

OPERATION = operation(
    MODE,
    "channels of y kept, channels of x mixed, a weight for each pair",
    papers=("geiger2022",),
)
