"""Known regressions of compilers in the versions that a run was measured with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.record.regressions import Regression
from reports.data.run import Run
from reports.data.table import Cell, Column, Table

Known = Callable[[Mapping[str, str], str], Sequence[Regression]]
"""What is known of the packages (name: version) of an environment on a device."""


def of(run: Run, known: Known) -> list[Regression]:
    """Return what is known of each environment of a run on the devices that it was used with."""
    used = {(str(row.get("environment")), str(row.get("device"))) for row in run.rows}
    found: list[Regression] = []
    for environment, device in sorted(used):
        packages = run.environments.get(environment, {}).get("packages")
        if isinstance(packages, Mapping):
            found += [r for r in known(packages, device) if r not in found]
    return found


def table(known: Sequence[Regression]) -> Table:
    """Return what is slowed, in which versions, on which device, and what avoids it.

    A worker sets the flags that do, so that where there are some the times are without it.
    """
    columns = [
        Column("Package"),
        Column("Since"),
        Column("Until"),
        Column("Device"),
        Column("Slows"),
        Column("What avoids it"),
        Column("Source"),
    ]
    rows, records = [], []
    for r in known:
        flags = " ".join(f"{name}={text}" for name, text in r.flags.items())
        rows.append(
            [
                Cell(r.package, header=True),
                Cell(r.first),
                Cell(r.last) if r.last else Cell(kind="muted"),
                Cell(r.device),
                Cell(r.slows),
                Cell(f"{flags} (set in workers)") if flags else Cell(kind="muted"),
                Cell(r.sources[0], href=r.sources[0]),
            ]
        )
        records.append(
            {
                "package": r.package,
                "first": r.first,
                "last": r.last or "",
                "device": r.device,
                "slows": r.slows,
                "flags": flags,
                "sources": " ".join(r.sources),
            }
        )
    caption = "What is known to be slow in these versions, whatever the algorithm"
    return Table("regressions", caption, columns, rows, (), records)
