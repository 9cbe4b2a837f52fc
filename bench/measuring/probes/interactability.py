"""Which irreps couple, and how strongly.

`interactability` is the reduced coefficient of each triple of irreps that the group allows, read
off the running implementation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analysis.coupling import (
    accidental_zeros,
    antisymmetric,
    antisymmetric_share,
    dynamic_range,
    sizes,
)
from analysis.reduced import interactability
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples
from bench.measuring.probes.coefficients import read_off
from bench.record.rows import Reading


def coupled(built: BuiltCase) -> Iterable[Reading]:
    """Yield one `interactability` reading for each triple of irreps that the group allows."""
    view = read_off(built)
    if view is None:
        return
    found = view.blocks.interactability()
    expected = interactability(view.derived, *view.labels)
    values = sizes(view.blocks.reduced, *view.labels)
    counting = {triple: values[triple] for triple, verdict in found.items() if verdict is True}
    accidental = accidental_zeros(found)
    overall = {
        "dynamic_range": dynamic_range(counting.values()),
        "antisymmetric_share": antisymmetric_share(counting),
    }
    for triple, verdict in found.items():
        detail = {
            **{f"l{n}": str(ir) for n, ir in enumerate(triple, start=1)},
            "interactable": verdict,
            "antisymmetric": antisymmetric(triple),
            "accidental_zero": triple in accidental,
            **overall,
            "derived": expected[triple],
        }
        passed = verdict == expected[triple]
        if not passed:
            detail["problem"] = f"{triple}: measured {verdict}, derived {expected[triple]}"
        yield Reading("interactability", values[triple], n=1, detail=detail, passed=passed)


def _interactability(rows: Rows) -> Iterator[Record]:
    """Yield each triple that the group allows."""
    names = ("antisymmetric", "accidental_zero", "dynamic_range", "antisymmetric_share")
    for row in rows:
        if row["probe"] == "interactability":
            detail = row["detail"]
            yield {
                **{name: detail[name] for name in ("l1", "l2", "l3")},
                "coefficient": row["value"],
                "interactable": detail["interactable"],
                "expected_interactable": detail["derived"],
                **{name: detail[name] for name in names},
            }


PROBES = (Probe("interactability", coupled),)
ANALYSES = (
    Analysis(
        "interactability",
        "Reduced coefficient of every (l1, l2, l3), and whether it can couple.",
        ("error", "interactability"),
        _interactability,
        couples,
        "--operation matrix --lmax 5 --format csv",
        (
            "A line for each triple of irreps that the group allows: its coefficient, and whether "
            "it couples."
        ),
        "python -m bench analyse expressivity says how many maps these make together.",
    ),
)
