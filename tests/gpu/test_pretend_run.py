"""Whole commands on pretend GPUs: a run, its page, what goes wrong on cards, which card it is."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

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


FASTER = [{}, {"speed": 2.0, "name": "Pretend B200"}, {"name": "Pretend A100"}]
"""Three cards, of which CUDA puts the second first, unless it is told the order of the bus."""


@pytest.fixture(scope="module")
def hard(shared_box):
    """One run of what cannot be hidden, of a poisoned context, of what cannot be recorded and of
    what holds much memory, beside an honest implementation, on the second card of three."""
    hidden = [trap("waits"), HONEST], "so3", [1], "time.device"
    poisoned = [trap("poisons"), HONEST], "o3", [1, 2]
    probes = "time.first", "mem.peak", "time.device", "time.kernels"
    unrecorded = [trap("unrecorded"), HONEST], "so3", [2], *probes
    greedy = [trap("greedy"), trap("greedy_too")], "o3", [3]
    settings = {"cards": FASTER, "memory": 2**32, "context": 2**28}
    blocks = hidden, poisoned, unrecorded, greedy
    return shared_box.run(*blocks, words=("--gpu", "1"), settings=settings, timeout=12, known=False)


def test_a_run_measures_the_host_the_device_and_the_memory(hard):
    row = ends(hard.rows)[HONEST, "so3", 2, "eager"]
    mine = of(hard.rows, row)
    device, host, kernels = (mine[f"time.{name}"] for name in ("device", "host", "kernels"))
    assert all(map(measured, (row, device, host, kernels)))
    assert 0 < kernels["value"] <= 1.01 * device["value"] <= 1.02 * host["value"] < 1.0
    assert kernels["n"] == 20 and kernels["detail"]["launches"] > 0
    assert mine["mem.peak.cuda"]["value"] > 0 and row["device"] == "cuda"


def test_a_run_is_on_the_card_that_was_named_and_so_are_its_counters(hard):
    assert {end["detail"]["worker"]["gpu"] for end in ends(hard.rows).values()} == {"Pretend B200"}
    stamps = [row["quality"] for row in hard.rows if row["probe"] == "time.host"]
    assert {stamp[w]["temperature"] for stamp in stamps for w in ("before", "after")} == {41.0}


def test_a_run_knows_what_the_card_reaches(hard):
    reached = json.loads((hard.out / "peaks.json").read_text(encoding="utf-8"))
    assert reached["device"] == "cuda"
    assert set(reached["peaks"]) == {"copy", "gemm.float32", "gemm.float64"}
    assert min(reached["peaks"].values()) > 1e12


def test_a_run_has_a_page(hard, shared_box):
    page = shared_box.folder / "page"
    said = shared_box.call(sys.executable, "-m", "reports", "build", hard.out, "--out", page)
    assert not said.returncode, said.stderr
    assert "clebsch_gordan" in (page / "index.html").read_text(encoding="utf-8")


@without_card
def test_the_doctor_finds_the_one_card_that_is_ours(box):
    said = box.bench("doctor", "--format", "json", settings={"cards": FOUR})
    rows = {row["what"]: row for row in json.loads(said.stdout)}
    assert rows["gpu"]["available"] == "yes" and "Pretend H100" in rows["gpu"]["reason"]
    assert rows["torch on cuda"]["available"] == "yes"
    assert rows["jax on cuda"]["available"] == "no" and rows["jax on cuda"]["reason"]


def test_what_cannot_be_hidden_has_its_time_on_the_host(hard):
    row = ends(hard.rows)[trap("waits"), "so3", 1, "eager"]
    assert measured(row)
    mine = of(hard.rows, row)
    assert mine["time.host"]["value"] > 0
    assert mine["time.device"]["status"] == "skip"
    assert "waits for the device" in mine["time.device"]["reason"]


def test_a_poisoned_context_has_its_reason_is_not_used_again_and_hurts_nobody(hard):
    rows = ends(hard.rows)
    first = rows[trap("poisons"), "o3", 1, "eager"]
    assert first["status"] == "error" and "CUDA error" in first["reason"]
    assert measured(rows[trap("poisons"), "o3", 2, "eager"])
    honest = [("so3", 1), ("o3", 1), ("o3", 2), ("so3", 2)]
    assert all(measured(rows[HONEST, symmetry, lmax, "eager"]) for symmetry, lmax in honest)


def test_what_cannot_be_recorded_is_measured_without(hard):
    mine = of(hard.rows, ends(hard.rows)[trap("unrecorded"), "so3", 2, "eager"])
    assert mine[FINISHED]["status"] == "ok"
    assert measured(mine["time.host"]) and measured(mine["time.device"])
    assert mine["time.kernels"]["status"] == "error"
    assert "CUPTI_ERROR" in mine["time.kernels"]["reason"]


def test_memory_that_only_others_hold_is_no_reason(hard):
    rows = ends(hard.rows)
    greedy = [rows[trap(name), "o3", 3, "eager"] for name in ("greedy", "greedy_too")]
    assert all(map(measured, greedy))
    assert sum("oom" in row["detail"].get("alone", "") for row in greedy) == 1


@without_card
def test_jax_without_a_gpu_says_so(box):
    found = box.run((["clebsch_gordan.jax_dense"], "o3", [1]), settings={"absent": []})
    (row,) = ends(found.rows).values()
    assert row["status"] == "error" and "JAX runs on cpu, not cuda" in row["reason"]


CHOSEN = """
import json, os
from bench.record import gpu, nvml

device = gpu.device_of(None, {name!r})
print(json.dumps([device, os.environ.get("CUDA_VISIBLE_DEVICES"), nvml.name(), nvml.state()]))
"""


@pytest.mark.parametrize(
    ("cards", "visible", "name", "model", "number"),
    [(FOUR, None, None, "H100", 2), (FASTER, "0", None, "H100", 0),
     (FASTER, "GPU-33", None, "A100", 2),
     (FASTER, None, "GPU-22222222-2222-2222-2222-222222222222", "B200", 1)],
    ids=["ours", "bus", "prefix", "uuid"],
)  # fmt: skip
def test_all_mean_the_same_card(box, cards, visible, name, model, number):
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    settings = {"cards": cards, "absent": ["jax"]}
    found = box.python(CHOSEN.format(name=name), settings=settings, variables=variables)
    digits = "-".join(str(number + 1) * n for n in (8, 4, 4, 4, 12))
    assert found[:3] == ["cuda", f"GPU-{digits}", f"Pretend {model}"]
    assert found[3]["temperature"] == 40 + number


def test_counters_of_a_whole_card_are_not_those_of_an_instance(box):
    settings = {"cards": [{"mig": True}], "absent": ["jax"]}
    device, shown, _, state = box.python(CHOSEN.format(name=None), settings=settings)
    assert (device, shown) == ("cuda", None)  # what CUDA knows the instance by
    assert set(state) == {"missing"} and all("MIG" in why for why in state["missing"].values())


def test_no_visible_card_is_no_time(box):
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    found = box.run(([HONEST], "o3", [1]), variables=hidden)
    assert found.said.returncode == 2 and not found.rows
    assert found.said.stderr.count("\n") == 1 and "hides every GPU" in found.said.stderr


def test_who_hides_every_card_means_the_processor(box):
    code = "import json\nfrom bench.record import gpu\nprint(json.dumps(gpu.device_of(None)))"
    said = box.call(sys.executable, "-c", code, variables={"CUDA_VISIBLE_DEVICES": ""})
    assert (said.returncode, said.stdout, said.stderr) == (0, '"cpu"\n', "")


def test_a_card_that_no_framework_sees_is_no_processor(box):
    out, blind = box.folder / "blind", {"blind": True, "absent": ["jax"]}
    said = box.bench("run", "--profile", "quick", "--out", out, settings=blind)
    assert said.returncode == 2 and said.stderr.count("\n") == 1
    assert "this machine lists Pretend H100, and no framework sees a GPU" in said.stderr
    assert "torch: RuntimeError: The NVIDIA driver on your system is too old" in said.stderr
    assert "jax: not installed" in said.stderr and "--device cpu" in said.stderr
    assert not out.exists()


def test_what_times_nothing_shares_the_card_and_takes_no_peaks(box):
    out = box.folder / "check"
    words = ("--profile", "check", "--select", f"*lmax1*::{HONEST}/fwd/*", "--device", "cuda")
    said = box.bench("run", *words, "--plain", "--out", out)
    assert said.returncode == 0, said.stderr
    assert (out / "rows.jsonl").exists() and not (out / "peaks.json").exists()
