import json
import math
import os
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import history
from bench.__main__ import main
from bench.ask import watched
from bench.commands import history as command
from bench.record.fingerprint import PROTOCOL
from bench.record.rows import Reading

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/golden/case_ids.txt"
UPDATE = """python -c "from bench import watched; print(*watched.ids(), sep='\\n')" > """
SUITES = [suite for suite in vars(history).values() if hasattr(suite, "params")]


def python(code: str) -> str:
    """Run code in a process that imports as asv does: `bench/` and the root on the path."""
    path = f"import sys; sys.path[:0] = [{str(ROOT / 'bench')!r}, {str(ROOT)!r}]\n"
    result = subprocess.run(
        [sys.executable, "-c", path + code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_watched_ids_are_pinned():
    pinned, found = GOLDEN.read_text(encoding="utf-8").splitlines(), watched.ids()
    gone, new = sorted(set(pinned) - set(found)), sorted(set(found) - set(pinned))
    assert pinned == found, (
        f"the watched cases changed: gone {gone}, new {new}. Their histories start anew. "
        f"If that is meant: {UPDATE}{GOLDEN.relative_to(ROOT)}"
    )
    assert len(set(found)) == len(found)


def test_watched_cases_do_not_depend_on_what_is_installed(monkeypatch):
    found = watched.ids()
    for package in ("torch", "jax", "e3nn"):
        monkeypatch.setitem(sys.modules, package, None)
    assert watched.ids() == found


def test_every_watched_case_has_a_benchmark():
    timed = [
        suite.case(implementation, question)
        for suite in SUITES
        if hasattr(suite, "track_time")
        for question in suite.params[1]
        for implementation in suite.params[0]
    ]
    assert len(timed) == len(watched.cases()) > 30
    assert all(case in timed for case in watched.cases())


def test_asv_discovers_all_without_a_framework():
    pytest.importorskip("asv_runner")
    out = python(
        "from asv_runner.discovery import disc_benchmarks\n"
        "names = [b.name for b in disc_benchmarks('history')]\n"
        "print(len(names), *(name in sys.modules for name in ('torch', 'jax')))"
    )
    methods = sum(name.startswith("track_") for suite in SUITES for name in dir(suite))
    assert out.split() == [str(methods), "False", "False"]


@pytest.mark.alone
def test_a_benchmark_measures():
    out = python(
        "import json, history\n"
        "found = {}\n"
        "suite = history.GauntFwdSpeed()\n"
        "asked = 'gaunt.torch_grid', suite.params[1][0]\n"
        "suite.setup(*asked)\n"
        "found['time'] = suite.track_time(*asked)\n"
        "quality = history.GauntFwdQuality()\n"
        "quality.built = suite.built\n"
        "found['error'] = quality.track_error(*asked)\n"
        "found['memory'] = quality.track_memory(*asked)\n"
        "print(json.dumps(found))"
    )
    found = json.loads(out)
    assert len(found["time"]["samples"]) == history.SAMPLES
    assert found["time"]["number"] >= 1
    # one sample of a busy machine may be anything; their median is a time of this call
    assert 1e-6 < statistics.median(found["time"]["samples"]) < 1.0
    assert 0.0 < found["error"] < 1e-5
    if os.access("/proc/self/clear_refs", os.W_OK):  # else the system cannot tell
        assert 4096 <= found["memory"] < 2**28  # pages of the call, not the whole process
    else:
        assert math.isnan(found["memory"])


def test_a_process_opens_one_case_after_another():
    """As `make speed` does: a framework is started once."""
    out = python(
        "import history\n"
        "suite = history.MatrixFwdSpeed()\n"
        "for question in suite.params[1]:\n"
        "    suite.setup('matrix.torch_dense', question)\n"
        "    print(suite.built.problem.sizes['irreps_in1'])"
    )
    assert len(set(out.split())) == 2


def test_what_is_not_installed_is_not_available(monkeypatch):
    monkeypatch.setitem(sys.modules, "e3nn", None)
    with pytest.raises(NotImplementedError, match="not installed: e3nn"):
        suite = history.ChannelwiseFwdSpeed()
        suite.setup("channelwise.torch_e3nn", suite.params[1][0])


def test_what_is_wrong_has_no_time(monkeypatch):
    wrong = Reading("error.fwd", 0.1, passed=False)
    monkeypatch.setattr(history.alone.gate, "error", lambda built: [wrong])
    suite = history.GauntFwdSpeed()
    suite.built = None
    with pytest.raises(RuntimeError, match=r"error\.fwd failed"):
        suite.track_time("gaunt.torch_grid", suite.params[1][0])


@pytest.mark.parametrize(("dirty", "reason"), [(True, "uncommitted"), (None, "git is not there")])
def test_no_history_of_a_tree_that_is_no_commit(monkeypatch, capsys, dirty, reason):
    monkeypatch.setattr(command, "provenance", lambda: {"commit": "c0ffee", "dirty": dirty})
    monkeypatch.setattr(command, "_asv", lambda *arguments: pytest.fail("asv was called"))
    assert main(["history"]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(("run", "code"), [(0, 0), (2, 1)])
def test_a_commit_is_run_and_published_even_when_a_benchmark_fails(monkeypatch, run, code):
    calls = []

    def asv(*arguments, quiet=False):
        calls.append(arguments)
        return run if arguments[0] == "run" else 0

    monkeypatch.setattr(command, "provenance", lambda: {"commit": "c0ffee", "dirty": False})
    monkeypatch.setattr(command, "_asv", asv)
    assert main(["history", "--bench", "Gaunt"]) == code
    assert [arguments[0] for arguments in calls] == ["machine", "run", "publish"]
    assert "--set-commit-hash c0ffee" in " ".join(calls[1])
    assert "--bench Gaunt" in " ".join(calls[1])


def test_asv_configuration_names_what_is_there():
    configuration = json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))
    assert (ROOT / configuration["benchmark_dir"] / "__init__.py").is_file()
    assert configuration["environment_type"] == "existing"


def test_a_number_starts_anew_when_its_question_does(monkeypatch):
    before = {suite.__name__: suite.version for suite in SUITES}
    assert all(version.startswith(f"{PROTOCOL}-") for version in before.values())
    assert before["GauntFwdSpeed"] == before["GauntGradSpeed"] != before["ChannelwiseFwdSpeed"]
    asked = {
        key: [replace(case, problem=case.problem.with_sizes(channels=9)) for case in cases]
        for key, cases in watched.suites().items()
    }
    monkeypatch.setattr(watched, "suites", lambda: asked)
    after = {suite.__name__: suite.version for suite in history._suites().values()}
    assert set(after) == set(before) and after["GauntFwdSpeed"] != before["GauntFwdSpeed"]
