"""The command line of the measuring engine: `python -m bench COMMAND`.

Exit codes: 0 done; 1 the harness or a check failed, or the run was interrupted; 2 bad arguments;
3 `compare` found something slower. A case that is slow, wrong or fails is a result, no failure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.commands import (
    analyse,
    calibrate,
    check,
    compare,
    doctor,
    listings,
    merge,
    new,
    problem,
    question,
    run,
    status,
)
from bench.commands.exit_codes import ended

COMMANDS = tuple(
    module.COMMAND
    for module in (
        listings,
        problem,
        new,
        check,
        doctor,
        run,
        analyse,
        compare,
        calibrate,
        status,
        merge,
    )
)
EXAMPLES = """examples:
  python -m bench list --operations
  python -m bench list --cases --profile quick --format csv
  python -m bench check clebsch_gordan.torch_dense
  python -m bench new implementation my_product --operation gaunt
  python -m bench check my_product.py
  python -m bench check --hard my_product.py
  python -m bench check --all --plain
  python -m bench run --profile quick --select 'clebsch_gordan' --out /tmp/run
  python -m bench run --with my_product.py --device cuda
  python -m bench run --family product --irreps-in1 0e+1o+2e --channels 16,64 --dtype float64
  python -m bench run --profile my_layers.toml --select 'lmax=3,setting=mimo'
  python -m bench problem --family product --setting mimo --lmax 1,2,3
  python -m bench analyse expressivity --lmax 3
  python -m bench status reports/out/default
  python -m bench compare HEAD~1 --select 'gaunt.torch_grid'
  python -m bench calibrate --pairs 300

exit codes: 0 done, 1 the harness or a check failed (or the run was interrupted), 2 bad arguments,
3 compare: something is slower
"""


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line; a family that it names brings options of its own."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure equivariant tensor products and layers.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.summary, description=command.summary)
        sub.set_defaults(run=command.run, usage=sub.format_help)
        command.add(sub, words if list(words[:1]) == [command.name] else ())
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)

    def execute() -> int:
        arguments, rest = parser_of(words).parse_known_args(words)
        question.refuse(rest, arguments)
        return int(arguments.run(arguments))

    return ended(execute)


if __name__ == "__main__":
    sys.exit(main())
