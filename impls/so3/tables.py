"""Keep expensive arrays on disk, so that many processes start quickly.

Files live under $EQUIBENCH_CACHE, by default ~/.cache/equibench. The cache changes no result: a
file that is absent, torn or of another version is computed again, and where nothing can be
written every call computes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGEST = 32
"""Length [B] of the checksum at the head of each file."""


def cached(name: str, version: int, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return `compute()`, read-only, from disk when this `name` and `version` are stored there.

    `name` (letters, digits, . _ -) has to spell out every argument that the array depends on, and
    `version` has to be raised whenever `compute` changes its meaning. Writing is atomic, so
    concurrent processes see a whole file or none; each file carries its SHA-256, so damage means
    computing again. Errors of `compute` pass through. Raises ValueError for another name and for
    arrays of objects.
    """
    if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name) is None:
        raise ValueError(
            f"table name {name!r}: use letters, digits, '.', '_', '-', for example 'wigner-3j-2-2'"
        )
    path = directory() / f"{name}.v{version}.table"
    array = _load(path)
    if array is None:
        array = np.ascontiguousarray(compute())
        if array.dtype.hasobject:
            raise ValueError(f"table {name!r} holds Python objects; only plain numbers are stored")
        with contextlib.suppress(OSError):  # a full or read-only disk costs time, nothing else
            _store(path, array)
    array.setflags(write=False)
    return array


def directory() -> Path:
    """Return where tables are kept: $EQUIBENCH_CACHE, else ~/.cache/equibench."""
    chosen = os.environ.get("EQUIBENCH_CACHE")
    return Path(chosen) if chosen else Path(os.path.expanduser("~/.cache/equibench"))


def _load(path: Path) -> NDArray[Any] | None:
    """Return the stored array, or None when the file is absent, unreadable or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        return None
    array: NDArray[Any] = np.load(io.BytesIO(body), allow_pickle=False)
    return array


def _store(path: Path, array: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    body = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
