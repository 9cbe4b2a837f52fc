"""Implementations that lie, fail, hang and die: each gets its status, and nothing else is hurt."""

from __future__ import annotations

import os
import re

import pytest

from bench.ask.profile import Sampling
from bench.ask.reading import load as load_profile
from bench.commands.check import check
from bench.drive import worker_process
from bench.drive.run import Events, execute
from bench.drive.schedule import QUARANTINE
from bench.measuring import tolerances
from bench.measuring.probes import GATE
from bench.record.rows import FINISHED, load
from impls.implementation import Target
from impls.registry import load as load_registry

pytestmark = pytest.mark.slow

CAP = 2**29
"""Bytes of memory that a worker may hold here: less than the hog wants, more than NumPy needs."""

WRONG = {
    "normalisation": r"error\.fwd is 4\.23e-01, above the tolerance 1e-10: every entry is",
    "slightly": r"error\.fwd is \d\.\d\de-0[89], above .* 1 of 208 .* in sample 3",
    "nan": r"error\.fwd is not finite.*: z is not a number in 1 of 208",
    "zero": r"error\.fwd is 1\.00e\+00.*: z is zero everywhere",
    "shape": r"output shapes are .*\(16, 1, 12\).*, not .*\(16, 1, 13\)",
    "broadcasts": r"output shapes are .*\(1, 16, 1, 13\)",
    "name": r"output shapes are .*'result'.*, not .*'z'.*: the output 'z' is called 'result'",
    "extra": r"output shapes are .*'debug'",
    "order": r"error\.fwd is .*: the last axis is in reverse order",
    "only_first": r"^equiv\.rotation is 1\.00e-03, .*; equiv\.inversion is",
    "handed": r"^equiv\.inversion is \d\.\d\de-02, above the tolerance 2e-10: right .*: ev",
    "remembers": r"^equiv\.rotation is .*; equiv\.inversion is .*: the output does not",
    "late": r"error\.fwd is 1\.00e\+00",
    "mutates": "conduct.timed: the timed call overwrites its input x",
}
FAULTS = {
    "raises": ("error", r"^ArithmeticError: the moon is full \(faults.py:\d+, in \w+\)$"),
    "memory_error": ("oom", "^MemoryError:?$"),
    "hog": ("oom", r"the worker held \d\.\d GiB of host memory"),
    "stubborn": ("timeout", "^no answer within 15 s$"),
    "segfault": ("crash", r"^killed by SIGSEGV; see .*trap_segfault.*\.log$"),
    "killed": ("crash", r"^killed by SIGKILL; see .*trap_killed.*\.log$"),
    "child_hog": ("oom", r"the worker held \d\.\d GiB of host memory"),
    "floods": ("crash", r"^the worker sent garbage: \d+ bytes$"),
    "exits": ("crash", r"^exited with code 1; see .*\.log$"),
    "vanishes": ("crash", r"^exited with code 0; see .*\.log$"),
    "orphans": ("crash", r"^exited with code 7; see .*\.log$"),
    "babbles": ("crash", "the worker sent garbage: .*not a message"),
    "counts": ("crash", "the worker sent garbage: b'42'"),
    **{f"forges_{n}": ("crash", "the worker sent garbage: ") for n in range(7)},
    "cannot_say": (
        "error",
        r"^TypeError: supports\(\) has a bug \(faults.py:\d+, in _cannot_say\)$",
    ),
    "not_installed": (
        "skip",
        r"^not installed: a_package_nobody_has \(pip install a_package_nobody_has\)$",
    ),
}
ODD = ("pauses", "spins", "prints", "buffer", "forks", "daemon", "logs")
HONEST = "numpy_dense"


@pytest.fixture(scope="module")
def swept(trapped, hand, tmp_path_factory):
    """One run of all NumPy traps: a block with parity, in which they misbehave, and one without."""
    out = tmp_path_factory.mktemp("traps")
    names = [f"trap_{name}" for name in (*WRONG, *FAULTS, *ODD)] + [HONEST]
    cases = [hand.case(trapped, f"clebsch_gordan.{name}") for name in names]
    again = hand.problem("so3")
    cases += [hand.case(trapped, f"clebsch_gordan.trap_{name}", again) for name in FAULTS]
    cases += [hand.case(trapped, f"clebsch_gordan.{HONEST}", again)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_process, "MEMORY_SHARE", CAP / worker_process.total_memory())
        meant = hand.plan(trapped, cases, case_timeout=15.0)
        execute(meant, trapped, out, files=hand.traps)
    return out, load(out)


def end(hand, swept, name, symmetry="o3"):
    return hand.ends(swept[1])[f"trap_{name}", symmetry, "fwd"]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_results_are_caught_and_not_timed(hand, swept, name):
    found = end(hand, swept, name)
    assert found["status"] == "wrong"
    assert re.search(WRONG[name], found["reason"]), found["reason"]
    assert "time.host" not in hand.before(swept[1], found)


def test_symmetry_is_judged_subgroup_by_subgroup(hand, swept):
    rows = hand.before(swept[1], end(hand, swept, "handed"))
    assert [rows[p]["status"] for p in ("error.fwd", "equiv.rotation", "equiv.inversion")] == [
        "ok",
        "ok",
        "wrong",
    ]
    assert rows["equiv.inversion"]["value"] == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("name", FAULTS)
def test_faults_have_their_status_and_reason(hand, swept, name):
    status, reason = FAULTS[name]
    found = end(hand, swept, name)
    assert found["status"] == status, found["reason"]
    assert re.search(reason, found["reason"]), found["reason"]
    assert "time.host" not in hand.before(swept[1], found)


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_the_sweep_goes_on(hand, swept, name):
    assert hand.ends(swept[1])[HONEST, "o3", "fwd"]["status"] == "ok"
    assert hand.ends(swept[1])[HONEST, "so3", "fwd"]["status"] == "ok"
    status = {"cannot_say": "error", "not_installed": "skip"}.get(name, "ok")
    assert end(hand, swept, name, "so3")["status"] == status


@pytest.mark.parametrize("name", ODD)
def test_bad_manners_do_not_spoil_a_right_result(hand, swept, name):
    found = end(hand, swept, name)
    assert (found["status"], found["reason"]) == ("ok", "")
    assert hand.before(swept[1], found)["time.host"]["value"] > 0


@pytest.mark.alone
def test_a_known_time_is_measured(hand, trapped, tmp_path):
    cases = [hand.case(trapped, f"clebsch_gordan.trap_{name}") for name in ("spins", "pauses")]
    execute(hand.plan(trapped, cases), trapped, tmp_path, files=hand.traps)
    rows = load(tmp_path)
    times = {row["implementation"]: row for row in rows if row["probe"] == "time.host"}
    row, slept = (times[case.implementation] for case in cases)
    assert row["unit"] == "s" and row["n"] == 3
    off = min(abs(sample / 0.02 - 1) for sample in row["samples"])
    assert off < 0.02  # of three samples a busy machine may spoil two
    assert min(slept["samples"]) < 0.03  # a busy machine wakes a sleeper late


def used(hand, trapped, name, out):
    """Return the end of a trap, and how many processors it used while it was timed."""
    execute(hand.plan(trapped, [hand.case(trapped, name)]), trapped, out, files=hand.traps)
    rows = load(out)
    (found,) = hand.ends(rows).values()
    return found, hand.before(rows, found)["conduct.processors"]["value"]


def test_a_call_that_waits_for_a_child_is_not_idle(hand, trapped, tmp_path):
    found, processors = used(hand, trapped, "clebsch_gordan.trap_helped", tmp_path)
    assert (found["status"], found["reason"]) == ("ok", "")
    assert 0.05 < processors < 1.2  # of a machine that many others may use too


@pytest.mark.alone
@pytest.mark.skipif(os.cpu_count() < 2, reason="two children share one processor")
def test_two_children_at_a_time_are_a_processor_too_many(hand, trapped, tmp_path):
    found, processors = used(hand, trapped, "clebsch_gordan.trap_helped_twice", tmp_path)
    assert found["status"] == "wrong" and processors > 1.2
    assert found["reason"].startswith(
        f"conduct.processors: used {processors:.1f} processors with 1"
    )


HIDDEN = {
    "tail": r"^error\.fwd is \d",
    "last": r"^error\.fwd is \d",
    "one": r"^(error\.fwd|conduct\.permuted) is \d",
    "one_nan": r"^(error\.fwd|equiv\.rotation|conduct\.permuted) is not finite",
    "large_only": r"^error\.fwd is \d",
    "strides": r"^conduct\.strided is \d",
    "first_calls": r"^conduct\.timed: on the clock, the answer is off by 1\.0e\+00 of",
    "once": r"^equiv\.rotation is 1\.00e\+00",
    "once_hurried": r"^conduct\.timed: after many calls the answer is another, by 1\.0e\+00 of its",
    "off_the_clock": r"^conduct\.timed: on the clock, the answer is off by 1\.0e\+00 of",
    "known_contents": r"^conduct\.fresh: the call is \d+\.\d times faster on contents that it",
    "deferred": r"^conduct\.timed: on the clock, (the answer (changes|is off)|work goes)",
    "works_on": r"work goes on after the call has returned$",
    "clock": r"the code changed what measures it: bench\.measuring\.clocks\.HostClock\._timed$",
    "processors": r"the code changed what measures it: the processors that it may use",
    "subclass": r"^conduct\.outputs: output 'z' is a Lazy, not a numpy\.ndarray$",
    "mapping": r"^conduct\.outputs: the answer is a Answer, not a dict$",
    "packs": r"^conduct\.layout: pack is no permutation with scales$",
    "unpacks": r"^conduct\.layout: unpack is no permutation with scales$",
    "activates": r"^conduct\.layout: unpack is no permutation with scales$",
    "falls_back": r"^conduct\.receipt: it was said: no fast kernel here: falling back to another$",
    "repeats": r"^conduct\.layout: pack is no permutation with scales$",
}
"""What the gate sees of each, beyond the samples of a known seed and the calls before the clock."""


@pytest.fixture(scope="module")
def looked_at(trapped, hand, tmp_path_factory):
    """One run of what hides, with many samples and all of the gate, and of what is honest."""
    from impls.families.product import problem

    out = tmp_path_factory.mktemp("hidden")
    asked = problem("mimo", 3, "o3", batch=300, dtype="float64")
    names = [f"trap_{name}" for name in HIDDEN] + [HONEST]
    cases = [hand.case(trapped, f"clebsch_gordan.{name}", asked) for name in names]
    execute(hand.plan(trapped, cases, probes=GATE), trapped, out, files=hand.traps)
    return load(out)


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_is_seen(hand, looked_at, name):
    found = hand.ends(looked_at)[f"trap_{name}", "o3", "fwd"]
    assert found["status"] == "wrong"
    assert re.search(HIDDEN[name], found["reason"]), found["reason"]
    assert "time.host" not in hand.before(looked_at, found)


def test_what_is_honest_passes_all_of_the_gate(hand, looked_at):
    found = hand.ends(looked_at)[HONEST, "o3", "fwd"]
    assert (found["status"], found["reason"]) == ("ok", "")
    rows = hand.before(looked_at, found)
    assert {"conduct.permuted", "conduct.fresh", "conduct.timed", "time.host"} <= set(rows)
    assert rows["conduct.timed"]["value"] == 0.0 and rows["conduct.timed"]["n"] >= 2


def test_weights_that_have_new_contents_are_read_again(hand, trapped, tmp_path):
    from impls.families.weighted import problem

    asked = problem("truncated", 1, mul=(2, 2, 2), batch=16, dtype="float64")
    cases = [hand.case(trapped, f"uvw.{n}", asked) for n in ("trap_stale_weights", HONEST)]
    execute(hand.plan(trapped, cases, probes=GATE), trapped, tmp_path, files=hand.traps)
    ended = {name: row["reason"] for (name, *_), row in hand.ends(load(tmp_path)).items()}
    assert ended["trap_stale_weights"].startswith("conduct.cached: ")
    assert ended[HONEST] == ""


def test_more_digits_than_are_asked_for_are_no_answer(hand, trapped, tmp_path):
    case = hand.case(trapped, "clebsch_gordan.trap_wide", hand.problem(dtype="float32"))
    execute(hand.plan(trapped, [case], probes=GATE), trapped, tmp_path, files=hand.traps)
    found = hand.ends(load(tmp_path))["trap_wide", "o3", "fwd"]
    reason = "conduct.outputs: output 'z' is in float64, not float32"
    assert (found["status"], found["reason"]) == ("wrong", reason)


def test_what_judges_is_drawn_when_the_case_is_built_and_drawn_again(hand, trapped, tmp_path):
    """Two attempts differ; that with the nonce of another has its very errors."""
    case = hand.case(trapped, f"clebsch_gordan.{HONEST}", hand.problem(batch=300))

    def run(name, nonce=None):
        meant = hand.plan(trapped, [case])
        execute(meant, trapped, tmp_path / name, files=hand.traps, nonce=nonce)
        rows = {row["probe"]: row for row in load(tmp_path / name)}
        return rows[FINISHED]["detail"]["nonce"], rows["error.fwd"]["value"]

    first, second = run("first"), run("second")
    assert first[0] != second[0] and first[1] != second[1]
    assert run("again", first[0]) == first


SPOILS = """
import bench.measuring.tolerances as tolerances
from impls.implementation import Built, Implementation

tolerances.TOLERANCES["float64"] = 1e9
SPOILS = Implementation("clebsch_gordan", "spoils", "numpy", lambda p, t, o: Built(None))
"""
FOREIGN = """
import sys

from impls.implementation import Built, Implementation

if "bench.measuring.worker" in sys.orig_argv and "FOREIGN" not in sys.orig_argv:
    raise OSError("imported where nothing of it is measured")

FOREIGN = Implementation("clebsch_gordan", "foreign", "numpy", lambda p, t, o: Built(None))
"""


def test_a_plugin_is_imported_where_it_is_measured_and_nowhere_else(hand, tmp_path, monkeypatch):
    """What it does when it is imported, it does to itself; what of the harness it changes is named.

    In this process, which plans, it is imported too: the tolerances are put back.
    """
    monkeypatch.setattr(tolerances, "TOLERANCES", dict(tolerances.TOLERANCES))
    files = [tmp_path / "spoils.py", tmp_path / "foreign.py"]
    for file, text in zip(files, (SPOILS, FOREIGN), strict=True):
        file.write_text(text, encoding="utf-8")
    registry = load_registry(files)
    names = ("spoils", "foreign", HONEST, "torch_dense")
    cases = [hand.case(registry, f"clebsch_gordan.{name}") for name in names]
    execute(hand.plan(registry, cases), registry, tmp_path / "run", files=files)
    ended = {name: row for (name, *_), row in hand.ends(load(tmp_path / "run")).items()}
    assert [ended[name]["status"] for name in names] == ["error", "error", "ok", "ok"]
    assert "imported where nothing of it is measured" in ended["foreign"]["reason"]
    assert "bench.measuring.tolerances.TOLERANCES" in ended["spoils"]["reason"]


def test_results_remembered_by_identity_are_caught(hand, trapped, tmp_path):
    names = ("clebsch_gordan.trap_by_identity", f"clebsch_gordan.{HONEST}")
    cases = [hand.case(trapped, name) for name in names]
    probes = ("error", "equiv", "conduct.cached")
    execute(hand.plan(trapped, cases, probes=probes), trapped, tmp_path, files=hand.traps)
    rows = load(tmp_path)
    found = hand.ends(rows)["trap_by_identity", "o3", "fwd"]
    reason = "conduct.cached: the call remembers results by the identity of its arguments"
    assert (found["status"], found["reason"]) == ("wrong", reason)
    assert "time.host" not in hand.before(rows, found)
    assert hand.ends(rows)[HONEST, "o3", "fwd"]["status"] == "ok"


def test_what_is_wrong_in_single_precision_only_is_caught_there(hand, trapped, tmp_path):
    name = "clebsch_gordan.trap_single"
    cases = [hand.case(trapped, name, hand.problem(dtype=d)) for d in ("float64", "float32")]
    execute(hand.plan(trapped, cases), trapped, tmp_path, files=hand.traps)
    ended = {row["dtype"]: row for row in load(tmp_path) if row["probe"] == FINISHED}
    assert ended["float64"]["status"] == "ok"
    assert ended["float32"]["status"] == "wrong"
    assert "error.fwd is 3.00e-04" in ended["float32"]["reason"]


def test_two_crashes_answer_for_the_larger_sizes(hand, trapped, tmp_path):
    asked = [hand.problem(batch=batch) for batch in (64, 16, 32)] + [hand.problem("so3")]
    cases = [hand.case(trapped, "clebsch_gordan.trap_vanishes", problem) for problem in asked]
    execute(hand.plan(trapped, cases), trapped, tmp_path, files=hand.traps)
    ended = {
        (row["facet.symmetry"], row["facet.batch"]): row
        for row in load(tmp_path)
        if row["probe"] == FINISHED
    }
    assert ended["o3", 16]["status"] == "crash" and ended["so3", 16]["status"] == "ok"
    assert ended["o3", 32]["status"] == "crash", "one may have come from outside"
    found = ended["o3", 64]
    assert found["status"] == "dominated"
    assert found["reason"].startswith("crash at this size or a smaller one: product/mimo-o3-lmax1")


def test_three_faults_in_a_row_quarantine_an_implementation(hand, trapped, tmp_path):
    from impls.families.product import problem

    sizes = {"batch": 16, "dtype": "float64"}
    asked = [problem("mimo", lmax, **sizes) for lmax in (1, 2, 3, 4, 5)]
    cases = [
        hand.case(trapped, f"clebsch_gordan.{name}", p)
        for name in ("trap_raises", HONEST)
        for p in asked
    ]
    execute(hand.plan(trapped, cases), trapped, tmp_path, files=hand.traps)
    ended = {
        (row["implementation"], row["facet.lmax"]): row
        for row in load(tmp_path)
        if row["probe"] == FINISHED
    }
    said = [ended["clebsch_gordan.trap_raises", lmax] for lmax in range(1, 6)]
    assert [row["status"] for row in said] == ["error"] * QUARANTINE + ["skip"] * 2
    assert said[-1]["reason"].startswith(
        "quarantined: 3 faults in a row, the last: error: ArithmeticError: the moon is full ("
    )
    assert all(ended[f"clebsch_gordan.{HONEST}", lmax]["status"] == "ok" for lmax in range(1, 6))


def test_a_time_that_does_not_settle_is_noisy_and_kept(hand, trapped, tmp_path):
    sampling = Sampling(least=5, most=9, target=0.02)
    case = hand.case(trapped, "clebsch_gordan.trap_erratic")
    execute(hand.plan(trapped, [case], sampling=sampling), trapped, tmp_path, files=hand.traps)
    rows = {row["probe"]: row for row in load(tmp_path)}
    for probe in ("time.host", FINISHED):
        assert rows[probe]["status"] == "noisy"
        said = r"known to \+- \d+\.\d% after 9 samples, asked for 2%"
        assert re.search(said, rows[probe]["reason"])
    assert rows["time.host"]["n"] == len(rows["time.host"]["samples"]) == 9
    assert rows["time.host"]["value"] > 0


def test_output_of_a_worker_is_kept_in_its_log(swept):
    logs = {path.name: path for path in (swept[0] / "logs").iterdir()}
    assert b'"failed": false' in logs["clebsch_gordan.trap_prints-x64.log"].read_bytes()
    raised = logs["clebsch_gordan.trap_raises-x64.log"].read_text(encoding="utf-8")
    assert "Traceback" in raised and "and a second line" in raised


def test_a_log_without_end_is_cut(swept):
    (log,) = (swept[0] / "logs").glob("*trap_logs*")
    assert log.stat().st_size <= worker_process.LOG_LIMIT
    assert b"[cut here: the log was longer than" in log.read_bytes()


def test_no_worker_and_no_child_of_one_survives(hand, swept):
    assert hand.workers(swept[0]) == []


def test_every_row_is_strict_json_with_a_known_status(swept):
    text = (swept[0] / "rows.jsonl").read_text(encoding="utf-8")
    assert "NaN" not in text and "Infinity" not in text
    nan = [row for row in swept[1] if row["implementation"].endswith("trap_nan")]
    assert nan[1]["value"] is None and nan[1]["detail"]["max_abs"] is None


def test_check_fails_what_overwrites_its_input_and_what_is_not_there(trapped, hand):
    names = ("mutates", "not_installed", "cannot_say")
    meant = [trapped.implementation(f"clebsch_gordan.trap_{name}") for name in names]
    files = [str(f) for f in hand.traps]
    results = check(meant, trapped, Target(), files, Events(), load_profile("check"))
    by_name = {name: [r for r in results if f"trap_{name}" in r["case"]] for name in names}
    asked = 2 * len(trapped.family("product").examples)  # in double and in single precision
    assert [len(found) for found in by_name.values()] == [asked + 1] * 3
    assert {r["status"] for r in by_name["mutates"][:-1]} == {"wrong"}
    assert {r["status"] for r in by_name["not_installed"][:-1]} == {"skip"}
    said = [r["status"] for r in by_name["cannot_say"][:-1]]
    assert said == ["error"] * QUARANTINE + ["skip"] * (asked - QUARANTINE)
    assert not any(r["passed"] for r in by_name["cannot_say"])
    assert not any(result["passed"] for result in results)
    assert results[-1]["reason"] == "no check problem of its family was answered rightly"
