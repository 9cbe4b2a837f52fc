"""`bench new`: what it writes passes `bench check` as it is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.commands.new import text_of
from impls.registry import load as load_registry


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "operation"),
    [("implementation", "clebsch_gordan"), ("operation", ""), ("implementation", "gate")],
)
def test_what_is_written_passes_as_it_is(kind, operation, said, tmp_path):
    """In NumPy: what differs between frameworks is the backend's, and tested there."""
    words = ("--operation", operation) if operation else ()
    code, out, err = said("new", kind, "mine", *words, "--out", tmp_path)
    file = tmp_path / "mine.py"
    assert code == 0 and f"bench check {file}" in out, err
    subprocess.run([sys.executable, "-m", "ruff", "check", "-q", file], check=True)
    text = file.read_text(encoding="utf-8")
    only = re.sub(r"(ALGORITHM = Algorithm\(.*)\)", r'\1, frameworks=("numpy",))', text)
    file.write_text(only, encoding="utf-8")
    code, out, err = said("check", file, "--plain")
    assert code == 0, out + err


def test_every_operation_has_a_template(registry, tmp_path):
    """Each is read as a declaration; names that a user would choose are not taken."""
    for operation in registry.operations:
        file = tmp_path / f"{operation}_mine.py"
        text = text_of("implementation", f"{operation}_mine", operation, registry)
        lines = [line for line in text.splitlines() if "python -m" not in line]
        assert max(map(len, lines)) <= 100
        file.write_text(text, encoding="utf-8")
    found = load_registry(sorted(tmp_path.iterdir()))
    assert len(found.implementations) >= len(registry.implementations) + len(registry.operations)


def test_a_name_that_is_none_or_taken_is_refused(said, tmp_path):
    for words, expected in (
        (("operation", "My-Product"), "is no name: use lower-case letters"),
        (("operation", "class"), "is no name"),
        (("operation", "gaunt"), "the operation gaunt is there already"),
        (("implementation", "dense"), "clebsch_gordan.dense is there already"),
        (("implementation", "mine", "--operation", "gount"), "unknown operation 'gount'"),
    ):
        code, _, err = said("new", *words, "--out", tmp_path)
        assert code == 2 and expected in err and err.count("\n") == 1
    assert said("new", "operation", "mine", "--out", tmp_path / "no")[0] == 2
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.py").write_text("mine")
    code, _, err = said("new", "operation", "mine", "--out", tmp_path)
    assert code == 2 and "is there already" in err
    assert (tmp_path / "mine.py").read_text() == "mine"
