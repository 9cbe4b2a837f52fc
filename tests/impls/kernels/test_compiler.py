"""C sources are compiled once a machine, and a machine without a compiler is told so."""

import ctypes
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from impls.families.product import problem
from impls.implementation import Target
from impls.kernels import compiler, support
from impls.kernels.rows import Rows
from impls.registry import load

REGISTRY = load()
ROOT = Path(__file__).parents[3]
COMPILE = """
from impls.kernels.compiler import library
from impls.kernels.rows import Rows
library(("lanes.c",), "float32", Rows.flags)
"""


def compiled(library=compiler.library):
    """Compile a source that is a part of all kernels, and quick."""
    return library(("lanes.c",), "float32", Rows.flags)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Return an empty cache, seen by a process that has loaded nothing."""
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path))
    compiler.library.cache_clear()
    yield tmp_path / "kernels"
    compiler.library.cache_clear()


def kernels():
    return [i for i in REGISTRY.implementations.values() if i.name.endswith("_kernel")]


def test_without_a_compiler_every_kernel_refuses_with_the_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    found = kernels()
    assert len(found) > 20
    for implementation in found:
        family = REGISTRY.operation(implementation.operation).family
        for asked in REGISTRY.family(family).examples:
            refused = implementation.supports(asked, Target())
            assert refused is not None, implementation.full_name
    refused = REGISTRY.implementation("gaunt.torch_kernel").supports(problem("mimo", 1), Target())
    assert "no C compiler: looked for cc, gcc, clang" in refused.reason
    assert "install gcc or clang" in refused.remedy and "$CC" in refused.remedy
    with pytest.raises(RuntimeError, match="no C compiler was found"):
        compiled(compiler.library.__wrapped__)


def test_a_compiler_is_the_one_that_is_named(monkeypatch):
    monkeypatch.setenv("CC", "a-compiler-nobody-has")
    assert compiler.compiler() is None
    refused = support.refuses("torch", problem("mimo", 1), Target())
    assert "a-compiler-nobody-has" in refused.reason


@pytest.mark.parametrize("words", [("-DOF_CC=1",), ("-DOF_CC=a b", "-O1")])
def test_the_command_in_cc_is_split_as_a_shell_does(words, fresh, monkeypatch):
    plain = compiler.compiler()
    asked = []
    run = compiler._run
    monkeypatch.setattr(compiler, "_run", lambda *a: asked.append(a[0]) or run(*a))
    monkeypatch.setenv("CC", shlex.join([*plain, *words]))
    assert compiler.compiler() == (*plain, *words)
    compiled()
    assert len(asked) == 2 and all(tuple(c[: 1 + len(words)]) == (*plain, *words) for c in asked)


@pytest.mark.parametrize("named", ["gcc 'and no end", "   "])
def test_a_cc_that_cannot_be_split_is_refused_and_an_empty_one_names_none(named, monkeypatch):
    monkeypatch.setenv("CC", named)
    if named.strip():
        assert named in compiler.missing().reason
    else:
        assert compiler.compiler() is not None


def test_a_library_is_compiled_once_and_found_again(fresh, monkeypatch):
    compiled()
    (kept,) = fresh.iterdir()
    stamp = kept.stat().st_mtime_ns
    compiler.library.cache_clear()
    calls = []
    run = compiler._run
    monkeypatch.setattr(compiler, "_run", lambda *a: calls.append(a) or run(*a))
    compiled()
    assert [kept] == list(fresh.iterdir()) and kept.stat().st_mtime_ns == stamp
    assert len(calls) == 1 and "-E" in calls[0][0], "asked who it is, and compiled nothing"


@pytest.mark.parametrize("what", ["source", "flags", "compiler", "arguments"])
def test_another_source_flag_or_compiler_is_another_library(what, fresh, monkeypatch):
    compiled()
    compiler.library.cache_clear()
    if what == "source":
        read = Path.read_text
        monkeypatch.setattr(Path, "read_text", lambda *a, **k: read(*a, **k) + "\n/* new */\n")
    elif what == "flags":
        monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-DEXTRA=1"))
    elif what == "arguments":  # of $CC, which no macro tells of
        monkeypatch.setenv("CC", shlex.join([*compiler.compiler(), "-fno-plt"]))
    else:
        run = compiler._run
        monkeypatch.setattr(
            compiler, "_run", lambda c, t="": run(c, t) + ("another" if "-E" in c else "")
        )
    compiled()
    assert len(list(fresh.iterdir())) == 2


def test_processes_that_compile_at_once_leave_one_library(fresh):
    started = [subprocess.Popen([sys.executable, "-c", COMPILE], cwd=ROOT) for _ in range(4)]
    assert [process.wait(timeout=120) for process in started] == [0] * 4
    assert [path.suffix for path in fresh.iterdir()] == [".so"]


def test_a_torn_library_is_compiled_again(fresh):
    run = [sys.executable, "-c", COMPILE]
    assert subprocess.run(run, cwd=ROOT, check=False).returncode == 0
    (kept,) = fresh.iterdir()
    kept.write_bytes(b"torn")
    assert subprocess.run(run, cwd=ROOT, check=False).returncode == 0
    assert list(fresh.iterdir()) == [kept] and kept.stat().st_size > 1000


def test_where_nothing_can_be_kept_a_process_compiles_for_itself(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("EQUIBENCH_CACHE", str(blocked))
    assert isinstance(compiled(compiler.library.__wrapped__), ctypes.CDLL)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("echo 'first, an error: out of ideas' >&2; echo gone >&2", "out of ideas"),
        ("echo much >&2; echo 'Fehler: keine Idee' >&2", "Fehler: keine Idee"),
        ("true", "it says nothing"),
    ],
)
def test_a_compiler_that_fails_is_quoted(says, told, fresh, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\n{says}\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(RuntimeError, match=rf"broken failed .*: .*{told} \(exit status 3\); name"):
        compiled()


def test_a_compiler_that_cannot_be_run_is_named(fresh, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fno program")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(RuntimeError, match=r"broken cannot be run: .*; name another compiler"):
        compiled()


def test_rounding_is_that_of_the_process_before():
    """Fast math would flush small numbers to zero everywhere."""
    import numpy as np

    compiled()
    assert not any("fast-math" in flag or flag == "-Ofast" for flag in compiler.FLAGS)
    assert np.float32(1e-39) * np.float32(0.5) > 0
