"""`bench check --hard`: what it asks, what it catches, and that honest code passes it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bench.ask import hard
from bench.ask import reading as question
from bench.ask.plan import Plan
from bench.ask.reading import load as load_profile
from bench.commands import verdicts
from bench.commands.check import checked, planned_for
from bench.commands.verdicts import Checked, summary
from bench.drive import headroom
from bench.drive.requests import opened
from bench.drive.run import Events
from bench.drive.worker_process import Fault
from bench.measuring.built_case import build
from bench.measuring.probes import CHECK, Doing, probes
from bench.measuring.probes.hard import _part, errors
from bench.record.case import Case
from impls.families.points import problem as points
from impls.families.product import problem as product
from impls.implementation import MODES, Target
from impls.registry import load
from tests.bench.planting import planted

REGISTRY = load()
CG, TORCH = "clebsch_gordan.numpy_dense", "clebsch_gordan.torch_dense"
PROBES = (*hard.EVERYWHERE, *hard.REPEATED, "hard.placed", "hard.alone")


def asked(batch=33, **changes):
    return product("mimo", 1, batch=batch, channels=2, dtype="float64", **changes)


def readings(registry, name, problem, pass_="fwd", names=PROBES):
    """Return the readings of the hard probes, by name."""
    mode = MODES[registry.implementation(name).framework][0]
    built = build(Case(problem, name, pass_, mode, Target()), registry)
    every = [r for probe in names for r in probes()[probe].measure(built)]
    return {r.probe: r for r in every if not isinstance(r, Doing)}


def failed(*arguments, **options):
    return {name for name, r in readings(*arguments, **options).items() if r.passed is False}


# ---- what is asked -------------------------------------------------------------------------------


def planned(name, memory=0):
    return hard.planned([REGISTRY.implementation(name)], REGISTRY, Target(), memory)


def test_samples_are_counted_at_boundaries_in_three_data_types():
    found = [one.case for one in planned(TORCH) if one.case.problem.data == "normal"]
    sizes = {case.problem.sizes["batch"] for case in found}
    assert set(hard.BOUNDARIES) < sizes and {1, 31, 33, 2049, 65537} < sizes
    each = Counter((case.problem.dtype, case.pass_) for case in found)
    boundaries = len(hard.BOUNDARIES)
    assert each == {
        ("float64", "fwd"): boundaries, ("float64", "grad"): boundaries,
        ("float64", "grad2"): boundaries,
        ("float32", "fwd"): boundaries + 1, ("float32", "grad"): boundaries,
        ("bfloat16", "fwd"): boundaries,
    }  # fmt: skip
    in_numpy = {(one.case.problem.dtype, one.case.pass_) for one in planned(CG)}
    assert in_numpy == {("float64", "fwd"), ("float32", "fwd")}


def test_each_generator_of_data_is_asked():
    assert {one.case.problem.data for one in planned(CG)} == {"normal", "parallel", "zeros"}


def test_graphs_are_asked_at_boundaries_empty_unsorted_and_along_the_axis():
    found = [one for one in planned("channelwise.numpy_dense") if one.refused is None]
    data = {one.case.problem.data for one in found}
    assert {"loose:2x0", "loose:2x1", "loose:6x33", "placed:2x0", "axis:9x2"} < data
    family = REGISTRY.family("points")
    edges = {int(family.facets(p)["edges"]) for p in family.hard}
    assert {0, 1, 2, 31, 32, 33, 2047, 2048, 2049, 65535, 65536, 65537} <= edges


@pytest.mark.parametrize("name", sorted(i for i in REGISTRY.implementations if ".numpy" in i))
def test_everything_is_asked_something_hard_or_refuses_by_name(name):
    found = planned(name)
    assert sum(one.refused is None for one in found) >= 4
    assert all(one.refused.reason and one.refused.remedy for one in found if one.refused)


def test_an_array_above_two_gib_is_skipped_by_name_where_memory_is_short():
    *_, short = planned(CG, 2**34)
    assert "above 2147483648 bytes" in short.refused.reason
    assert "16 are left" in short.refused.reason
    *_, held = planned(CG, 2**37)
    assert held.refused is None and held.also == ()
    numbers = hard._numbers(held.case.problem, REGISTRY.operation("clebsch_gordan"),
                            REGISTRY.family("product"))  # fmt: skip
    assert 2**31 < 4 * max(numbers.values()) < 2**31 + 2**10


def test_what_compiles_anew_is_asked_of_one_size_alone():
    closely = {
        one.case.problem.sizes["batch"] for one in planned(TORCH) if "hard.alone" in one.also
    }
    assert closely == {hard.MIDDLE}
    assert set(hard.CLOSELY) < set(probes()) and not set(hard.EVERYWHERE) & set(CHECK)


# ---- what is caught ------------------------------------------------------------------------------


def test_a_tail_that_is_left_out_is_caught_at_one_more_than_a_block():
    def call(honest, inputs, weights):
        z = honest(inputs, weights)["z"].copy()
        z[len(z) - len(z) % 32 :] = 0
        return {"z": z}

    made = planted(CG, call)
    assert failed(*made, asked(32)) == set()
    for batch in (31, 33, 2049, 65537):
        assert failed(*made, asked(batch), names=hard.EVERYWHERE) == {"error.fwd"}


def test_what_is_wrong_above_a_size_is_caught_where_memory_is_there(monkeypatch):
    """With a limit that this machine can pass: an index that begins anew behind it."""
    monkeypatch.setattr(hard, "ABOVE", 2**22)
    *_, large = planned(CG, 2**37)
    problem = large.case.problem
    most = hard.ABOVE // 4

    def wraps(honest, inputs, weights):
        z = honest(inputs, weights)["z"].copy()
        flat = z.reshape(-1)
        flat[most:] = flat[: flat.size - most]
        return {"z": z}

    assert large.refused is None
    assert failed(REGISTRY, CG, problem, names=hard.EVERYWHERE) == set()
    assert failed(*planted(CG, wraps), problem, names=hard.EVERYWHERE) == {"error.fwd"}
    assert failed(*planted(CG, wraps), asked(2049), names=hard.EVERYWHERE) == set()


def test_offsets_that_overflow_are_caught_between_the_samples_of_the_gate():
    def call(honest, inputs, weights):
        z = honest(inputs, weights)["z"].copy()
        z[-2] *= 1.5
        return {"z": z}

    assert failed(*planted(CG, call), asked(65537), names=hard.EVERYWHERE) == {"error.fwd"}


def test_what_is_judged_between_the_first_and_the_last_comes_from_the_nonce():
    """A sample that is wrong is seen by the nonce that draws it, and by no other."""
    case = Case(asked(65537), CG, "fwd", "eager", Target())
    drawn = [set(_part(build(case, REGISTRY, nonce)).rows["batch"]) for nonce in (5, 5, 6)]
    assert drawn[0] == drawn[1] != drawn[2]
    seen = min(drawn[0] - drawn[2])

    def call(honest, inputs, weights):
        z = honest(inputs, weights)["z"].copy()
        z[seen] *= 1.5
        return {"z": z}

    registry, name = planted(CG, call)
    found = [
        [r.passed for r in errors(build(replace(case, implementation=name), registry, nonce))]
        for nonce in (5, 6)
    ]
    assert found == [[False], [True]]


def in_memory(name, offset=None):
    """Return a fault that reads an input as it lies in memory, whatever its strides and offset."""

    def call(honest, inputs, weights):
        import torch

        a = inputs[name]
        where = a.storage_offset() if offset is None else offset
        strides = torch.empty(a.shape).stride() if offset is None else a.stride()
        return honest(inputs | {name: a.detach().as_strided(a.shape, strides, where)}, weights)

    return call


def test_strides_that_are_not_read_are_caught():
    assert failed(*planted(TORCH, in_memory("x")), asked()) == {"hard.strided"}


def test_an_offset_that_is_not_read_is_caught():
    assert failed(*planted(TORCH, in_memory("y", 0)), asked()) == {"hard.unaligned"}


def lonely(wrong):
    """Return a fault in the gradient of x, where that of y is not asked too."""

    def call(honest, inputs, weights):
        import torch

        class Fused(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                return x.clone(), y.clone()

            @staticmethod
            def backward(ctx, a, b):
                return (a if ctx.needs_input_grad[1] else wrong(a)), b

        x, y = Fused.apply(inputs["x"], inputs["y"])
        return honest({"x": x, "y": y}, weights)

    return call


def test_a_gradient_that_is_wrong_when_asked_alone_is_caught():
    made = planted(TORCH, lonely(lambda g: 2 * g))
    assert failed(*made, asked(), "grad") == {"hard.alone.x"}
    assert failed(*made, asked()) == set()


def test_a_question_of_ones_own_is_looked_at_closely():
    """What fails at one number of channels is in no question at boundaries."""
    wide = product("mimo", 1, batch=10, channels=32, dtype="float64")
    options = {"setting": ("mimo",), "lmax": (1,), "batch": (10,), "channels": (32,)}
    profile = question.asked(REGISTRY, "product", options, "check")
    mine = planned_for([REGISTRY.implementation(TORCH)], REGISTRY, Target(), profile)
    closer = hard.closer_look(mine)
    assert {replace(one.case.problem, dtype="float64") for one in mine} == {wide}
    assert all({"hard.alone", "hard.repeats"} < set(one.also) for one in closer)

    def only_wide(honest, inputs, weights):
        wrong = inputs["x"].shape[1] == 32
        return lonely(lambda g: 2 * g if wrong else g)(honest, inputs, weights)

    made = planted(TORCH, only_wide)
    assert failed(*made, asked(), "grad") == set()
    names = (*hard.EVERYWHERE, *(n for n in closer[0].also if n.startswith("hard")))
    assert failed(*made, wide, "grad", names) == {"hard.alone.x"}


def late(honest, inputs, weights):
    """Right values and gradients; of samples from 2048 on the second gradient is lost."""
    import torch

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, g):
            return g.clone()

        @staticmethod
        def backward(ctx, g):
            return torch.cat([g[:2048], 0 * g[2048:]])

    class Forward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return Backward.apply(g)

    return honest(inputs | {"x": Forward.apply(inputs["x"])}, weights)


def test_a_second_gradient_that_is_lost_above_a_size_is_caught_there():
    made = planted(TORCH, late)
    for batch, pass_, caught in (
        (2048, "grad2", set()), (2049, "grad2", {"error.grad2"}), (2049, "grad", set()),
    ):  # fmt: skip
        assert failed(*made, asked(batch), pass_, names=hard.EVERYWHERE) == caught


def every_third(amount):
    calls = []

    def call(honest, inputs, weights):
        calls.append(1)
        return {"z": honest(inputs, weights)["z"] * (1 + (0 if len(calls) % 3 else amount))}

    return call


def test_a_gradient_that_is_no_number_is_caught_whichever_it_is():
    def call(honest, inputs, weights):
        import torch

        class Lost(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                return x.clone(), y.clone()

            @staticmethod
            def backward(ctx, a, b):
                return a, b * np.nan

        x, y = Lost.apply(inputs["x"], inputs["y"])
        return honest({"x": x, "y": y}, weights)

    assert failed(*planted(TORCH, call), asked(), "grad", hard.EVERYWHERE) == {"error.grad"}


def test_calls_that_are_no_numbers_at_times_are_caught():
    made = planted(CG, every_third(np.nan))
    assert failed(*made, asked(), names=(*hard.REPEATED, "conduct")) == {"hard.repeats"}
    assert failed(*made, asked(), names=("conduct", "conduct")) == {"conduct.deterministic"}


def test_the_rate_of_calls_that_differ_is_said():
    wrong = readings(*planted(CG, every_third(1e-3)), asked(), names=hard.REPEATED)["hard.repeats"]
    assert wrong.passed is False and wrong.value == pytest.approx(1 / 3, abs=0.02)
    assert "67 of 200 calls differ from the first, by up to 1.0e-03" == wrong.detail["problem"]
    rounding = readings(*planted(CG, every_third(1e-14)), asked(), names=hard.REPEATED)
    assert (
        rounding["hard.repeats"].passed
        and "of 200 calls" in rounding["hard.repeats"].detail["note"]
    )
    assert readings(REGISTRY, CG, asked(), names=hard.REPEATED)["hard.repeats"].value == 0.0


def test_no_edges_must_give_zeros():
    empty = points("full", 1, data="loose:2x0", channels=2, dtype="float64")
    call = lambda h, i, w: {"z": h(i, w)["z"] + np.nan}  # noqa: E731
    name = "channelwise.numpy_dense"
    assert failed(*planted(name, call), empty, names=hard.EVERYWHERE) == {"hard.zero"}
    assert readings(REGISTRY, name, empty, names=hard.EVERYWHERE)["hard.zero"].passed


@pytest.mark.parametrize(
    "name", [CG, TORCH, "uvw.torch_dense", "symmetric_contraction.numpy_dense"]
)
def test_honest_code_passes(name):
    closely = [one for one in planned(name) if hard.CLOSELY[0] in one.also and not one.refused]
    for one in closely:
        case = one.case
        names = (*hard.EVERYWHERE, *(n for n in one.also if n.startswith("hard")))
        found = readings(REGISTRY, name, case.problem, case.pass_, names)
        assert all(r.passed is not False for r in found.values()), found
        assert {"hard.strided", "hard.unaligned"} < set(found)


# ---- a call that hangs ---------------------------------------------------------------------------


class Hanging:
    """A worker that says what it does, and nothing more."""

    def __init__(self, *replies):
        self.replies = replies

    def ask(self, request, timeout):
        if request["do"] == "build":
            yield {"done": {"seconds": {}}}
            return
        yield from self.replies
        raise Fault("timeout", "no answer within 1 s")


def test_a_call_that_hangs_is_named():
    case = Case(asked(), CG, "fwd", "eager", Target())
    doing = {"doing": {"what": "the gradient of y alone"}}
    with pytest.raises(Fault, match=r"^timeout: the gradient of y alone: no answer within 1 s$"):
        opened(Hanging(doing), case, [], 1.0, nonce=0)
    with pytest.raises(Fault, match=r"^timeout: no answer within 1 s$"):
        opened(Hanging(doing, {"reading": {"probe": "a", "value": 1.0}}), case, [], 1.0, nonce=0)


HANGS = """
import time
from dataclasses import replace

from impls.implementation import Implementation
from impls.registry import load

def build(problem, target, options):
    import torch

    class Waits(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x.clone(), y.clone()

        @staticmethod
        def backward(ctx, a, b):
            if not ctx.needs_input_grad[0]:
                time.sleep(3600)
            return a, b

    honest = load().implementation("clebsch_gordan.torch_dense")
    built = honest.build(problem, target, options)

    def call(inputs, weights):
        x, y = Waits.apply(inputs["x"], inputs["y"])
        return built.call({"x": x, "y": y}, weights)

    return replace(built, call=call)


HANGS = Implementation("clebsch_gordan", "hangs", "torch", build)
"""


@pytest.mark.slow
def test_an_operand_whose_gradient_hangs_is_a_timeout_that_names_it(tmp_path):
    file = tmp_path / "hangs.py"
    file.write_text(HANGS, encoding="utf-8")
    registry = load([file])
    implementation = registry.implementation("clebsch_gordan.hangs")
    every = hard.planned([implementation], registry, Target(), 0)
    alone = [one for one in every if "hard.alone" in one.also and one.case.pass_ == "grad"]
    mine = [one for one in alone if one.case.problem.dtype == "float64"]
    settings = replace(load_profile("check"), probes=hard.EVERYWHERE, case_timeout=6.0)
    plan = Plan("check", settings, mine)
    found = checked(plan, [implementation], registry, [str(file)], Events())
    assert found[0].status == "timeout"
    assert found[0].reason == "the gradient of y alone: no answer within 6 s"


# ---- what is said --------------------------------------------------------------------------------


def result(pass_="fwd", dtype="float64", problem="p", **changes):
    fields = {"status": "wrong", "reason": "error.fwd is 1: half", "diagnosis": {}} | changes
    where = f"{problem}/{dtype}"
    return Checked(f"{where}::a.b/{pass_}", "a.b", where, dtype, pass_, **fields)


def simple(cause, **paths):
    return {"cause": cause, "simple": True, "paths": paths}


def test_one_cause_is_said_once():
    wrong = [
        result(pass_, dtype, diagnosis=simple("half"))
        for pass_, dtype in (("grad", "float32"), ("fwd", "float64"), ("grad", "float64"))
    ]
    right = result("fwd", "bfloat16", status="ok", reason="", passed=True)
    assert summary([*wrong, right]).splitlines() == [
        "a.b: 3 of 4 cases failed",
        "  1 right: bfloat16 fwd",
        "  half",
        "      3 cases: float64 fwd, grad; float32 grad",
        "      p/float64: error.fwd is 1",
    ]


def test_what_too_few_digits_hide_has_the_cause_of_double_precision():
    none = {"cause": "no simple cause found: z", "simple": False, "paths": {}}
    said = summary([result(dtype="bfloat16", diagnosis=none), result(diagnosis=simple("half"))])
    assert "no simple cause" not in said and "2 cases: float64 fwd; bfloat16 fwd" in said
    assert "no simple cause" in summary([result(dtype="bfloat16", diagnosis=none)])


def test_a_map_shows_which_paths_are_wrong_in_which_pass():
    forward = simple("half", A={"fwd": 0.5}, B={"fwd": 1e-16})
    backward = simple("half", A={"d/dx": 1e-17, "d/dy": 0.25}, B={"d/dx": 0.0, "d/dy": 0.0})
    lines = summary([result(diagnosis=forward), result("grad", diagnosis=backward)]).splitlines()
    assert [line.split() for line in lines[-4:]] == [
        ["path", "fwd", "d/dx", "d/dy"], ["----", "---", "----", "----"],
        ["A", "0.5", ".", "0.25"], ["B", ".", ".", "."],
    ]  # fmt: skip


def test_quarantine_notes_and_refusals_are_said():
    error = result(status="error", reason="KeyError: 'Y'")
    later = result("grad", status="skip", reason="quarantined: 3 faults in a row, the last: error: "
                   "KeyError: 'Y'")  # fmt: skip
    lines = summary([error, later]).splitlines()
    assert lines[:2] == ["a.b: 2 of 2 cases failed", "  error: KeyError: 'Y'"]
    right = result(status="ok", passed=True, notes=("3 of 200 calls differ",))
    refused = result(status="skip", reason="no bfloat16 (use float32)", passed=True)
    assert summary([right, right, refused]).splitlines() == [
        "a.b: right in 2 cases, 1 refused",
        "  2 right: float64 fwd",
        "  3 of 200 calls differ (2 times)",
        "  refused: no bfloat16 (use float32)",
    ]


def test_many_causes_are_counted():
    every = [result(problem=str(n), diagnosis=simple(f"cause {name}"))
             for n, name in enumerate("abcdefghi")]  # fmt: skip
    assert summary(every).splitlines()[-1] == (
        f"  and {9 - verdicts.CAUSES} more causes in 4 cases: --all has them"
    )


def test_the_command_says_what_is_hard_and_for_how_long(said):
    bad = ("check", "--hard", CG, "--family", "product", "--setting", "mimo")
    code, _, err = said(*bad)
    assert code == 2 and "lmax" in err
    code, _, err = said("check", CG, "--limit", "0")
    assert code == 2 and "'0' are no seconds" in err
    code, out, _ = said("check", "--help")
    assert code == 0 and "sizes at boundaries" in " ".join(out.split())


@pytest.mark.slow
def test_the_command_asks_it(said, monkeypatch):
    little = headroom.Memory(2**34, 2**33)  # whatever there is
    monkeypatch.setattr(headroom, "memories", lambda device, workers: (little,))
    name = "norm_activation.numpy_direct"
    code, out, err = said("check", "--hard", name, "--device", "cpu", "--plain")
    lines = out.splitlines()
    assert code == 0, out
    assert lines[0].startswith(f"{name}: right in ") and "passed, in" in lines[-1]
    assert "refused: an array above 2147483648 bytes" in out
    assert "at most 60 s a case" in err
    rows = json.loads(said("check", "--hard", name, "--device", "cpu", "--plain", "--limit", 30,
                           "--format", "json")[1])  # fmt: skip
    assert {"hard.repeats", "hard.strided"} <= {key for row in rows for key in row}
