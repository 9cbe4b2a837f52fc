"""Runs: resumed, cut short, killed and locked, they end with the same rows and no process."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from bench.__main__ import main
from bench.ask import plan as plans
from bench.ask.narrowing import narrowed
from bench.ask.plan import explaining, plan
from bench.ask.reading import load as load_profile
from bench.drive.run import Events, execute
from bench.measuring import probes
from bench.record.fingerprint import PROTOCOL
from bench.record.rows import FINISHED, finished, load
from impls.implementation import Target

NAME = "clebsch_gordan.numpy_dense"
RUN = """
import signal, sys
from bench.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
sys.exit(main(sys.argv[1:]))
"""


def measured(path):
    """Return the pairs (key, round) that need not run again."""
    rows = load(path)
    return finished(rows, rows[0])


@pytest.fixture
def meant(hand, registry):
    """Return a plan: three blocks of one NumPy case, one of which is refused."""
    from impls.families.product import problem

    asked = [hand.problem(), problem("siso", 1), hand.problem("so3")]
    return hand.plan(registry, [hand.case(registry, NAME, p) for p in asked])


def test_resume_measures_what_is_missing_and_nothing_else(meant, registry, tmp_path):
    seen = []
    events = Events(case_done=lambda case, status, reason: seen.append(status))
    first = execute(meant, registry, tmp_path, command="first", events=events)
    assert Counter(seen) == {"ok": 2, "skip": 1} and first.seconds["measuring"] > 0
    before = (tmp_path / "rows.jsonl").read_bytes()
    again = execute(meant, registry, tmp_path, command="again", events=events)
    assert len(seen) == 3 and again.seconds == {}
    assert (tmp_path / "rows.jsonl").read_bytes() == before
    assert measured(tmp_path) == {(planned.key, 0) for planned in meant.planned}
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert [c["key"] for c in plan["cases"]] == [planned.key for planned in meant.planned]
    assert [c["command"] for c in plan["commands"]] == ["first", "again"]
    assert plan["commands"][1]["run"] == again.session.run != first.session.run


def test_a_case_that_was_cut_off_runs_again(meant, registry, tmp_path):
    execute(meant, registry, tmp_path)
    file = tmp_path / "rows.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]) + lines[-1][:40], encoding="utf-8")
    seen = []
    events = Events(case_done=lambda case, status, reason: seen.append(case))
    execute(meant, registry, tmp_path, events=events)
    assert seen == [json.loads(lines[-1])["case"]]
    assert measured(tmp_path) == {(planned.key, 0) for planned in meant.planned}
    assert (tmp_path / "rows.torn").read_text(encoding="utf-8") == lines[-1][:40] + "\n"


def test_what_another_protocol_finished_runs_again(meant, registry, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("bench.drive.run.PROTOCOL", "p0")
        execute(meant, registry, tmp_path)
    execute(meant, registry, tmp_path)
    execute(meant, registry, tmp_path)
    ended = [row["protocol"] for row in load(tmp_path) if row["probe"] == FINISHED]
    assert ended == ["p0"] * len(meant.planned) + [PROTOCOL] * len(meant.planned)


def test_a_spent_budget_is_said_and_continued_later(meant, registry, tmp_path):
    def slow(case, status, reason):
        time.sleep(0.6)

    execute(meant, registry, tmp_path, budget=0.5, events=Events(case_done=slow))
    ends = [row for row in load(tmp_path) if row["probe"] == FINISHED]
    skipped = [row for row in ends if row["detail"].get("unfinished")]
    assert 1 <= len(skipped) < len(ends) == 3
    assert {(row["status"], row["reason"]) for row in skipped} == {
        ("skip", "the budget of 0.5 s was spent")
    }
    execute(meant, registry, tmp_path, budget=600.0)
    assert measured(tmp_path) == {(planned.key, 0) for planned in meant.planned}


def test_each_round_is_measured_in_fresh_processes(hand, registry, tmp_path):
    started = []
    asked = ("error", "mem.fresh")
    meant = hand.plan(registry, [hand.case(registry, NAME)], rounds=2, probes=asked)
    events = Events(worker_up=lambda: started.append(1))
    execute(meant, registry, tmp_path, events=events)
    assert len(started) == 2
    assert measured(tmp_path) == {(meant.planned[0].key, 0), (meant.planned[0].key, 1)}
    rows = load(tmp_path)
    assert [row["round"] for row in rows if row["probe"] == "time.host"] == [0, 1]
    assert [row["round"] for row in rows if row["probe"] == "error.fwd"] == [0, 1]
    assert [row["round"] for row in rows if row["probe"] == "mem.fresh.rss"] == [0]
    assert len({row["attempt"] for row in rows}) == 2


def test_gates_come_before_times_and_rows_can_be_trusted(hand, registry, tmp_path):
    case = hand.case(registry, NAME, hand.problem(batch=200))
    execute(hand.plan(registry, [case], probes=probes.RUN), registry, tmp_path)
    rows = load(tmp_path)
    order = [row["probe"] for row in rows]
    for gate in ("error.fwd", "equiv.rotation", "equiv.inversion", "expressivity.dim"):
        assert order.index(gate) < order.index("time.host")
    assert order[-1] == FINISHED and order.count("time.host") == 1
    assert {"time.build", "time.first"} <= set(order) and "time.pack" not in order
    timed = rows[order.index("time.host")]
    assert timed["n"] == len(timed["samples"]) == 3
    assert timed["lo"] <= timed["value"] <= timed["hi"]
    assert {row["unit"] for row in rows if row["probe"].startswith(("time", "case"))} == {"s"}
    assert {row["status"] for row in rows} == {"ok"}
    for row in rows:
        assert row["protocol"] and row["commit"] and row["t0"]
        assert (tmp_path / "machines" / f"{row['machine']}.json").is_file()
        assert (tmp_path / "environments" / f"{row['environment']}.json").is_file()
    assert len({row["id"] for row in rows}) == len(rows)


def test_one_implementation_of_an_operation_says_what_it_can_express(hand, registry):
    names = ("clebsch_gordan.numpy_dense", "clebsch_gordan.jax_dense", "gaunt.torch_grid")
    cases = [
        hand.case(registry, name, hand.problem(dtype=dtype))
        for name in names
        for dtype in ("float32", "float64")
    ]
    full = hand.plan(registry, cases, probes=probes.RUN)
    chosen = [p.case for p in full.planned if p.key in explaining(full, registry)]
    assert [registry.implementation(c.implementation).operation for c in chosen] == [
        "clebsch_gordan",
        "gaunt",
    ]
    assert chosen[0].implementation == NAME
    assert set(explaining(full, registry).values()) == {"expressivity"}
    assert explaining(hand.plan(registry, cases), registry) == {}


@pytest.mark.slow
def test_expressivity_of_the_largest_maps_is_derived_and_not_read_off(registry):
    """At L = 20 a Gaunt product, and at L = 10 the full one, has more than 10^8 numbers."""
    kept = {}
    for symmetry, lmax in (("o3", 20), ("so3", 10), ("o3", 10), ("so3", 8)):
        asked = f"product/mimo-{symmetry}-lmax{lmax}-*"
        paper = narrowed(load_profile("paper"), registry, passes=["fwd"])
        meant = plan(paper, Target(), registry, asked)
        chosen = explaining(meant, registry)
        for probe in ("expressivity", "expressivity.derived"):
            operations = {
                p.case.implementation.split(".")[0]
                for p in meant.planned
                if chosen.get(p.key) == probe
            }
            kept[probe, symmetry, lmax] = operations & {"clebsch_gordan", "gaunt", "matrix"}
    read, derived = "expressivity", "expressivity.derived"
    assert {key: found for key, found in kept.items() if key[0] == read} == {
        (read, "o3", 20): set(),
        (read, "so3", 10): set(),
        (read, "o3", 10): {"gaunt", "matrix"},
        (read, "so3", 8): {"clebsch_gordan", "gaunt", "matrix"},
    }
    assert kept[derived, "o3", 20] == {"gaunt"} and kept[derived, "so3", 8] == set()
    assert kept[derived, "so3", 10] == {"clebsch_gordan"}


@pytest.mark.slow
def test_what_is_not_read_off_is_derived(hand, registry, tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "LARGEST", 1)
    case = hand.case(registry, "gaunt.torch_lebedev", hand.problem())
    execute(hand.plan(registry, [case], probes=probes.RUN), registry, tmp_path)
    rows = {row["probe"]: row for row in load(tmp_path)}
    for probe, expected in (("expressivity.dim", 5), ("expressivity.span", 5)):
        row = rows[probe]
        assert row["value"] is None and row["status"] == "skip" and "derived" in row["reason"]
        assert row["expected"] == expected and row["detail"]["full"] == 5
    assert rows["expressivity.dim"]["detail"]["verdict"] == "certain"
    assert rows[FINISHED]["status"] in ("ok", "noisy")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_no_worker_and_is_continued(hand, tmp_path, number, capsys):
    """The cases take a quarter of a second each at least, so that the signal comes between two."""
    out = tmp_path / "run"
    arguments = ["run", "--profile", "quick", "--select", "*o3-lmax[12]-*trap_pauses*"]
    arguments += ["--with", str(hand.root / "tests/traps/odd.py"), "--device", "cpu"]
    arguments += ["--out", str(out), "--plain"]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        cwd=hand.root,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not ends(out):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        assert hand.workers(out)
    finally:
        process.send_signal(number)
        _, messages = process.communicate(timeout=30)
    done = ends(out)
    assert 1 <= len(done) < 4
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted; the same command continues" in messages
        assert "Traceback" not in messages
    while hand.workers(out):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert main(arguments) == 0
    shown = capsys.readouterr()
    counts = re.findall(r"(\d+) (?:ok|noisy)\b", shown.out.split(";")[0])
    assert sum(map(int, counts)) == 4 - len(done)
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert measured(out) == {(case["key"], 0) for case in plan["cases"]}
    assert len(plan["cases"]) == 4 and len(ends(out)) == 4
    assert hand.workers(out) == []


def ends(out):
    """Return the finished cases of a run that may be writing at this moment."""
    file = out / "rows.jsonl"
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    return [row["case"] for row in map(json.loads, lines) if row["probe"] == FINISHED]


@pytest.fixture(scope="module")
def mixed(hand, trapped, tmp_path_factory):
    """Return a plan of a case that fails and one that does not, and the directory of its run."""
    out = tmp_path_factory.mktemp("mixed")
    names = ("clebsch_gordan.trap_vanishes", NAME)
    meant = hand.plan(trapped, [hand.case(trapped, name) for name in names])
    execute(meant, trapped, out, files=hand.traps)
    return meant, out


@pytest.mark.parametrize(
    ("redo", "expected"),
    [
        ("failed", {"trap_vanishes"}),
        ("all", {"trap_vanishes", "numpy_dense"}),
        ("*numpy_dense*", {"numpy_dense"}),
        ("noisy", set()),
        ("", set()),
    ],
)
def test_what_is_to_be_redone_is_redone_and_nothing_is_lost(
    hand, trapped, mixed, tmp_path, redo, expected
):
    meant, finished = mixed
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    before = load(tmp_path)
    seen = []
    events = Events(case_done=lambda case, status, reason: seen.append(case))
    execute(meant, trapped, tmp_path, files=hand.traps, redo=redo, events=events)
    assert {case.split("::")[1].split("/")[0].split(".")[1] for case in seen} == expected
    assert load(tmp_path)[: len(before)] == before
    assert measured(tmp_path) == {(planned.key, 0) for planned in meant.planned}


@pytest.mark.alone
def test_the_account_says_where_the_time_went(hand, registry, tmp_path):
    meant = hand.plan(registry, [hand.case(registry, NAME)], probes=probes.PAPER)
    began = time.monotonic()
    run = execute(meant, registry, tmp_path)
    wall = time.monotonic() - began
    assert {"importing", "building", "compiling", "checking", "measuring", "probing"} <= set(
        run.seconds
    )
    assert 0.5 * wall < sum(run.seconds.values()) <= wall
    rows = load(tmp_path)
    order = [row["probe"] for row in rows]
    assert "mem.fresh.rss" in order and order.index("mem.fresh.rss") > order.index("time.host")
    (last,) = [row for row in rows if row["probe"] == FINISHED]
    assert last["detail"]["worker"]["numpy"]


@pytest.mark.alone
def test_the_harness_is_cheap(hand, registry, tmp_path):
    """A trivial case in a worker that is up takes half a second at most, where it is let."""
    from impls.families.product import problem

    asked = [problem("mimo", 1, batch=b, dtype="float64") for b in range(2, 13)]
    meant = hand.plan(registry, [hand.case(registry, NAME, p) for p in asked], probes=probes.RUN)
    execute(meant, registry, tmp_path)
    assert min(row["value"] for row in load(tmp_path) if row["probe"] == FINISHED) < 0.5
