"""Command lines: what they print, what they refuse in one line, and their exit codes."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import re
import subprocess
import sys

import pytest

import analysis.__main__ as analysis_line
from bench.ask.reading import names
from bench.commands import check, run
from bench.measuring.probes import analyses
from bench.record import gpu

pytestmark = pytest.mark.slow

NAME = "clebsch_gordan.numpy_dense"
PLUGIN = """
from impls.implementation import Implementation

MINE = Implementation("clebsch_gordan", "{name}", "numpy", lambda p, t, o: None)
"""


TIMED = ("ok", "noisy")
"""A busy machine gives noisy times; they are times."""


COMMANDS = ("list", "check", "doctor", "run", "status", "merge")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(said, command):
    code, out, _ = said(command, "--help")
    assert code == 0 and f"python -m bench {command}" in out


def test_help_of_all(said):
    code, out, _ = said("--help")
    assert code == 0 and "examples:" in out and "exit codes:" in out
    assert all(f"\n    {command}" in out for command in COMMANDS)
    code, out, _ = said("--help", line=analysis_line.main)
    assert code == 0 and all(name in out for name in analyses())
    for name in analyses():
        assert said(name, "--help", line=analysis_line.main)[0] == 0


def test_modules_run(hand):
    for module in ("bench", "analysis"):
        done = subprocess.run(
            [sys.executable, "-m", module, "nonsense"],
            cwd=hand.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "invalid choice: 'nonsense'" in done.stderr and "Traceback" not in done.stderr


RUN = ("run", "--profile", "quick", "--device", "cpu", "--out", "{tmp}/out")
REFUSED = {
    "no command": ((), "the following arguments are required: COMMAND"),
    "unknown command": (("fly",), "invalid choice: 'fly'"),
    "unknown profile": (
        ("run", "--profile", "slow"),
        "unknown profile 'slow': known are asked,",
    ),
    "profile of cases": (("list", "--cases", "--profile", "slow"), "unknown profile 'slow'"),
    "profile of operations": (
        ("list", "--operations", "--profile", "slow"),
        "unknown profile 'slow'",
    ),
    "unknown device": (("run", "--device", "tpu"), "invalid choice: 'tpu'"),
    "unknown format": (("list", "--cases", "--format", "xml"), "invalid choice: 'xml'"),
    "nothing to list": (("list",), "one of the arguments --operations"),
    "two lists": (("list", "--cases", "--operations"), "not allowed with argument"),
    "selects nothing": ((*RUN, "--select", "nothing"), "matches no case of profile 'quick'; see:"),
    "no rounds": ((*RUN, "--rounds", "0"), "rounds must be at least 1, not 0"),
    "rounds is no number": ((*RUN, "--rounds", "many"), "invalid int value: 'many'"),
    "no threads": ((*RUN, "--threads", "0"), "--threads must be at least 1, not 0"),
    "negative budget": ((*RUN, "--budget", "-1"), "--budget must be positive, not -1"),
    "no budget": ((*RUN, "--budget", "0"), "--budget must be positive, not 0"),
    "budget is no number": ((*RUN, "--budget", "nan"), "--budget must be positive, not nan"),
    "out is a file": (
        ("run", "--profile", "quick", "--select", "torch", "--device", "cpu", "--out", "{file}"),
        "{file} is not a directory",
    ),
    "missing file": ((*RUN, "--with", "{tmp}/absent.py"), "no such file: {tmp}/absent.py"),
    "broken file": (
        ("list", "--implementations", "--with", "{broken}"),
        "{broken} failed to import: ZeroDivisionError: division by zero",
    ),
    "file that exits": (
        ("list", "--implementations", "--with", "{exits}"),
        "{exits} failed to import: SystemExit: 3",
    ),
    "two files with one name": (
        ("list", "--cases", "--with", "{first}", "--with", "{second}"),
        "'clebsch_gordan.mine' is declared twice: in {first} and in {second}; rename one of them",
    ),
    "check of nothing": (
        ("check", "nonsense"),
        "unknown implementation or operation 'nonsense': known are",
    ),
    "check of a misspelt name": (
        ("check", "clebsch_gordan.torch_dens"),
        "did you mean 'clebsch_gordan.torch_dense' or",
    ),
    "check of no name": (("check",), "check what? name an implementation, an operation or"),
    "check of a missing file": (("check", "{tmp}/absent.py"), "no such file: {tmp}/absent.py"),
    "check of an empty file": (
        ("check", "{empty}"),
        "{empty} declares no Implementation at its top level",
    ),
    "status of nothing": (("status", "{tmp}/absent"), "absent holds no rows.jsonl: name a"),
    "status of a file": (("status", "{file}"), "holds no rows.jsonl: name a directory made by"),
    "status of damage": (("status", "{damaged}"), "rows.jsonl:1: not JSON"),
    "merge of nothing": (
        ("merge", "{tmp}/absent", "--out", "{tmp}/merged"),
        "absent holds no rows.jsonl",
    ),
    "merge without out": (("merge", "{tmp}"), "required: --out"),
    "merge into something": (
        ("merge", "{tmp}/absent", "--out", "{tmp}"),
        "is not an empty directory; name a new one",
    ),
}


@pytest.fixture
def places(tmp_path):
    """Return the files that the refused command lines name."""
    texts = {
        "broken": "1 / 0",
        "exits": "import sys; sys.exit(3)",
        "first": PLUGIN.format(name="mine"),
        "second": PLUGIN.format(name="mine"),
        "empty": "",
        "file": "",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "rows.jsonl").write_text("nonsense\n", encoding="utf-8")
    found = {name: tmp_path / f"{name}.py" for name in texts}
    return found | {"tmp": tmp_path, "damaged": tmp_path / "damaged"}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_are_one_line_and_exit_code_2(said, places, what):
    arguments, message = REFUSED[what]
    before = sorted(places["tmp"].iterdir())
    code, out, err = said(*(a.format(**places) for a in arguments))
    assert code == 2 and out == ""
    assert message.format(**places) in err.splitlines()[-1]
    assert "error: " in err.splitlines()[-1] and "Traceback" not in err
    after = sorted(places["tmp"].iterdir())
    assert [file for file in after if file.name != "__pycache__"] == before


def test_an_installed_plugin_that_fails_is_named(said, monkeypatch):
    entry = importlib.metadata.EntryPoint("mine", "a_package_nobody_has:X", "equibench.operations")
    found = {entry.group: [entry]}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found.get(group, []))
    code, out, err = said("list", "--operations")
    assert (code, out) == (2, "")
    assert err.startswith(
        "error: entry point 'mine' = a_package_nobody_has:X failed to load: ModuleNotFoundError"
    )


@pytest.mark.parametrize("style", ["json", "csv"])
def test_listings_have_the_promised_columns(said, style):
    def listed(what, *arguments):
        code, out, _ = said("list", f"--{what}", *arguments, "--format", style)
        assert code == 0
        return json.loads(out) if style == "json" else list(csv.DictReader(io.StringIO(out)))

    operations = {row["operation"]: row for row in listed("operations")}
    assert {"operation", "family", "group", "inexact", "papers"} <= set(operations["gaunt"])
    assert operations["clebsch_gordan"]["group"] == "rotation, inversion"
    assert operations["matrix"]["group"] == "rotation"
    assert operations["gaunt"]["papers"]
    catalogue = {"computes", "paths", "dim", "cost", "implementations", "users"}
    first = ["operation", "family", "group", "inexact", "refuses", "papers"]
    assert list(operations["gaunt"])[:6] == first
    assert set(list(operations["gaunt"])[6:]) == catalogue
    assert operations["gaunt"]["paths"] == "14 of 19" and "O(L^3 C)" in operations["gaunt"]["cost"]
    whole = {"json": [6, 19, 44, 85], "csv": "6, 19, 44, 85"}
    assert operations["clebsch_gordan"]["dim"] == whole[style]
    assert operations["gate"]["dim"] == {"json": None, "csv": ""}[style]
    assert "torch_dense" in operations["matrix"]["implementations"]
    assert "batatia2022" in operations["symmetric_contraction"]["users"]
    implementations = {row["implementation"]: row for row in listed("implementations")}
    columns = {"implementation", "operation", "framework", "available", "reason", "cost"}
    assert columns <= set(implementations[NAME])
    assert implementations[NAME]["framework"] == "numpy"
    assert str(implementations[NAME]["available"]) == "True"
    problems = listed("problems", "--profile", "quick")
    assert {"problem", "family", "dtype", "setting", "symmetry", "lmax"} <= set(problems[0])
    cases = listed("cases", "--profile", "quick")
    assert {"case", "implementation", "pass", "refused"} <= set(cases[0])
    assert len({row["case"] for row in cases}) == len(cases)


def test_listings_as_tables(said):
    for what in ("operations", "implementations", "problems", "cases"):
        code, out, err = said("list", f"--{what}")
        head, line, *rows = out.splitlines()
        assert code == 0 and err == "" and rows
        assert set(line) == {"-", " "} and len(head.split()) >= 4


def test_the_catalogue_is_listed_without_any_framework(hand):
    code = (
        "import sys; from bench.__main__ import main; main(['list', '--operations']); "
        "assert not {'torch', 'jax', 'e3nn', 'e3nn_jax'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=hand.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_package_is_said_in_the_list(said, hand):
    file = hand.root / "tests/traps/faults.py"
    rows = said.rows("list", "--implementations", "--with", file)
    (row,) = (r for r in rows if r["implementation"].endswith("trap_not_installed"))
    assert row["available"] is False
    assert row["reason"].startswith("not installed: a_package_nobody_has (pip install")


def test_doctor_says_what_can_be_measured_and_why_not(said, monkeypatch):
    seen = {"torch": "yes", "jax": "CPU build or no GPU"}
    monkeypatch.setattr(gpu, "seen_by", lambda: seen)
    rows = {row["what"]: row for row in said.rows("doctor")}
    assert {"cpu", "gpu", "numpy", "torch", "jax", "quiet machine", "disk"} <= set(rows)
    assert all(set(row) == {"what", "available", "reason"} for row in rows.values())
    assert all(row["available"] in ("yes", "no") and row["reason"] for row in rows.values())
    assert rows["torch on cuda"]["available"] == "yes"
    assert rows["jax on cuda"] == {
        "what": "jax on cuda",
        "available": "no",
        "reason": "CPU build or no GPU",
    }


@pytest.mark.parametrize(
    ("device", "words", "profile"),
    [
        ("cpu", (), "default"),
        ("cuda", (), "gpu"),
        ("cpu", ("--short",), "quick"),
        ("cuda", ("--short",), "gpu-short"),
        ("cuda", ("--profile", "quick"), "quick"),
    ],
)
def test_what_is_measured_where_nothing_is_asked(said, monkeypatch, device, words, profile):
    monkeypatch.setattr(gpu, "device_of", lambda asked, name: device)
    meant = []

    def stopped(plan, registry, out, **options):
        meant.append((plan.profile, plan.planned[0].case.target.device, out.name))
        raise ValueError("enough")

    monkeypatch.setattr(run, "execute", stopped)
    assert said("run", "--plain", *words)[0] == 2
    assert meant == [(profile, device, f"{profile}-{device}")]


def test_a_short_run_names_no_profile(said):
    code, _, err = said("run", "--short", "--profile", "quick", "--device", "cpu")
    assert code == 2 and "say one" in err


@pytest.mark.slow
def test_run_status_and_merge(said, tmp_path, hand):
    trap = hand.root / "tests/traps/wrong.py"
    code, out, err = said(
        *("run", "--profile", "quick", "--select", "symmetry=o3,lmax=1", "--device", "cpu"),
        *("--implementation", NAME, "--plain", "--out", tmp_path / "a"),
    )
    assert code == 0
    assert re.search("measured now: 1 (ok|noisy); wall time: ", out)
    assert f"status: python -m bench status {tmp_path / 'a'}" in out
    assert "CPU run: times say nothing about GPUs" in err
    assert re.search(r"\[1/1, 0 s left\] (ok|noisy) product/", err)
    select = "*-o3-lmax1-*::clebsch_gordan.trap_normalisation/*"
    code, out, err = said(
        *("run", "--profile", "quick", "--select", select, "--device", "cpu", "--plain"),
        *("--out", tmp_path / "b", "--with", trap),
    )
    assert code == 0, "a wrong case is a result"
    assert "measured now: 1 wrong;" in out and ": error.fwd is " in err

    code, out, _ = said("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "both")
    assert code == 0 and f"rows in {tmp_path / 'both' / 'rows.jsonl'} (0 were there" in out
    code, out, _ = said("status", tmp_path / "both")
    assert code == 0 and re.search(r"^(ok|noisy) +1$", out, re.MULTILINE)
    assert "error.fwd is" in out
    listed = said.rows("status", tmp_path / "both")
    assert [set(row) for row in listed] == [{"status", "case", "round", "reason"}] * 2
    assert listed[0]["status"] in TIMED and listed[1]["status"] == "wrong"
    assert said("merge", tmp_path / "a", "--out", tmp_path / "both")[0] == 2


def test_status_of_a_run_without_a_finished_case_is_an_empty_list(said, tmp_path):
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    assert said.rows("status", tmp_path) == []
    assert said("status", tmp_path)[0] == 0


@pytest.mark.slow
def test_check_passes_what_is_right(said):
    rows = said.rows("check", NAME, "--device", "cpu", "--plain")
    assert {row["status"] for row in rows} == {"ok"} and all(row["passed"] for row in rows)
    assert {"error.fwd", "equiv.rotation", "conduct.deterministic"} <= set(rows[0])


def test_check_of_a_file_fails_what_is_wrong(said, tmp_path, monkeypatch):
    text = PLUGIN.format(name="mine").replace("None", "Built(lambda i, w: {'z': i['x']})")
    file = tmp_path / "mine.py"
    file.write_text(text.replace("import Imp", "import Built, Imp"), encoding="utf-8")
    code, out, _ = said("check", file, "--device", "cpu", "--plain")
    assert code == 1 and "output shapes are" in out
    assert "z has the shape" in out and "cases failed" in out
    assert re.fullmatch(r"0 of \d+ passed, in \d+ s", out.splitlines()[-1])
    code, every, _ = said("check", file, "--device", "cpu", "--plain", "--all")
    assert code == 1 and len(every.splitlines()) > len(out.splitlines())
    assert "::clebsch_gordan.mine/" in every


def test_names_that_check_takes(registry, hand):
    assert [i.full_name for i in check.named(NAME, registry, None)] == [NAME]
    several = check.named("gaunt", registry, None)
    assert len(several) > 3 and {i.operation for i in several} == {"gaunt"}
    assert "check" in names()
