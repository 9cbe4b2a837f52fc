"""The run directory that most commands of `python -m reports` are given."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_directory(parser: argparse.ArgumentParser) -> None:
    """Add the directory of a run."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="made by `bench run`")
