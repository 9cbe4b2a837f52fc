"""Cases of a block are recorded in turn, and one that memory was short for is recorded alone."""

from types import SimpleNamespace

import pytest

from bench.drive import recording
from bench.drive.recording import joined, record
from bench.drive.worker_process import Fault
from bench.record.rows import Reading


def reading(samples, **detail):
    middle = sorted(samples)[len(samples) // 2]
    return Reading("time.kernels", middle, middle, middle, len(samples), samples, detail)


class Card:
    """Stands for the workers that record: `full` cannot be opened beside others."""

    def __init__(self, monkeypatch, full=""):
        self.full, self.open, self.said = full, [], []
        for name in ("opened", "probed", "closed"):
            monkeypatch.setattr(recording, name, getattr(self, name))

    def opened(self, worker, case, probes, timeout, *, nonce, clock):
        if case == self.full and self.open:
            raise Fault("oom", "out of memory")
        self.open.append(case)

    def probed(self, worker, names, timeout, told):
        self.said.append(worker)
        told(reading([float(len(self.said))]))

    def closed(self, worker):
        self.open.remove(worker)

    def trials(self, *names):
        probe = SimpleNamespace(turns=3)
        self.rows = []
        session = SimpleNamespace(
            pool=SimpleNamespace(worker=lambda case, traces: case),
            settings=SimpleNamespace(case_timeout=1.0),
            registry=SimpleNamespace(plugins=()),
        )
        self.known = {"time.kernels": probe}
        return [
            SimpleNamespace(
                session=session,
                planned=SimpleNamespace(case=name),
                nonce=0,
                probes=lambda isolation: ["time.kernels"],
                missing=lambda names, fault, name=name: self.rows.append((name, fault.status)),
                writer=SimpleNamespace(
                    write=lambda found, name=name: self.rows.append((name, found[0].samples))
                ),
            )
            for name in names
        ]


@pytest.fixture
def card(monkeypatch):
    def made(*names, full=""):
        found = Card(monkeypatch, full)
        trials = found.trials(*names)
        monkeypatch.setattr(recording.probes, "probes", lambda plugins: found.known)
        record(trials)
        return found

    return made


def test_cases_are_recorded_in_turn(card):
    found = card("a", "b")
    assert found.said == ["a", "b"] * 3
    assert found.rows == [("a", [1.0, 3.0, 5.0]), ("b", [2.0, 4.0, 6.0])]


def test_a_case_without_memory_beside_others_is_recorded_alone(card):
    found = card("a", "b", full="b")
    assert found.said == ["a"] * 3 + ["b"] * 3 and not found.open
    assert [name for name, _ in found.rows] == ["a", "b"] and found.rows[1][1] == [4.0, 5.0, 6.0]


def test_nothing_is_recorded_of_no_cases(card):
    assert not card().rows


def test_turns_are_joined_to_one_reading():
    parts = [reading([1.0, 2.0], gaps=0.5, longest="a"), reading([3.0], gaps=1.5, longest="a")]
    found = joined([*parts, reading([2.0], gaps=9.0, longest="a")])
    assert found.samples == [1.0, 2.0, 3.0, 2.0] and found.n == 4 and found.value == 2.0
    assert found.detail == {"gaps": 1.5, "longest": "a", "turns": 3}


def test_what_could_not_be_read_once_is_not_read():
    missing = Reading("time.kernels", None, detail={"unavailable": "no kernel"})
    assert joined([reading([1.0]), missing]) is missing
