"""The registry: every family, operation and implementation that this process can see.

Built-in files, installed entry points and files given by the user are read the same way: each
module-level Family, Operation, Algorithm or Implementation, alone or in a tuple, is registered
under its name; an Algorithm as the implementations that it becomes.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from impls.algorithm import Algorithm
from impls.family import Family
from impls.implementation import Implementation
from impls.near import unknown
from impls.operation import PASSES, Operation

BUILTIN = (
    "impls.families",
    "impls.products",
    "impls.powers",
    "impls.pointwise",
    "impls.points",
    "impls.layers",
)
NEW = ("implementation", "operation")
"""What `bench new` writes."""
ENTRY_POINTS = ("equibench.families", "equibench.operations", "equibench.implementations")


@dataclass
class Registry:
    """What is known by name, and where each thing was declared."""

    families: dict[str, Family] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    implementations: dict[str, Implementation] = field(default_factory=dict)
    origins: dict[int, str] = field(default_factory=dict)
    plugins: list[ModuleType] = field(default_factory=list)
    """Modules of installed packages and of the user's files: they may declare probes too."""
    installed: dict[str, str] = field(default_factory=dict)
    """The entry point of each origin that is installed: `package.module:NAME`."""
    suite: frozenset[str] = frozenset()
    """The names of what is built in."""

    def add(self, thing: Family | Operation | Implementation | Algorithm, origin: str) -> None:
        """Register one declaration; an Algorithm once, as the implementations that it becomes.

        Raises:
            ValueError: when another declaration already has the name; both origins are named.
        """
        if isinstance(thing, Algorithm):
            if id(thing) not in self.origins:
                self.origins[id(thing)] = origin
                for implementation in thing.implementations():
                    self.add(implementation, origin)
            return
        kind, name = _kind_and_name(thing)
        table: dict[str, Any] = getattr(self, kind)
        known = table.get(name)
        if known is not None and known is not thing:
            raise ValueError(
                f"{_singular(kind)} {name!r} is declared twice: in {self.origins[id(known)]} and "
                f"in {origin}; rename one of them{ANOTHER_WAY.get(kind, '')}"
            )
        if known is None:
            table[name] = thing
            self.origins[id(thing)] = origin

    def add_plugin(self, module: ModuleType) -> None:
        """Register the declarations of a module from outside."""
        if module not in self.plugins:
            self.plugins.append(module)
        self.add_module(module)

    def add_module(self, module: ModuleType) -> None:
        """Register every declaration at the top level of a module."""
        origin = module.__file__ or module.__name__
        for value in vars(module).values():
            for thing in value if isinstance(value, tuple) else (value,):
                if isinstance(thing, Family | Operation | Implementation | Algorithm):
                    self.add(thing, origin)

    def origin(self, thing: Family | Operation | Implementation) -> str:
        """Return the file that declares it."""
        return self.origins[id(thing)]

    def family(self, name: str) -> Family:
        """Return a family by name; ValueError lists the known names."""
        return self._get("families", name)

    def operation(self, name: str) -> Operation:
        """Return an operation by name; ValueError lists the known names."""
        return self._get("operations", name)

    def implementation(self, name: str) -> Implementation:
        """Return an implementation by `operation.name`; ValueError lists the known names."""
        return self._get("implementations", name)

    def implementations_of(self, operation: str) -> list[Implementation]:
        """Return the implementations of an operation, sorted by name."""
        found = (i for i in self.implementations.values() if i.operation == operation)
        return sorted(found, key=lambda i: i.full_name)

    def check(self) -> None:
        """Raise ValueError when a declaration refers to a name that nothing declares."""
        for operation in self.operations.values():
            self._refers(operation, "families", operation.family)
            for other in (operation.agrees_with, operation.approximates):
                if other is not None:
                    self._refers(operation, "operations", other)
            for fault in self._faults(operation):
                raise ValueError(f"{self.origin(operation)}: operation {operation.name!r} {fault}")
        for implementation in self.implementations.values():
            self._refers(implementation, "operations", implementation.operation)
            foreign = implementation.full_name not in self.suite
            if foreign and implementation.baseline and implementation.operation in self.suite:
                raise ValueError(
                    f"{self.origin(implementation)}: implementation {implementation.full_name!r} "
                    f"declares itself the baseline of an operation of the suite; leave baseline out"
                )

    def _faults(self, operation: Operation) -> Iterator[str]:
        """Yield what an operation says of passes, knobs and its partner that cannot be."""
        for name in operation.refused:
            if name not in PASSES:
                yield f"refuses the unknown pass {name!r}: known are {', '.join(PASSES)}"
        knobs = [knob.name for knob in operation.knobs]
        for claim in operation.claims:
            if claim.knob is not None and claim.knob not in knobs:
                yield (
                    f"claims {claim.subgroup} by the knob {claim.knob!r}, which it does not have: "
                    f"it has {', '.join(knobs) or 'none'}"
                )
        named = {"agrees with": operation.agrees_with, "approximates": operation.approximates}
        for what, partner in named.items():
            if partner is None:
                continue
            other = self.operations[partner]
            if other is operation:
                yield f"{what} itself; name another of its family"
            elif other.family != operation.family:
                yield (
                    f"of family {operation.family!r} {what} {other.name!r} of family "
                    f"{other.family!r}; name another of its own family"
                )

    def _refers(self, thing: Operation | Implementation, kind: str, name: str) -> None:
        if name not in getattr(self, kind):
            raise ValueError(f"{self.origin(thing)}: {self._unknown(kind, name)}")

    def _get(self, kind: str, name: str) -> Any:
        table = getattr(self, kind)
        if name not in table:
            raise ValueError(self._unknown(kind, name))
        return table[name]

    def _unknown(self, kind: str, name: str) -> str:
        return unknown(_singular(kind), name, sorted(getattr(self, kind)))


ANOTHER_WAY = {"families": ", or ask other questions of it with a profile (docs/profiles.md)"}
"""What else is meant by declaring again what is there, by kind."""


def _singular(kind: str) -> str:
    return {"families": "family"}.get(kind, kind[:-1])


def _kind_and_name(thing: Family | Operation | Implementation) -> tuple[str, str]:
    if isinstance(thing, Family):
        return "families", thing.name
    if isinstance(thing, Operation):
        return "operations", thing.name
    return "implementations", thing.full_name


def load(files: Iterable[str | Path] = (), installed: Container[str] | None = None) -> Registry:
    """Return the registry of built-in declarations, entry points and the given files.

    `installed` names the entry points that are loaded, by their values; None for all.

    Raises:
        ValueError: when a file is missing or fails to import, an entry point fails to load, two
            files declare one name, a declaration refers to an unknown name, or one from outside
            declares itself the baseline of an operation of the suite.
    """
    registry = Registry()
    for package in BUILTIN:
        for module in _modules(package):
            registry.add_module(module)
    registry.suite = frozenset({*registry.operations, *registry.implementations})
    for group in ENTRY_POINTS:
        for entry in importlib.metadata.entry_points(group=group):
            if installed is None or entry.value in installed:
                _add_installed(registry, entry)
    for file in files:
        registry.add_plugin(_import_file(Path(file)))
    registry.check()
    return registry


def _add_installed(registry: Registry, entry: importlib.metadata.EntryPoint) -> None:
    """Register what an entry point names: a module, or one declaration."""
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"entry point {entry.name!r} = {entry.value} failed to load: "
            f"{type(error).__name__}: {error}; mend or uninstall its package"
        ) from error
    if isinstance(loaded, ModuleType):
        registry.installed[loaded.__file__ or loaded.__name__] = entry.value
        registry.add_plugin(loaded)
    else:
        registry.installed[entry.value] = entry.value
        registry.add(loaded, entry.value)


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(info.name)


def _import_file(path: Path) -> ModuleType:
    resolved = path.resolve()
    if not resolved.is_file():
        raise ValueError(f"no such file: {path}")
    name = f"equibench_plugin_{resolved.stem}_{abs(hash(str(resolved))):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file (its name must end in .py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        said = f"{type(error).__name__}: {error}"
        begun = next((kind for kind in NEW if f"{kind.title()}.__init__()" in said), None)
        more = f"; `python -m bench new {begun} NAME` writes one to begin with" if begun else ""
        raise ValueError(f"{path} failed to import: {said}{more}") from error
    return module
