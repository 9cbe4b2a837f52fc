"""By which clock a time is judged: on a GPU its own, and both sides of a ratio by the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Clock(NamedTuple):
    """A clock that may judge: its probe, what a table calls it, the first word of a figure."""

    probe: str
    label: str
    word: str

    @property
    def plain(self) -> bool:
        """Return whether the probe is all that is said of it: its device has no other clock."""
        return self.label == self.probe

    @property
    def name(self) -> str:
        """Return label and probe: `time.host`, `time on the device (time.kernels)`."""
        return self.probe if self.plain else f"{self.label} ({self.probe})"

    @property
    def fact(self) -> dict[str, str]:
        """Return the probe for a record, where the device has more than one clock."""
        return {} if self.plain else {"clock": self.probe}


HOST = Clock("time.host", "time.host", "Host")
KERNELS = Clock("time.kernels", "time on the device", "Device")
WITH_LAUNCHES = Clock("time.host", "time on the host", "Host")
JUDGES: Mapping[str, tuple[Clock, ...]] = {"cpu": (HOST,), "cuda": (KERNELS, WITH_LAUNCHES)}
"""Clocks of a device, the best first. The first that all published results of a block have judges
the block; the last is what every published result has."""
SAMPLED = ("time.kernels", "time.host", "time.device")
"""Clocks that are sampled; other times are one reading a round."""
COLD = "time.device"
"""The clock of calls that find nothing in the caches of a GPU."""
LAUNCH_BOUND = 1.3
"""A case on a GPU whose host time is more than this many times its device time is launch-bound."""


def names(clocks: Iterable[Clock]) -> str:
    """Return the names of the clocks of a table or figure: `a or b`; of none, that of HOST."""
    return " or ".join(sorted({clock.name for clock in clocks})) or HOST.name


def telling(clocks: Iterable[Clock]) -> Callable[[Clock], str]:
    """Return what tells a row's clock in a table of these: nothing where all have one clock."""
    several = len(set(clocks)) > 1
    return lambda clock: f", {clock.label}" if several else ""


def said(clocks: Iterable[Clock]) -> str:
    """Return `, by` and the clocks for the end of a caption; nothing where all are plain."""
    found = list(clocks)
    return "" if all(clock.plain for clock in found) else f", by {names(found)}"
