"""The ledger of claims: what papers say of operations, and the evidence that was found here."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "claims"
SHARED = {"uvv": "uvw", "uuw": "uvw", "uvuv": "uvw"}
"""Modes of one operation, claimed together."""


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper, where it stands, in which setting, and what was found here."""

    id: str
    paper: str
    operation: str
    claim: str
    setting: str
    value: str
    where: str
    evidence: str

    @property
    def measured(self) -> bool:
        """Return whether there is any evidence."""
        return "not measured" not in self.evidence.split(":")[0]


@cache
def read() -> dict[str, tuple[Claim, ...]]:
    """Return the claims on each operation.

    Raises:
        ValueError: for a claim with a field too many or too few; the file is named.
    """
    found: dict[str, list[Claim]] = defaultdict(list)
    for file in sorted(FOLDER.glob("*.toml")):
        for fields in tomllib.loads(file.read_text(encoding="utf-8"))["claim"]:
            try:
                claim = Claim(**fields)
            except TypeError as error:
                raise ValueError(f"{file.name}, claim {fields.get('id')!r}: {error}") from None
            found[claim.operation].append(claim)
    return {name: tuple(claims) for name, claims in found.items()}


def of(operation: str) -> tuple[Claim, ...]:
    """Return the claims on an operation, or on the one that it is a mode of."""
    return read().get(SHARED.get(operation, operation), ())
