"""Mode uvu of the Clebsch–Gordan product [@geiger2022]; `multiplicity.modes` has the formula.

Channelwise (depthwise): each channel of x meets a mixture of the channels of y.
"""

from __future__ import annotations

from impls.products.multiplicity.modes import Mode, operation

MODE = Mode("uvu")

OPERATION = operation(
    MODE,
    "channels of x kept, channels of y mixed (depthwise), a weight for each pair",
    papers=("batzner2022", "geiger2022"),
    users=("batzner2022", "batatia2022", "park2024", "liao2023"),
)
