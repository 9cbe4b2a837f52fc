"""Known regressions of compilers in the versions that a run was measured with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from reports.run import Run
from reports.tables import Cell, Column, Table


class Regression(Protocol):
    """What is known of a package that made something slow, in its versions since to until."""

    @property
    def package(self) -> str:
        """Return its name, as pip has it."""

    @property
    def since(self) -> str:
        """Return the first version that is slow."""

    @property
    def until(self) -> str:
        """Return the last version that is slow; empty where none is fixed."""

    @property
    def device(self) -> str:
        """Return the device that it is slow on."""

    @property
    def slows(self) -> str:
        """Return what it makes slow, and by how much."""

    @property
    def source(self) -> str:
        """Return where that is told, an address."""

    @property
    def workaround(self) -> str:
        """Return what avoids it."""


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
    """Return what is slowed, in which versions, on which device, and what avoids it."""
    columns = [
        Column("Package"),
        Column("Since"),
        Column("Until"),
        Column("Device"),
        Column("Slows"),
        Column("What avoids it"),
        Column("Source"),
    ]
    rows = [
        [
            Cell(r.package, header=True),
            *(Cell(text) if text else Cell(kind="muted") for text in (r.since, r.until, r.device)),
            Cell(r.slows),
            Cell(r.workaround) if r.workaround else Cell(kind="muted"),
            Cell(r.source, href=r.source if r.source.startswith("https://") else ""),
        ]
        for r in known
    ]
    records = [
        {name: getattr(r, name) for name in
         ("package", "since", "until", "device", "slows", "workaround", "source")}
        for r in known
    ]  # fmt: skip
    caption = "What is known to be slow in these versions, whatever the algorithm"
    return Table("regressions", caption, columns, rows, (), records)
