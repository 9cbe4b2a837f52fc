"""`bench new`: a file to begin with, which passes `bench check` as it is."""

from __future__ import annotations

import argparse
import keyword
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.command import Command, Help
from impls.operation import Operation
from impls.registry import Registry, load
from impls.spaces import Space

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("implementation", "operation")
WRITTEN_OUT = "clebsch_gordan"
"""The operation whose template is an algorithm for all frameworks."""


def text_of(kind: str, name: str, operation: str, registry: Registry) -> str:
    """Return the file of a new implementation of an operation, or of a new operation.

    Raises:
        ValueError: for a name that is taken or none of Python's, or an unknown operation.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise ValueError(
            f"{name!r} is no name: use lower-case letters, digits and _, as my_product"
        )
    filled = {"name": name, "title": name.replace("_", " "), "file": f"{name}.py"}
    if kind == "operation":
        if name in registry.operations:
            raise ValueError(f"the operation {name} is there already: choose another name")
        return _template("operation").format(**filled)
    known = registry.operation(operation)
    template = "algorithm" if operation == WRITTEN_OUT else "implementation"
    taken = {i.name for i in registry.implementations_of(operation)}
    if taken & {name, f"torch_{name}"}:
        raise ValueError(f"{operation}.{name} is there already: choose another name")
    spaces = textwrap.indent(_spaces(known, registry), "    ")
    return _template(template).format(**filled, operation=operation, spaces=spaces)


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.py.txt").read_text(encoding="utf-8")


def _spaces(operation: Operation, registry: Registry) -> str:
    """Return what goes in and out, on the first example of its family that it answers."""
    family = registry.family(operation.family)
    problem = next(p for p in family.examples if operation.supports(p) is None)
    kinds = {
        "inputs": operation.taken(family.inputs(problem)),
        "weights": operation.weights(problem),
        "outputs": operation.outputs(problem),
    }
    lines = [f"{kind}: {_shapes(found)}." for kind, found in kinds.items() if found]
    words = ["On the first example of its family:", *lines]
    return "\n".join(line for word in words for line in textwrap.wrap(word, 95)) + "\n"


def _shapes(spaces: Mapping[str, Space]) -> str:
    return ", ".join(f"{name} {list(space.shape)}" for name, space in spaces.items())


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name", help="of the implementation or operation, as my_product")
    parser.add_argument(
        "--operation", default=WRITTEN_OUT, help=f"what it implements (default: {WRITTEN_OUT})"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where (default: here)"
    )


def _run(arguments: argparse.Namespace) -> int:
    text = text_of(arguments.kind, arguments.name, arguments.operation, load())
    file = arguments.out / f"{arguments.name}.py"
    if not arguments.out.is_dir():
        raise ValueError(f"--out {arguments.out} is not a directory")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ValueError(f"{file} is there already: move it away, or choose another name") from None
    print(f"wrote {file}; it is right as it is. Next: python -m bench check {file}")
    return 0


COMMAND = Command(
    "new",
    "Write a file to begin with: an implementation or an operation of your own.",
    Help(
        examples=(
            "python -m bench new implementation my_product --operation gaunt",
            "python -m bench new operation my_operation",
        ),
        gives=(
            "A file NAME.py that is right as it is: what goes in and out, and where your code goes."
        ),
        then=(
            "python -m bench check my_product.py says whether what you wrote is right; python -m "
            "bench run --with my_product.py measures it."
        ),
    ),
    _add,
    _run,
)
