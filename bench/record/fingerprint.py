"""Content addresses: what is asked, the sources that answer it, and the protocol.

The sources of a case are the files that declare the implementation, its operation and its family,
and all that these import from `impls`, with the files beside a module that it names (C sources,
data). Of the backends an algorithm's key covers just what it names, as its own framework has it,
and what that imports: a new member, or another framework's, changes no key. What is made of a case
by a probe depends on the probe's sources too: the same closure, with more roots.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.record.case import Case, digest
from impls.registry import Registry

PROTOCOL = "p6"
"""Version of the timing protocol (docs/protocol.md). Raise it when the meaning of a row changes."""

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ("impls",)
"""The packages whose sources a case is made of."""
ANALYSED = ("impls", "analysis", "bench")
"""The packages whose sources the answer of a probe is made of."""
BACKENDS = ROOT / "impls" / "backends"
FRAMEWORKS = ROOT / "bench" / "measuring" / "frameworks"
"""What a worker imports of the harness for its own framework, by name."""
ALGORITHM = ROOT / "impls" / "algorithm.py"
FILE = re.compile(r"[A-Za-z0-9_-]+\.[a-z0-9]+")
"""What a file that is read beside a module is called."""


def key(case: Case, registry: Registry) -> str:
    """Return 16 hex digits: equal keys mean the same measurement of the same code."""
    implementation = registry.implementation(case.implementation)
    operation = registry.operation(implementation.operation)
    family = registry.family(operation.family)
    origins = tuple(registry.origin(thing) for thing in (implementation, operation, family))
    sources = _sources(origins, implementation.framework, BACKENDS)
    return digest({"case": case.to_json(), "sources": sources, "protocol": PROTOCOL})


@functools.cache
def _sources(origins: tuple[str, ...], framework: str, backends: Path) -> dict[str, str]:
    """Return the hash of each source of an implementation; the same for all of its cases."""
    paths = closure(map(Path, origins), MEASURED)
    if ALGORITHM not in paths:
        return hashes(paths)
    members = _members(backends / f"{framework}.py", paths)
    imported = (path for unit in members.values() for path in _imports(unit, MEASURED))
    named = {f"{framework}.{name}": _digest(ast.dump(unit)) for name, unit in members.items()}
    return hashes(paths | closure(imported, MEASURED)) | named


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """Return the hash of the content of each file, by its name, which is the same anywhere."""
    return {_name(path): _hash(path) for path in paths}


@functools.cache
def _name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


@functools.cache
def _hash(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def closure(files: Iterable[Path], roots: tuple[str, ...]) -> frozenset[Path]:
    """Return files and all that they import from the root packages, directly or not, lazily or not.

    The backends are left out: `key` sees what is used of them.
    """
    seen: set[Path] = set()
    queue = [file.resolve() for file in files]
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue.extend(_imported(path, roots))
    return frozenset(seen)


@functools.cache
def _members(backend: Path, paths: frozenset[Path]) -> dict[str, ast.stmt]:
    """Return each definition of a backend that some file names, directly or not."""
    units = _units(backend)
    queue = ["__init__", *{name for path in paths for name in _names(path)}]
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in units and name not in seen:
            seen.add(name)
            queue.extend(_named(units[name]))
    return {name: units[name] for name in seen}


@functools.cache
def _units(backend: Path) -> dict[str, ast.stmt]:
    """Return the functions and constants of a file and of the classes in it, by name."""
    units: dict[str, ast.stmt] = {}
    queue = list(ast.parse(backend.read_text(encoding="utf-8")).body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.ClassDef):
            queue.extend(node.body)
        elif isinstance(node, ast.FunctionDef):
            units[node.name] = node
        elif isinstance(node, ast.Assign):
            units |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return units


@functools.cache
def _names(file: Path) -> frozenset[str]:
    """Return the attributes that a file names."""
    if file.suffix != ".py":
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def _named(unit: ast.stmt) -> Iterator[str]:
    for node in ast.walk(unit):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


@functools.cache
def _imported(file: Path, roots: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the files that a file takes in: modules of the root packages, and names beside it."""
    if file.suffix != ".py":
        return ()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return (*_imports(tree, roots), *_beside(file, tree))


def _imports(tree: ast.AST, roots: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files of the modules that are imported from the root packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _files(node.module, roots)
            for alias in node.names:
                yield from _files(f"{node.module}.{alias.name}", roots)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name, roots)


def _beside(file: Path, tree: ast.AST) -> Iterator[Path]:
    """Yield the files in the folder of a module that a string of it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if FILE.fullmatch(node.value) and file.with_name(node.value).is_file():
                yield file.with_name(node.value)


def _files(module: str, roots: tuple[str, ...]) -> Iterator[Path]:
    if module.split(".")[0] not in roots or module.startswith("impls.backends"):
        return
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            yield path
