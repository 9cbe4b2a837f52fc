"""Sets of data that are not part of the suite: files that a user has, known by their SHA-256.

`sets.toml` says of each file what it is, under which licence, and where to download it. Nothing
here downloads. `bring` copies the files of a set out of a folder into the cache, beside tables
(`impls.so3.tables`), and only those whose content is the one that is known: what is read there is
the same on every machine. Where a set is not, what asks for it is refused with the command.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from impls.near import unknown
from impls.problem import Refusal
from impls.so3.tables import directory

TABLE = Path(__file__).with_name("sets.toml")


@dataclass(frozen=True)
class File:
    """One file of a set: its name, what it is, and the SHA-256 of its content."""

    name: str
    what: str
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """A set: what it is, its paper (a key of refs.bib), licence, source and files."""

    name: str
    title: str
    paper: str
    licence: str
    where: str
    files: tuple[File, ...]

    @property
    def folder(self) -> Path:
        """Return where its files are kept."""
        return directory() / "data" / self.name

    def absent(self) -> tuple[str, ...]:
        """Return the names of those of its files that are not kept, or are damaged."""
        return tuple(f.name for f in self.files if not _is(self.folder / f.name, f))

    def missing(self) -> Refusal | None:
        """Return that it is not here, and the command that brings it; else None."""
        if not self.absent():
            return None
        command = f"python -m bench data {self.name} --from DIR"
        return Refusal(f"the data {self.name} are not here", f"{command}: {self.where}")

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            ValueError: for a file that the set does not have, or that is not here.
        """
        file = next((f for f in self.files if f.name == name), None)
        if file is None:
            raise ValueError(unknown("file", name, [f.name for f in self.files]))
        path = self.folder / name
        if not _is(path, file):
            raise ValueError(str(self.missing()))
        return path.read_bytes()

    def bring(self, source: Path) -> tuple[Path, ...]:
        """Copy its files out of a folder, all or none; return where they are kept.

        Raises:
            ValueError: for a file that is not there, or whose content is another one.
        """
        contents = {f.name: _checked(source / f.name, f, self.where) for f in self.files}
        self.folder.mkdir(parents=True, exist_ok=True)
        return tuple(_kept(self.folder / name, content) for name, content in contents.items())


@cache
def known(table: Path = TABLE) -> Mapping[str, DataSet]:
    """Return every set by name."""
    found: dict[str, Any] = tomllib.loads(table.read_text(encoding="utf-8"))
    return {
        name: DataSet(name, files=tuple(File(**each) for each in fields.pop("file")), **fields)
        for name, fields in found.items()
    }


def named(name: str) -> DataSet:
    """Return a set by name.

    Raises:
        ValueError: when there is none.
    """
    if name not in known():
        raise ValueError(unknown("set of data", name, sorted(known())))
    return known()[name]


def _is(path: Path, file: File) -> bool:
    return path.is_file() and _digest(path.read_bytes()) == file.sha256


def _checked(path: Path, file: File, where: str) -> bytes:
    """Return the content of a file that is the known one."""
    if not path.is_file():
        raise ValueError(f"{path} is not there: {file.what}; download it from {where}")
    content = path.read_bytes()
    found = _digest(content)
    if found != file.sha256:
        raise ValueError(
            f"{path} is another file than {file.name} is known: its SHA-256 is {found}, and "
            f"{file.sha256} is wanted; download it from {where}"
        )
    return content


def _kept(path: Path, content: bytes) -> Path:
    """Write a file at once, so that nobody reads a part of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
    return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
