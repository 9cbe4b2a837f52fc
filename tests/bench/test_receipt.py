"""Receipts: what ran is counted by name, and what is declared and did not run is a failure."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from bench.measuring import fallbacks
from bench.measuring.built_case import build
from bench.measuring.frameworks import load
from bench.measuring.probes import probes
from bench.record.case import Case
from impls.families.product import problem
from impls.implementation import MODES, Target
from impls.registry import load as load_registry

ASKED = problem("mimo", 1, channels=2, batch=3, dtype="float32")
PROGRAM = """HloModule jit_forward, is_scheduled=true

%fused_computation (param_0: f32[3,4], param_1: f32[3,4]) -> f32[3,4] {
  %param_0 = f32[3,4]{1,0} parameter(0)
  %param_1 = f32[3,4]{1,0} parameter(1)
  %mul.1 = f32[3,4]{1,0} multiply(%param_0, %param_1)
  ROOT %add.1 = f32[3,4]{1,0} add(%mul.1, %param_1), metadata={op_name="jit(f)/add (x)"}
}

%region_0.8 (Arg_0.9: f32[], Arg_1.10: f32[]) -> f32[] {
  %Arg_0.9 = f32[] parameter(0)
  %Arg_1.10 = f32[] parameter(1)
  ROOT %add.11 = f32[] add(%Arg_0.9, %Arg_1.10)
}

%parallel.2 (p: f32[3,4]) -> f32[3] {
  %p = f32[3,4]{1,0} parameter(0)
  %zero = f32[] constant(0)
  ROOT %reduce.1 = f32[3]{0} reduce(%p, %zero), dimensions={1}, to_apply=%region_0.8
}

ENTRY %main.5 (Arg_0.1: f32[3,4], Arg_1.2: f32[3,4]) -> (f32[3], f32[3,4]) {
  %Arg_0.1 = f32[3,4]{1,0} parameter(0)
  %Arg_1.2 = f32[3,4]{1,0} parameter(1)
  %fusion.3 = f32[3,4]{1,0} fusion(%Arg_0.1, %Arg_1.2), kind=kLoop, calls=%fused_computation
  %call.1 = (f32[3,4]{1,0}, /*index=1*/f32[]) custom-call(%fusion.3), custom_call_target="fast_C"
  %got = f32[3,4]{1,0} get-tuple-element(%call.1), index=0
  %sum = f32[3]{0} call(%got), to_apply=%parallel.2
  ROOT %tuple.9 = (f32[3]{0}, f32[3,4]{1,0}) tuple(%sum, %got)
}
"""


def opened(name, runs=None, pass_="fwd"):
    """Return a built case of an implementation that declares to run something, if that is given."""
    registry = load_registry()
    honest = registry.implementation(name)
    if runs is not None:

        def declaring(problem, target, options):
            return replace(honest.build(problem, target, options), runs=runs)

        registry.add(replace(honest, name="declares", build=declaring), __file__)
        name = f"{honest.operation}.declares"
    case = Case(ASKED, name, pass_, MODES[honest.framework][0], Target())
    return build(case, registry)


def measured(built):
    return {reading.probe: reading for reading in probes()["conduct.receipt"].measure(built)}


@pytest.mark.parametrize("pass_", ["fwd", "grad"])
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_kernel_that_runs_is_on_its_receipt(framework, pass_):
    found = measured(opened(f"clebsch_gordan.{framework}_kernel", pass_=pass_))
    (name, *_) = (n for n in found["receipt"].detail["ran"] if n.startswith("equibench"))
    assert found["receipt"].detail["ran"][name] >= 1
    assert found["receipt"].value == sum(found["receipt"].detail["ran"].values())
    assert found["conduct.receipt"].passed is True


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_kernel_that_is_declared_while_another_runs_is_a_failure(framework):
    """What a silent fall-back is: right, and not what it says."""
    built = opened(f"clebsch_gordan.{framework}_dense", ("fast::*", "*"))
    found = measured(built)["conduct.receipt"]
    assert found.passed is False and found.value == 1
    ran = next(iter(measured(built)["receipt"].detail["ran"]))
    assert found.detail["problem"].startswith("fast::* is declared, and what ran is ")
    assert ran in found.detail["problem"]


def test_nothing_is_judged_where_nothing_is_declared_and_nothing_seen():
    assert set(measured(opened("clebsch_gordan.torch_dense"))) == {"receipt"}
    assert measured(opened("clebsch_gordan.numpy_dense", ("fast::*",))) == {}


@pytest.mark.slow
def test_mode_compile_is_a_claim_that_something_was_compiled():
    registry = load_registry()
    honest = registry.implementation("clebsch_gordan.torch_dense")

    def broken(problem, target, options):
        import torch

        built = honest.build(problem, target, options)
        left = torch.compiler.disable(built.call)
        return replace(built, call=lambda inputs, weights: left(inputs, weights))

    registry.add(replace(honest, name="breaks", build=broken), __file__)
    found = {}
    for name in ("torch_dense", "breaks"):
        case = Case(ASKED, f"clebsch_gordan.{name}", "fwd", "compile", Target())
        built = build(case, registry)
        built.run()
        found[name] = measured(built)
    assert found["torch_dense"]["conduct.receipt"].passed is True
    assert found["torch_dense"]["receipt"].detail["ran"]["CompiledFxGraph"] == 1
    assert (
        found["breaks"]["conduct.receipt"]
        .detail["problem"]
        .startswith("CompiledFxGraph is declared, and what ran is ")
    )


def test_instructions_are_counted_once_and_calls_by_their_target():
    """A fusion is one, and what a reduction applies; what is called is looked into."""
    counted = load("jax").instructions(PROGRAM)
    assert counted == {"fusion": 1, "fast_C": 1, "call": 1, "reduce": 1}


def test_what_a_package_says_of_falling_back_is_a_failure_of_the_case():
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *rest, **named: shown.append(str(message))
        fallbacks.listen()
        try:
            for _ in range(2):
                warnings.warn("No ops.\nFalling back to naive.", UserWarning, stacklevel=1)
                warnings.warn("it fell over, and came back", UserWarning, stacklevel=1)
            assert len(fallbacks.HEARD) == 2 and len(shown) == 3
            found = measured(opened("clebsch_gordan.numpy_dense"))["conduct.receipt"]
        finally:
            fallbacks.forget()
    assert found.passed is False
    assert found.detail["problem"] == "; ".join(["it was said: No ops. Falling back to naive."] * 2)
    assert measured(opened("clebsch_gordan.numpy_dense")) == {}


@pytest.mark.parametrize("said", ["Falling back to naive", "using the fall-back", "It fell back"])
def test_words_for_falling_back(said):
    assert fallbacks.speaks(said) and fallbacks.speaks(f"Hello.\n{said}")
    assert not fallbacks.speaks("callbacks fall; a fallow backlog")
