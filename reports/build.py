"""Writing a report: a new one replaces an old one file by file, and never another's files."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.record.regressions import known
from impls import registry
from reports.data import sets
from reports.data.run import read
from reports.page import make
from reports.tables import regressions

INDEX = "index.html"
FOLDERS = ("figures", "tables")
SUFFIXES = (".html", ".csv", ".bib", ".svg", ".pdf", ".png", ".pgf", ".tex", ".json", ".parquet")
"""Where files of a report are, and how their names end."""
MANIFEST = "report.files"
"""Names the files of the report that is there, so that the next one can remove what it lacks."""


def build(
    directory: Path, out: Path, extra_sets: Iterable[Path] = (), plugins: Iterable[Path] = ()
) -> tuple[list[Path], tuple[str, ...]]:
    """Write the report of a run directory to `out`; return the files written and the verdict.

    Everything is made before anything is written, and each file is replaced at once, the page
    last. Files in `out` that are not of an earlier report stay as they are.

    Raises:
        ValueError: when the run, a report set or a plug-in cannot be read, `out` is a file, or what
            no report made is where this one would write.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is not a directory")
    with _few_collections():
        run = read(directory)
        slow = regressions.of(run, known)
        page = make(run, registry.load(plugins), sets.read(extra_sets), slow)
    files = {**page.files, INDEX: page.html.encode()}
    earlier = _earlier(out)
    manifest = {MANIFEST: "".join(f"{name}\n" for name in sorted(files)).encode()}
    _refuse_others(out, set(files) - earlier)
    for name, content in {**manifest, **files}.items():
        _replace(out / name, content)
    for name in sorted(earlier - set(files)):
        (out / name).unlink(missing_ok=True)
    return [out / name for name in sorted(files)], page.verdict


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for cycles seldom: there are few, and among many rows each look takes long."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _earlier(out: Path) -> set[str]:
    """Return the files of the report that is there: those of its manifest that a report can have.

    A manifest may come from others: what lies outside `out`, also by way of a link, or has another
    name than files of reports have, is not ours to remove.
    """
    manifest = out / MANIFEST
    if not manifest.is_file() or manifest.is_symlink():
        return set()
    names = manifest.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name for name in names if _is_ours(out, name)}


def _is_ours(out: Path, name: str) -> bool:
    path = out / name
    inside = path.parent.resolve() in (out.resolve(), *(out.resolve() / f for f in FOLDERS))
    return bool(name) and inside and path.suffix in SUFFIXES and not path.is_dir()


def _refuse_others(out: Path, names: Iterable[str]) -> None:
    """Refuse to write where something is that no report made."""
    for name in sorted(names):
        path = out / name
        if path.exists() or path.is_symlink():
            raise ValueError(
                f"{path} is not of a report: name another --out, or move the file away"
            )
        for folder in path.parents:
            if folder != out and folder.is_relative_to(out) and folder.is_symlink():
                raise ValueError(f"{folder} leads out of --out {out}: name another, or remove it")


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
