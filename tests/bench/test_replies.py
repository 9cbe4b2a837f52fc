"""What a worker answers: a known shape, and the name of the request; all else is no reply."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from bench.drive.outside import needed
from bench.drive.replies import reply_of
from bench.measuring import intact
from bench.record.rows import Reading
from impls.registry import load

READING = asdict(Reading("error.fwd", 1e-16, n=1, samples=[], passed=True))
OPENED = {"failed": False, "layout": "", "kernel": "", "seconds": {}}
SAMPLED = {"samples": [1e-3], "number": 5, "warm_up": 0.1, "steady": True, "retaken": 0,
           "disturbed": 0, "processors": 1.0}  # fmt: skip


def line(message, asked="17"):
    return json.dumps({"id": asked, **message}).encode()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("open", {"reading": READING}),
        ("open", {"reading": {**READING, "value": None, "samples": [1, 2.5]}}),
        ("open", {"done": OPENED}),
        ("open", {"done": {**OPENED, "samples": 5}}),  # more is let be
        ("open", {"fault": {"status": "oom", "reason": ""}}),
        ("sample", {"done": SAMPLED}),
        ("close", {"done": {}}),
    ],
)
def test_a_reply_is_read_when_it_names_the_request(what, message):
    assert reply_of(line(message), "17", what) == message
    assert reply_of(line(message, "18"), "17", what) is None
    assert reply_of(json.dumps(message).encode(), "17", what) is None


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("open", {}),
        ("open", {"done": 5}),
        ("open", {"done": {}}),
        ("open", {"done": {**OPENED, "failed": 0}}),
        ("open", {"done": OPENED, "reading": READING}),
        ("open", {"reading": {}}),
        ("open", {"reading": {**READING, "value": "1"}}),
        ("open", {"reading": {**READING, "samples": ["1"]}}),
        ("open", {"reading": {**READING, "more": 1}}),
        ("open", {"fault": {}}),
        ("open", {"fault": {"status": "happy", "reason": "x"}}),
        ("open", {"hello": {}}),
        ("sample", {"done": {**SAMPLED, "samples": [None]}}),
        ("sample", {"done": {**SAMPLED, "processors": "1"}}),
    ],
)
def test_what_has_another_shape_is_no_reply(what, message):
    assert reply_of(line(message), "17", what) is None


@pytest.mark.parametrize("text", [b"", b"42", b"\xff", b'"x"', b"[" * 10**5, b'{"id": "17"'])
def test_what_is_no_object_is_no_reply(text):
    assert reply_of(text, "17", "open") is None


def test_a_worker_imports_what_declares_what_it_measures_and_the_probes_that_are_asked(tmp_path):
    texts = {
        "mine": 'MINE = replace(DENSE, name="mine")',
        "own": 'OWN = replace(GAUNT, name="own")',
        "of_own": 'OF_OWN = replace(DENSE, name="dense", operation="own")',
        "probe": 'PROBES = (Probe("mine", lambda built: ()),)',
    }
    head = (
        "from dataclasses import replace\n"
        "from bench.measuring.probes import Probe\n"
        "from impls.registry import load\n"
        "from impls.products.gaunt.operation import OPERATION as GAUNT\n"
        "from impls.implementation import Implementation\n"
        'DENSE = Implementation("clebsch_gordan", "x", "numpy", lambda p, t, o: None)\n'
    )
    files = {name: tmp_path / f"{name}.py" for name in texts}
    for name, text in texts.items():
        files[name].write_text(f"{head}{text}\ndel DENSE\n", encoding="utf-8")
    registry, given = load(files.values()), list(files.values())

    def of(implementation, probes=()):
        found, installed = needed(implementation, registry, given, probes)
        assert installed is None, "nothing is installed here"
        return [file.rpartition("/")[2] for file in found]

    assert of("clebsch_gordan.numpy_dense") == []
    assert of("clebsch_gordan.numpy_dense", ["error", "mine"]) == ["probe.py"]
    assert of("clebsch_gordan.mine") == ["mine.py"]
    assert of("own.dense") == ["own.py", "of_own.py"]


def test_what_is_changed_of_the_harness_is_named(monkeypatch):
    from bench.measuring import tolerances
    from bench.measuring.clocks import HostClock
    from impls.products.gaunt.operation import OPERATION

    before = intact.state()
    assert intact.changed(before) == []
    with monkeypatch.context() as patch:
        patch.setattr(HostClock, "burst", lambda self, number: 0.0)
        patch.setattr("time.perf_counter", lambda: 0.0)
        patch.setitem(tolerances.TOLERANCES, "float64", 1.0)
        patch.setattr("numpy.linalg.norm", lambda a: 0.0)
        patch.setattr("bench.measuring.clocks.BURST", 1.0)
        kept = OPERATION.oracle
        object.__setattr__(OPERATION, "oracle", lambda *arguments: {})
        found = set(intact.changed(before))
        object.__setattr__(OPERATION, "oracle", kept)
    assert found >= {
        "bench.measuring.clocks.HostClock.burst",
        "time.perf_counter",
        "bench.measuring.tolerances.TOLERANCES",
        "numpy.linalg.norm",
        "bench.measuring.clocks.BURST",
        "impls.products.gaunt.operation.OPERATION.oracle",
    }
    assert intact.changed(before) == []
