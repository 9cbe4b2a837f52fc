"""Trials without processes: what runs out of memory is tried again, and which probes are asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.ask.profile import Sampling
from bench.drive.run import Events, Run
from bench.drive.session import Session
from bench.drive.worker_process import Fault
from bench.measuring import probes
from bench.record.rows import Store, load
from impls.implementation import Target

NAMES = ("clebsch_gordan.torch_dense", "clebsch_gordan.torch_e3nn", "clebsch_gordan.torch_sparse")
ASKED = ("time.first", "error", "time.device", "time.kernels", "mem.fresh", "energy")
OOM = Fault("oom", "CUDA out of memory")


class Worker:
    """Answers at once; of `faults`, each time that it is asked to do something, one is raised."""

    alive = True
    processors = 1.0

    def __init__(self, pool, case, kind):
        self.pool, self.case, self.kind = pool, case, kind
        self.facts = {"gpu": "pretend"}

    def spawn(self):
        pass

    def ready(self):
        pass

    def kill(self):
        self.pool.said.append((self.kind, "killed", ()))

    def ask(self, request, timeout):
        what = request["do"]
        self.pool.said.append((self.kind, what, tuple(request.get("probes", ()))))
        waiting = self.pool.faults.get((self.case.implementation, what), [])
        fault = waiting.pop(0) if waiting else None
        if fault:
            raise fault
        if what == "sample":
            yield {
                "done": {
                    "samples": [1e-3],
                    "number": 1,
                    "warm_up": 0.0,
                    "steady": True,
                    "retaken": 0,
                    "disturbed": self.pool.disturbed,
                    "processors": self.processors,
                }
            }
        else:
            if what == "vouch":
                yield {"reading": {"probe": "conduct.timed", "value": 0.0, "passed": True}}
            yield {"done": {"failed": False, "seconds": {}}}


class Pool:
    """Workers without processes, and what was said to them."""

    def __init__(self, faults):
        self.faults, self.said, self.prepared = faults, [], []
        self.disturbed = 0

    def spec(self, case, traces=False):
        return case.implementation, traces

    def stop(self):
        self.said.append(("pool", "stop", ()))

    def prepare(self, cases, started, traces=False):
        self.prepared.append((len(list(cases)), traces))
        return {}

    def worker(self, case, traces=False):
        return Worker(self, case, "traces" if traces else case.implementation)

    def fresh(self, case):
        return Worker(self, case, "fresh")


@pytest.fixture
def run(hand, registry, tmp_path, monkeypatch):
    """Run some implementations on a device, with faults; return the pool, rows and last rows."""
    from bench.drive import trial

    monkeypatch.setattr(trial.quality, "stamp", lambda device: {})

    def executed(device, names=NAMES[:1], faults=None, rounds=1, named=("error",), disturbed=0):
        cases = [replace(hand.case(registry, name), target=Target(device)) for name in names]
        sampling = Sampling(2, 2, target=100.0)
        plan = hand.plan(registry, cases, rounds=rounds, probes=named, sampling=sampling)
        pool, told = Pool(faults or {}), []
        pool.disturbed = disturbed
        facts = {
            "machine": "m",
            "environment": "e",
            "protocol": "p",
            "commit": "c",
            "t0": "t",
            "dirty": None,
        }
        session = Session(Store(tmp_path), registry, pool, plan.settings, facts, "run", device)
        events = Events(case_done=lambda case, status, reason: told.append((case, status)))
        Run(session, plan, events).execute(None)
        assert len(told) == rounds * len(names), "each case is told once a round"
        rows = load(tmp_path)
        last = {row["implementation"]: row for row in rows if row["probe"] == "case"}
        return pool, rows, last

    return executed


def of(pool, kind, what):
    return [asked for who, did, asked in pool.said if (who, did) == (kind, what)]


@pytest.mark.parametrize(("when", "faults"), [("open", [OOM]), ("sample", [None, OOM])])
def test_what_others_crowd_out_of_a_gpu_is_tried_again_alone(run, when, faults):
    faults = {(NAMES[1], when): list(faults)}
    pool, rows, last = run("cuda", NAMES, faults)
    assert {row["status"] for row in last.values()} == {"ok"}
    assert "oom" in last[NAMES[1]]["detail"]["alone"]
    assert all("alone" not in last[name]["detail"] for name in (NAMES[0], NAMES[2]))
    closed = [i for i, (_, what, _) in enumerate(pool.said) if what == "close"]
    stops = [i for i, (who, _, _) in enumerate(pool.said) if who == "pool"]
    assert len(stops) == 2 and closed[1] < stops[1] < closed[2], "the others were closed before"
    again = [(who, what) for who, what, _ in pool.said[stops[1] + 1 :]]
    assert again == [
        (NAMES[1], what) for what in ("build", "open", "sample", "sample", "vouch", "close")
    ]
    times = [r for r in rows if r["probe"] == "time.host" and r["implementation"] == NAMES[1]]
    assert len(times) == 1 and times[0]["n"] == 2
    assert times[0]["attempt"] == last[NAMES[1]]["attempt"]
    said = {r["implementation"]: r["quality"].get("flags", []) for r in rows if r["n"] == 2}
    assert [f for f in said[NAMES[1]] if f.startswith("measured alone")]
    assert not [f for f in said[NAMES[0]] if f.startswith("measured alone")]


def test_a_gpu_that_is_too_small_for_one_alone_is_too_small(run):
    pool, _, last = run("cuda", NAMES[:2], {(NAMES[1], "open"): [OOM, OOM, OOM]})
    assert last[NAMES[0]]["status"] == "ok" and last[NAMES[1]]["status"] == "oom"
    assert "oom" in last[NAMES[1]]["detail"]["alone"]
    assert len(of(pool, NAMES[1], "open")) == 2 and not of(pool, NAMES[1], "sample")


@pytest.mark.parametrize(
    ("device", "status"), [("cpu", "oom"), ("cuda", "error"), ("cuda", "crash")]
)
def test_any_other_fault_is_final_at_once(run, device, status):
    pool, _, last = run(device, NAMES[:2], {(NAMES[1], "open"): [Fault(status, "why")]})
    assert (last[NAMES[1]]["status"], last[NAMES[1]]["reason"]) == (status, "why")
    assert "alone" not in last[NAMES[1]]["detail"]
    assert len(of(pool, NAMES[1], "open")) == 1 and len(of(pool, "pool", "stop")) == 1


def test_each_isolation_has_its_worker_and_each_round_its_probes(run):
    known = probes.probes()
    kinds = {name: (known[name].isolation, known[name].every_round) for name in ASKED}
    assert kinds == {
        "time.first": ("worker", False),
        "error": ("worker", True),
        "time.device": ("worker", True),
        "time.kernels": ("trace", True),
        "mem.fresh": ("process", False),
        "energy": ("after", False),
    }
    pool, _, _ = run("cuda", named=ASKED, rounds=2)
    assert of(pool, NAMES[0], "open") == [
        ("time.first", "error", "time.device"),
        ("error", "time.device"),
    ]
    assert of(pool, NAMES[0], "probe") == [("energy",)]
    assert of(pool, "traces", "open") == [()] * 2
    assert of(pool, "traces", "probe") == [("time.kernels",)] * 2 * known["time.kernels"].turns
    assert of(pool, "fresh", "open") == [("mem.fresh",)]
    assert pool.prepared == [(1, True)] * 2
    order = [(who, what) for who, what, _ in pool.said if what != "stop"]
    turns = known["time.kernels"].turns
    assert order[: 12 + turns] == [
        (NAMES[0], "build"), (NAMES[0], "open"), (NAMES[0], "sample"), (NAMES[0], "sample"),
        (NAMES[0], "vouch"), (NAMES[0], "probe"), (NAMES[0], "close"), ("traces", "build"),
        ("traces", "open"), *[("traces", "probe")] * turns, ("traces", "close"),
        ("fresh", "build"), ("fresh", "open"),
    ]  # fmt: skip


def test_nothing_is_recorded_on_the_processor(run):
    pool, _, _ = run("cpu", named=ASKED, rounds=2)
    assert not [who for who, _, _ in pool.said if who == "traces"]
    assert pool.prepared == [(1, False)] * 2
    assert len(of(pool, NAMES[0], "open")) == 2 and len(of(pool, NAMES[0], "probe")) == 1


def test_a_fault_of_what_records_is_of_its_row_alone(run, monkeypatch):
    ask = Worker.ask

    def asked(self, request, timeout):
        if self.kind == "traces":
            raise Fault("timeout", "CUPTI hangs")
        return ask(self, request, timeout)

    monkeypatch.setattr(Worker, "ask", asked)
    _, rows, last = run("cuda", named=ASKED)
    found = {row["probe"]: row for row in rows}
    assert last[NAMES[0]]["status"] == "ok" and found["time.host"]["status"] == "ok"
    kernels = found["time.kernels"]
    assert (kernels["status"], kernels["reason"]) == ("timeout", "CUPTI hangs")


@pytest.mark.parametrize(("used", "status"), [(1.1, "ok"), (1.3, "wrong")])
def test_more_processors_than_threads_are_no_time(run, monkeypatch, used, status):
    """Beside what keeps to one thread, its ratio would be false; a GPU knows no such limit."""
    monkeypatch.setattr(Worker, "processors", used)
    _, rows, last = run("cpu")
    (row,) = last.values()
    assert row["status"] == status
    assert ("time.host" in {r["probe"] for r in rows}) == (status == "ok")
    if status == "wrong":
        said = "conduct.processors: used 1.3 processors with 1 thread(s) declared"
        assert row["reason"] == said


@pytest.mark.parametrize("disturbed", [0, 2])
def test_samples_that_were_always_disturbed_are_flagged(run, disturbed):
    _, rows, _ = run("cpu", disturbed=disturbed)
    (time,) = [row for row in rows if row["probe"] == "time.host"]
    flag = "2 of 2 samples disturbed each time they were taken"
    assert time["quality"].get("flags", []) == ([flag] if disturbed else [])
