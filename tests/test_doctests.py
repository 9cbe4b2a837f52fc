"""The examples in the docstrings of what needs no framework run, and every module has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

PACKAGES = ("impls.so3", "impls.groups", "analysis")
WITHOUT = {
    "impls.so3.tables": "writes a file",
    "analysis.__main__": "another door to the command line of `bench`",
}
"""Modules that show no example, and why."""


def modules() -> list[str]:
    """Return the names of the modules of these packages, the packages themselves first."""
    found = list(PACKAGES)
    for package in PACKAGES:
        paths = importlib.import_module(package).__path__
        found += [f"{package}.{info.name}" for info in pkgutil.iter_modules(paths)]
    return found


def declares(module: ModuleType) -> list[str]:
    """Return the public functions and classes that a module itself declares."""
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isroutine(inspect.unwrap(thing)) or inspect.isclass(thing))
        and getattr(thing, "__module__", None) == module.__name__
    ]


def outcome(module: ModuleType) -> tuple[doctest.TestResults, str]:
    """Run the examples of a module; return how many ran and failed, and what was said."""
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(test, out=said.append)
    return doctest.TestResults(runner.failures, runner.tries), "".join(said)


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_are_true(name):
    module = importlib.import_module(name)
    (failed, run), said = outcome(module)
    assert not failed, said
    written = inspect.getsource(module).count(">>> ")
    assert run == written, f"{written} examples are written in {name}, and {run} are found"
    if name in WITHOUT:
        assert not run, f"{name} has an example now: take it off the list"
    elif declares(module):
        assert run, f"{name} shows no example of {', '.join(declares(module))}"


def test_a_false_example_and_a_missing_one_are_caught():
    planted = ModuleType("planted")
    exec("def one():\n    '''>>> one()\n    2\n    '''\n    return 1", vars(planted))
    (failed, run), said = outcome(planted)
    assert (failed, run) == (1, 1) and "Got:\n    1" in said
    planted.one.__doc__ = None
    assert declares(planted) == ["one"] and outcome(planted)[0].attempted == 0
