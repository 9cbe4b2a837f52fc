"""One look per implementation, the same in all figures of a page, readable without colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports.data.results import Result

PALETTE = (
    ("#0072b2", "#56b4e9"),
    ("#c24e00", "#f08a4b"),
    ("#00795a", "#33c79d"),
    ("#a8548a", "#dd9cc4"),
    ("#8a6d00", "#e3c344"),
    ("#5b4fc4", "#a79cf5"),
    ("#a4262c", "#f1707b"),
    ("#3f5a63", "#9fb8c1"),
)
"""(on light, on dark): after Okabe and Ito, at least 3:1 against either page."""
COLUMN, PANEL = 3.25, 6.75
"""Widths [inches] of one column of a paper, and of two."""
SCREEN = 3.15
"""Width [inches] of a panel on the page: that of a narrow window where text of 7 points is read."""
GREY = "#55606b"
"""What stands for comparison only: on the page, the muted colour of its theme."""
MARKERS = "osD^v<>PX"
DASHES = {
    "torch": (0, ()),
    "jax": (0, (5, 2)),
    "numpy": (0, (1.2, 1.5)),
}
OTHER_DASH = (0, (6, 2, 1.2, 2))


@dataclass(frozen=True)
class Look:
    """Colour (by operation), dash (by framework), marker and fill (by implementation)."""

    slot: int
    marker: str
    filled: bool
    dash: tuple[float, tuple[float, ...]]
    grey: bool = False

    @property
    def colour(self) -> str:
        """Return the colour on white."""
        return GREY if self.grey else PALETTE[self.slot][0]


def looks(results: Iterable[Result]) -> Mapping[str, Look]:
    """Return the look of each label. It depends on what is in the run, not on the figure."""
    labels = sorted(
        {
            (str(r.columns.get("operation")), r.label, str(r.columns.get("framework")))
            for r in results
        }
    )
    operations = sorted({operation for operation, _, _ in labels})
    return {
        label: Look(
            slot=operations.index(operation) % len(PALETTE),
            marker=MARKERS[i % len(MARKERS)],
            filled=(i // len(MARKERS)) % 2 == 0,
            dash=DASHES.get(framework, OTHER_DASH),
        )
        for i, (operation, label, framework) in enumerate(labels)
    }
