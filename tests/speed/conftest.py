"""These are collected only with --benchmark-only: they take a minute and prove nothing."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--framework", choices=("torch", "jax"), default="torch",
        help="which watched cases are timed: one framework a process (default: torch)",
    )  # fmt: skip


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if config.getoption("benchmark_only", False) else True
