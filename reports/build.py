"""Writing a report: a new one replaces an old one file by file, and never another's files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench.record.regressions import known
from impls import registry
from reports.data import sets
from reports.data.run import read
from reports.page import make
from reports.tables import regressions

INDEX = "index.html"
MANIFEST = "report.files"
"""Names the files of the report that is there, so that the next one can remove what it lacks."""


def build(
    directory: Path, out: Path, extra_sets: Iterable[Path] = (), plugins: Iterable[Path] = ()
) -> tuple[list[Path], tuple[str, ...]]:
    """Write the report of a run directory to `out`; return the files written and the verdict.

    Everything is made before anything is written, and each file is replaced at once, the page
    last. Files in `out` that are not of an earlier report stay as they are.

    Raises:
        ValueError: when the run, a report set or a plug-in cannot be read, or `out` is a file.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is not a directory")
    run = read(directory)
    slow = regressions.of(run, known)
    page = make(run, registry.load(plugins), sets.read(extra_sets), slow)
    files = {**page.files, INDEX: page.html.encode()}
    earlier = _earlier(out)
    manifest = {MANIFEST: "".join(f"{name}\n" for name in sorted(files)).encode()}
    for name, content in {**manifest, **files}.items():
        _replace(out / name, content)
    for name in sorted(earlier - set(files)):
        (out / name).unlink(missing_ok=True)
    return [out / name for name in sorted(files)], page.verdict


def _earlier(out: Path) -> set[str]:
    manifest = out / MANIFEST
    if not manifest.is_file():
        return set()
    names = manifest.read_text(encoding="utf-8").splitlines()
    return {n for n in names if n and not Path(n).is_absolute() and ".." not in Path(n).parts}


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
