"""A run of thousands of cases, written at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from bench.record.rows import Row, line_of, write_json
from tests.reports.conftest import Writer

IMPLEMENTATIONS = [
    f"{operation}.{framework}_{algorithm}"
    for operation in ("clebsch_gordan", "gaunt", "matrix", "mine")
    for framework, algorithm in product(("torch", "jax"), ("dense", "sparse"))
]
PASSES = ("fwd", "grad")
PROBLEMS = [
    {"setting": setting, "symmetry": symmetry, "lmax": lmax, "channels": channels, "batch": batch}
    for setting, symmetry, channels, batch, lmax in product(
        ("mimo", "siso"),
        ("o3", "so3"),
        (1, 4, 16, 32, 64, 128, 256, 512),
        (1, 10, 100),
        range(1, 5),
    )
]


class Batch(Writer):
    """Keeps its lines and its plan until it is told to write them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.lines: list[str] = []
        self.store.append = self._keep  # type: ignore[method-assign]

    def _keep(self, rows: Iterable[Row]) -> None:
        self.lines += [line_of(row.to_json()) for row in rows]

    def plan(self, key: str, columns: Mapping[str, Any]) -> None:
        self.planned.append({"key": key, "id": columns["case"]})

    def write(self) -> None:
        (self.directory / "rows.jsonl").write_text("".join(self.lines), encoding="utf-8")
        write_json(self.directory / "plan.json", {"profile": "large", "cases": self.planned})


def write(directory: Path, cases: int) -> int:
    """Write so many cases, in two rounds; return how many rows they have."""
    batch = Batch(directory)
    every = product(PROBLEMS, PASSES, IMPLEMENTATIONS)
    for n, (facets, pass_, implementation) in zip(range(cases), every, strict=False):
        batch.case(
            implementation,
            facets,
            pass_=pass_,
            rounds=2,
            time=1e-5 * facets["lmax"] ** 3 * (1 + n % 16) * facets["batch"],
            groups={"rotation": (2e-7, True)},
            extra={"mem.peak.rss": (4096.0 * (1 + n % 7), "B"), "cost.flops": (1e6, "1")},
            dim=(5, 5) if pass_ == "fwd" and facets["channels"] == 1 else None,
        )
    batch.write()
    return len(batch.lines)
