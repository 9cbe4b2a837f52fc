"""Whole commands on pretend GPUs: a run, its page, what goes wrong on cards, which card it is."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest
from pretend_gpu.testing import Box, rows_of

from bench.record.rows import FINISHED

pytestmark = pytest.mark.slow
without_card = pytest.mark.skipif(
    shutil.which("nvidia-smi") is not None, reason="JAX sees the real GPU of this machine"
)

HONEST = "clebsch_gordan.torch_dense"
FOUR = [{"forbidden": True}, {"forbidden": True}, {}, {"forbidden": True}]


def trap(name):
    return f"clebsch_gordan.trap_{name}"


def ends(rows):
    """Return the last row of each (implementation, symmetry, lmax, mode)."""
    return {
        (row["implementation"], row["facet.symmetry"], row["facet.lmax"], row["mode"]): row
        for row in rows
        if row["probe"] == FINISHED
    }


def of(rows, end):
    """Return the rows of the attempt that ended with the row `end`, by probe."""
    return {
        r["probe"]: r for r in rows if r["attempt"] == end["attempt"] and r["key"] == end["key"]
    }


def measured(row):
    """Return whether a case has its time, or else fail with the reason."""
    assert row["status"] in ("ok", "noisy"), (row["status"], row["reason"])
    return True


@pytest.fixture(scope="module")
def quick(shared_box):
    """A part of the profile `quick`, as anybody would ask for it."""
    out = shared_box.folder / "quick"
    which = "*o3-lmax1*clebsch_gordan.torch_dense*"
    said = shared_box.bench(
        "run", "--profile", "quick", "--select", which, "--device", "cuda", "--plain", "--out", out
    )
    assert not said.returncode, said.stderr
    return out, rows_of(out)


def test_a_run_measures_the_host_the_device_and_the_memory(quick):
    rows = quick[1]
    found = ends(rows)
    assert found
    for end in found.values():
        assert measured(end) and end["device"] == "cuda"
        mine = of(rows, end)
        device, host = mine["time.device"], mine["time.host"]
        assert measured(device) and measured(host)
        assert 0 < device["value"] <= 1.01 * host["value"] < 1.0
        assert mine["mem.peak.cuda"]["value"] > 0
        assert end["detail"]["worker"]["gpu"] == "Pretend H100"


def test_a_run_has_a_page(quick, shared_box):
    page = shared_box.folder / "page"
    words = ("-m", "reports", "build", quick[0], "--out", page)
    said = shared_box.call(sys.executable, *words)
    assert not said.returncode, said.stderr
    assert "clebsch_gordan" in (page / "index.html").read_text(encoding="utf-8")


@without_card
def test_the_doctor_says_what_it_sees(box):
    said = box.bench("doctor", "--format", "json")
    rows = {row["what"]: row for row in json.loads(said.stdout)}
    assert rows["gpu"]["available"] == "yes" and "Pretend H100" in rows["gpu"]["reason"]
    assert rows["torch on cuda"]["available"] == "yes"
    assert rows["jax on cuda"]["available"] == "no" and rows["jax on cuda"]["reason"]


@pytest.mark.xfail(strict=True, reason="B4")
def test_the_doctor_finds_the_one_card_that_is_ours(box):
    said = box.bench("doctor", "--format", "json", settings={"cards": FOUR})
    rows = {row["what"]: row for row in json.loads(said.stdout)}
    assert rows["gpu"]["available"] == "yes" and "Pretend H100" in rows["gpu"]["reason"]


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """The rows of one run of what cannot be hidden and of a poisoned context, each beside an honest
    implementation."""
    box = Box(tmp_path_factory.mktemp("hard"))
    hidden = [trap("waits"), trap("launches"), HONEST], "so3", [1]
    poisoned = [trap("poisons"), HONEST], "o3", [1, 2, 3]
    return box.run(hidden, poisoned, probes="run", timeout=12).rows


@pytest.mark.xfail(strict=True, reason="B2")
@pytest.mark.parametrize("name", ["waits", "launches"])
def test_what_cannot_be_hidden_has_its_time_on_the_host(hard, name):
    row = ends(hard)[trap(name), "so3", 1, "eager"]
    assert measured(row)
    mine = of(hard, row)
    assert mine["time.host"]["value"] > 0
    assert mine["time.device"]["value"] or mine["time.device"]["reason"]


@pytest.mark.xfail(strict=True, reason="B3")
def test_a_poisoned_context_is_not_used_again(hard):
    rows = ends(hard)
    assert all(measured(rows[trap("poisons"), "o3", lmax, "eager"]) for lmax in (2, 3))


def test_a_poisoned_context_has_its_reason_and_hurts_nobody(hard):
    rows = ends(hard)
    first = rows[trap("poisons"), "o3", 1, "eager"]
    assert first["status"] in ("error", "crash") and "CUDA error" in first["reason"]
    honest = [("so3", 1), ("o3", 1), ("o3", 2), ("o3", 3)]
    assert all(measured(rows[HONEST, symmetry, lmax, "eager"]) for symmetry, lmax in honest)


@pytest.mark.xfail(strict=True, reason="B7")
def test_memory_that_only_others_hold_is_no_reason(box):
    names = [trap("greedy"), trap("greedy_too")]
    small = {"memory": 5 * 2**29, "context": 2**29}
    found = box.run((names, "o3", [1]), settings=small)
    assert all(measured(ends(found.rows)[name, "o3", 1, "eager"]) for name in names)


def test_memory_that_nobody_has_is_a_reason(box):
    tiny = {"memory": 2**30, "context": 2**29}
    found = box.run(([trap("greedy"), HONEST], "o3", [1]), settings=tiny)
    assert ends(found.rows)[trap("greedy"), "o3", 1, "eager"]["status"] == "oom"


def test_a_capture_that_fails_is_said_and_hurts_nobody(box):
    graphs = ("--mode", "cudagraph")
    found = box.run(([trap("waits"), HONEST], "o3", [1]), words=graphs)
    rows = ends(found.rows)
    failed = rows[trap("waits"), "o3", 1, "cudagraph"]
    assert failed["status"] in ("error", "crash") and "captur" in failed["reason"]
    assert measured(rows[HONEST, "o3", 1, "cudagraph"])


@without_card
@pytest.mark.xfail(strict=True, reason="M8")
def test_jax_without_a_gpu_says_so(box):
    found = box.run((["clebsch_gordan.jax_dense"], "o3", [1]))
    (row,) = ends(found.rows).values()
    assert row["status"] not in ("ok", "noisy")
    assert re.search("CUDA|GPU|cuda", row["reason"])


def celsius(found):
    """Return the temperatures in the stamps of a run's times: each card has its own."""
    stamps = [row["quality"] for row in found.rows if row["probe"] == "time.host"]
    assert stamps, found.said.stderr
    return {stamp[when].get("temperature") for stamp in stamps for when in ("before", "after")}


FASTER = [{}, {"speed": 2.0}, {}]
"""Three cards, of which CUDA puts the second first."""


@pytest.mark.xfail(strict=True, reason="B4, M1")
@pytest.mark.parametrize(
    ("cards", "visible", "temperature"),
    [(FOUR, None, 42), (FASTER, "0", 41), (FASTER, "GPU-33", 42)],
    ids=["ours", "fastest", "prefix"],
)
def test_counters_are_of_the_card_that_measures(box, cards, visible, temperature):
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    asked = ([HONEST], "o3", [1])
    found = box.run(asked, settings={"cards": cards}, variables=variables)
    assert all(map(measured, ends(found.rows).values()))
    assert celsius(found) == {float(temperature)}


def test_no_visible_card_is_no_time(box):
    found = box.run(([HONEST], "o3", [1]), variables={"CUDA_VISIBLE_DEVICES": ""})
    reasons = [row["reason"] for row in ends(found.rows).values()]
    assert not any(row["probe"].startswith("time.host") for row in found.rows)
    assert "CUDA" in found.said.stderr + " ".join(reasons)
    assert "Traceback" not in found.said.stderr


@pytest.mark.xfail(strict=True, reason="M1")
def test_counters_of_a_whole_card_are_not_those_of_an_instance(box):
    found = box.run(([HONEST], "o3", [1]), settings={"cards": [{"mig": True}]})
    assert "Traceback" not in found.said.stderr
    said = [found.said.stderr, *(json.dumps([r["reason"], r["quality"]]) for r in found.rows)]
    assert any("MIG" in text for text in said)
