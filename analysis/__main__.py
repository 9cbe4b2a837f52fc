"""`python -m analysis ANALYSIS` is `python -m bench analyse ANALYSIS`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.__main__ import main as bench


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of `bench analyse`; return the exit code."""
    return bench(["analyse", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
