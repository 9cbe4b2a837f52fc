"""The command line of the reports: `python -m reports COMMAND` (`reports.commands.line`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.commands.exit_codes import importing


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    with importing():
        from reports.commands.line import main as line
    return line(argv)


if __name__ == "__main__":
    sys.exit(main())
