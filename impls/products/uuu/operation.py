"""Mode uuu of the Clebsch–Gordan product [@geiger2022]; `multiplicity.modes` has the formula.

Elementwise: channels are paired and stay apart.
"""

from __future__ import annotations

from impls.products.multiplicity.modes import Mode, operation

MODE = Mode("uuu")

OPERATION = operation(
    MODE,
    "channel u of x with channel u of y (elementwise), a weight for each channel",
    papers=("musaelian2023", "geiger2022"),
    users=("musaelian2023",),
)
