"""Libraries and scripts of the page: what runs in it, in its order, and under which licence."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
VENDOR, SCRIPTS = HERE / "vendor", HERE / "scripts"


@dataclass(frozen=True)
class Library:
    """One library: the unmodified file of a package, and the texts of its licences."""

    name: str
    version: str
    package: str
    path: str
    file: str
    sha256: str
    licence: str
    licences: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the file.

        Raises:
            ValueError: when it is not the file that the manifest names.
        """
        content = (VENDOR / self.file).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ValueError(f"{VENDOR / self.file} was changed; restore it")
        return content.decode()

    @property
    def licence_texts(self) -> tuple[str, ...]:
        """Return the texts of the licences."""
        return tuple(
            (VENDOR / "licences" / f"{name}.txt").read_text(encoding="utf-8").strip()
            for name in self.licences
        )


@cache
def libraries() -> tuple[Library, ...]:
    """Return the libraries in the order in which they run."""
    data = tomllib.loads((VENDOR / "manifest.toml").read_text(encoding="utf-8"))
    return tuple(
        Library(**{**entry, "licences": tuple(entry["licences"])}) for entry in data["library"]
    )


@cache
def script() -> str:
    """Return the script of the page: its files in the order of their names, in one scope."""
    files = sorted(SCRIPTS.glob("*.js"))
    parts = [file.read_text(encoding="utf-8") for file in files]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
