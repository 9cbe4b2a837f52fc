"""The content address of a case: what is asked, the sources that answer it, and the protocol."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bench.case import Case, digest
from impls.registry import Registry

PROTOCOL = "p3"
"""Version of the timing protocol (docs/protocol.md). Raise it when the meaning of a row changes."""

ROOT = Path(__file__).resolve().parent.parent
FIRST_PARTY = ("impls",)


def key(case: Case, registry: Registry) -> str:
    """Return 16 hex digits: equal keys mean the same measurement of the same code."""
    implementation = registry.implementation(case.implementation)
    operation = registry.operation(implementation.operation)
    family = registry.family(operation.family)
    files = [registry.origin(thing) for thing in (implementation, operation, family)]
    sources = {_name(path): _hash(path) for file in files for path in _closure(Path(file))}
    return digest({"case": case.to_json(), "sources": sources, "protocol": PROTOCOL})


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


@functools.cache
def _hash(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


@functools.cache
def _closure(file: Path) -> tuple[Path, ...]:
    """Return a file and the first-party modules that it imports, directly or not, lazily or not."""
    seen: set[Path] = set()
    queue = [file.resolve()]
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue.extend(_imported(path))
    return tuple(sorted(seen))


def _imported(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _files(node.module)
            for alias in node.names:
                yield from _files(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name)


def _files(module: str) -> Iterator[Path]:
    if module.split(".")[0] not in FIRST_PARTY:
        return
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            yield path
