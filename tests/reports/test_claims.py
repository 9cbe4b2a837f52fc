"""The ledger of claims: what papers say of operations, and the evidence that was found here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from impls.registry import load
from reports.data import bibliography

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "reports/claims").glob("*.toml"))
FIELDS = {"id", "paper", "operation", "claim", "setting", "value", "where", "evidence"}
PART_OF = {"uvv": "uvw", "uuw": "uvw", "uvuv": "uvw"}
"""Modes of one operation, claimed together."""


def claims(file):
    return tomllib.loads(file.read_text(encoding="utf-8"))["claim"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_claim_is_whole_and_what_it_names_is_there(file):
    operations, references = load().operations, bibliography.read()
    for claim in claims(file):
        assert set(claim) == FIELDS and all(str(v).strip() for v in claim.values()), claim["id"]
        assert claim["paper"] in references, claim["id"]
        assert claim["operation"] in operations, claim["id"]
        for test in re.findall(r"tests/[\w/]+\.py", claim["evidence"]):
            assert (ROOT / test).is_file(), f"{claim['id']} names {test}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_evidence_can_be_looked_up_or_says_that_there_is_none(file):
    """A test, or a command of what it is about; else it is said that nothing was measured."""
    for claim in claims(file):
        evidence, operation = claim["evidence"], claim["operation"]
        commands = re.findall(r"`python -m (?:bench|analysis|reports) ([^`]+)`", evidence)
        named = re.findall(r"tests/[\w/]+\.py", evidence)
        assert commands or named or "not measured" in evidence, claim["id"]
        for command in commands:
            assert operation in command.split(), f"{claim['id']}: {command}"
        if "not measured" in evidence.split(":")[0]:
            assert not commands, f"{claim['id']} is not measured, and is"


def test_ids_are_unique_and_every_operation_has_a_claim():
    every = [claim for file in FILES for claim in claims(file)]
    assert len({claim["id"] for claim in every}) == len(every)
    claimed = {claim["operation"] for claim in every}
    assert {PART_OF.get(name, name) for name in load().operations} <= claimed
