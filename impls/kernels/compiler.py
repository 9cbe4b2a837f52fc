"""C sources compiled once a machine, by the compiler that is there.

A library is kept under the directory of tables (`impls.so3.tables`), named by a hash of its source,
of the flags, and of all macros that the compiler then defines: another compiler, CPU or header
finds another library. It is compiled to a temporary name and renamed, so that concurrent processes
see a whole library or none; where nothing can be kept, each process compiles for itself. Fast-math
flags are never used: in a shared library they change how the whole process rounds.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from impls.problem import Refusal
from impls.so3.tables import directory

COMPILERS = ("cc", "gcc", "clang")
"""Looked for in this order, unless $CC names one."""
FLAGS = ("-std=gnu11", "-O3", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared")
DTYPES = {"float32": ("-DREAL=float", "-DSINGLE"), "float64": ("-DREAL=double",)}
"""The data types that the kernels have, with their flags."""


def compiler() -> tuple[str, ...] | None:
    """Return the command of a C compiler: $CC if set, else the first that is found; None for none.

    $CC may have arguments, as `ccache gcc` or `clang -m64`: it is split as a shell would.
    """
    chosen = os.environ.get("CC", "").strip()
    return _which((chosen,) if chosen else COMPILERS, os.environ.get("PATH"))


@lru_cache(maxsize=8)
def _which(commands: tuple[str, ...], path: str | None) -> tuple[str, ...] | None:
    for command in commands:
        try:
            name, *arguments = shlex.split(command)
        except ValueError:  # a quotation that does not end
            continue
        if found := shutil.which(name, path=path):
            return found, *arguments
    return None


def missing() -> Refusal | None:
    """Refuse a machine without a compiler."""
    if compiler() is not None:
        return None
    looked = os.environ.get("CC") or ", ".join(COMPILERS)
    return Refusal(
        f"no C compiler: looked for {looked}", "install gcc or clang, or name one in $CC"
    )


@lru_cache(maxsize=32)
def library(
    names: tuple[str, ...],
    dtype: str,
    own: tuple[str, ...] = (),
    *,
    parallel: bool = False,
    include: str | None = None,
) -> ctypes.CDLL:
    """Return the sources of these names, one behind the other, compiled for a data type.

    With `parallel`, loops run on several threads (OpenMP). `own` are more flags, `include` is a
    directory of headers.

    Raises:
        RuntimeError: when there is no compiler, or it fails; the message has its first error, or
            its last line.
    """
    command = compiler()
    if command is None:
        raise RuntimeError("no C compiler was found; install gcc or clang, or name one in $CC")
    text = "\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in names)
    flags = [*FLAGS, *DTYPES[dtype], *own, *(["-fopenmp"] if parallel else [])]
    flags += [] if include is None else ["-I", include]
    told = _run([*command, *flags, "-dM", "-E", "-x", "c", "-"], text)
    key = hashlib.sha256("\0".join([text, *command[1:], *flags, told]).encode()).hexdigest()[:32]
    kept = directory() / "kernels" / f"{Path(names[-1]).stem}-{key}.so"
    if kept.is_file():
        with contextlib.suppress(OSError):  # torn by a disk that lost power: compiled again
            return ctypes.CDLL(str(kept))
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        return _compiled([*command, *flags], text, kept.parent, kept)
    except OSError:  # nothing can be written there: costs time, nothing else
        return _compiled([*command, *flags], text, Path(tempfile.gettempdir()), None)


def _compiled(command: Sequence[str], text: str, folder: Path, kept: Path | None) -> ctypes.CDLL:
    """Compile in a folder of its own, load, and move the library to where it is kept."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="compiling-") as here:
        fresh = Path(here) / "kernel.so"
        _run([*command, "-x", "c", "-", "-o", str(fresh)], text)
        if kept is None:
            return ctypes.CDLL(str(fresh))
        os.replace(fresh, kept)
        return ctypes.CDLL(str(kept))


def _run(command: Sequence[str], text: str = "") -> str:
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RuntimeError(
            f"{command[0]} cannot be run: {error.strerror}; name another compiler in $CC"
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        told = [*(line for line in lines if "error" in line), *lines[-1:], "it says nothing"][0]
        raise RuntimeError(
            f"{command[0]} failed to compile a kernel: {told.strip()} (exit status "
            f"{done.returncode}); name another compiler in $CC"
        )
    return done.stdout
