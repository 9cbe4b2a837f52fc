"""Cases: plain data, names that are unique, what is asked of whom and what is refused."""

from __future__ import annotations

import fnmatch
import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from bench.ask.narrowing import narrowed
from bench.ask.plan import cases, explaining, plan
from bench.ask.reading import ASKED, load, names
from bench.drive.run import execute
from bench.record.case import Case, case_id, describe, digest, problem_id, refusal
from bench.record.rows import load as load_rows
from impls.families.product import problem
from impls.implementation import Target
from impls.problem import Problem
from impls.registry import Registry


@pytest.fixture(scope="module")
def profiles(registry):
    return {
        name: [case for case, _ in cases(load(name), Target(), registry)]
        for name in names()
        if name != ASKED
    }


def test_json_both_ways(hand, registry):
    plain = hand.case(registry, "gaunt.torch_grid", pass_="grad")
    rich = Case(
        problem("simo", 3, "so3", dtype="bfloat16", seed=7),
        "clebsch_gordan.jax_dense",
        "fwd",
        "jit",
        Target("cuda", "tf32", 4),
        {"block": "pair"},
    )
    for case in (plain, rich):
        text = json.dumps(case.to_json())
        assert Case.from_json(json.loads(text)) == case
    assert rich.to_json()["pass"] == "fwd" and rich.to_json()["target"]["threads"] == 4


def test_json_both_ways_for_every_case(profiles):
    for found in profiles.values():
        for case in found:
            assert Case.from_json(json.loads(json.dumps(case.to_json()))) == case


def test_digest_is_of_content_not_of_order():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2}) != digest([1])
    assert len(digest({})) == 16


def test_ids_are_unique_in_each_profile(profiles, registry):
    for name, found in profiles.items():
        counts = Counter(case_id(case, registry) for case in found)
        assert counts.most_common(1)[0][1] == 1, name
        assert all(" " not in text for text in counts)


def test_what_facets_do_not_say_is_in_the_id(hand, registry):
    asked = hand.problem(seed=3)
    assert problem_id(asked, registry) == "product/mimo-o3-lmax1-channels1-batch16-seed3/float64"
    case = hand.case(registry, "clebsch_gordan.torch_dense", asked)
    tuned = Case(asked, case.implementation, "fwd", "eager", Target(threads=2), {"block": "row"})
    assert case_id(tuned, registry) == (
        "product/mimo-o3-lmax1-channels1-batch16-seed3/float64::"
        "clebsch_gordan.torch_dense[block=row]/fwd/eager@cpu-ieee-t2"
    )
    custom = asked.with_sizes(irreps_out="0e")
    assert problem_id(custom, registry) != problem_id(asked, registry)


def test_rows_are_found_again_by_flat_columns(hand, registry):
    columns = describe(hand.case(registry, "gaunt.jax_grid", pass_="grad"), registry)
    expected = {
        "family": "product",
        "operation": "gaunt",
        "implementation": "gaunt.jax_grid",
        "framework": "jax",
        "dtype": "float64",
        "pass": "grad",
        "mode": "jit",
        "device": "cpu",
        "precision": "ieee",
        "threads": 1,
        "facet.setting": "mimo",
        "facet.symmetry": "o3",
        "facet.lmax": 1,
        "size.batch": 16,
    }
    assert {name: columns[name] for name in expected} == expected
    json.dumps(columns)


def test_each_implementation_of_each_asked_operation_has_a_case_for_each_pass(profiles, registry):
    quick = profiles["quick"]
    mine = [c for c in quick if c.implementation == "clebsch_gordan.torch_dense"]
    assert [c.problem for c in mine] == [
        problem("mimo", lmax, symmetry) for symmetry in ("o3", "so3") for lmax in (1, 2, 3)
    ]
    for name, found in profiles.items():
        passes = {(c.pass_, registry.implementation(c.implementation).framework) for c in found}
        assert ("grad", "numpy") not in passes
        profile = load(name)
        asked = {pass_ for block in profile.blocks for pass_ in profile.passes_of(block)}
        assert (("grad", "torch") in passes) == ("grad" in (asked or profile.passes))
    check = profiles["check"]
    for name in registry.operations:
        every = {i.full_name for i in registry.implementations_of(name)}
        assert every <= {c.implementation for c in check}, "the examples ask every implementation"


def test_numpy_is_measured_on_request_only(profiles, registry):
    def frameworks(name):
        return {registry.implementation(c.implementation).framework for c in profiles[name]}

    for name in ("quick", "default", "paper"):
        assert frameworks(name) == {"torch", "jax"}
    assert frameworks("check") == {"numpy", "torch", "jax"}
    asked = narrowed(load("quick"), registry, implementations=["clebsch_gordan.numpy_*"])
    found = {c.implementation for c, _ in cases(asked, Target(), registry)}
    assert "clebsch_gordan.numpy_dense" in found
    assert all(name.startswith("clebsch_gordan.numpy_") for name in found)


def test_number_of_cases_is_a_sum_over_operations(profiles, registry):
    left_out = load("quick").except_implementations

    def count(operation):
        names = [i.full_name for i in registry.implementations_of(operation)]
        return sum(not any(fnmatch.fnmatchcase(n, p) for p in left_out) for n in names)

    product = [c for c in profiles["quick"] if c.problem.family == "product"]
    o3 = count("clebsch_gordan") + count("gaunt") + count("matrix")
    so3 = count("clebsch_gordan") + count("matrix")
    assert len(product) == 3 * o3 + 3 * so3


def test_refusals_are_cases_with_a_reason(profiles, registry):
    odd = [
        case
        for case in profiles["paper"]
        if case.problem == problem("siso", 3)
        and case.implementation in ("clebsch_gordan.torch_dense", "gaunt.torch_grid")
    ]
    assert len(odd) == 6
    for case in odd:
        assert re.search("(empty output|identically zero): .*odd", str(refusal(case, registry)))
    assert refusal(
        Case(problem("siso", 2), "clebsch_gordan.torch_dense", "fwd", "eager", Target()), registry
    ) is None  # fmt: skip


def test_each_layer_may_refuse(hand, registry, trapped):
    def why(name, asked, known=registry):
        return str(refusal(hand.case(known, name, asked), known))

    sizes = {"irreps_in1": "0e", "irreps_in2": "0e", "irreps_out": "0e", "channels": 0, "batch": 1}
    assert "channels=0 is not a positive" in why(
        "clebsch_gordan.torch_dense", Problem("product", sizes)
    )
    assert "NumPy has no bfloat16" in why(
        "clebsch_gordan.numpy_dense", hand.problem(dtype="bfloat16")
    )
    assert why("clebsch_gordan.trap_not_installed", None, trapped) == (
        "not installed: a_package_nobody_has (pip install a_package_nobody_has)"
    )


def test_what_cannot_say_is_not_refused(hand, trapped):
    """It is asked again in its own process, where what it raises is its result."""
    case = hand.case(trapped, "clebsch_gordan.trap_cannot_say")
    assert refusal(case, trapped) is None


def test_a_plan_has_blocks_of_one_question(registry):
    meant = plan(load("default"), Target(), registry, "*lmax2*")
    blocks = meant.blocks()
    assert sum(map(len, blocks)) == len(meant.planned)
    questions = [{(p.case.problem, p.case.pass_) for p in block} for block in blocks]
    assert all(len(question) == 1 for question in questions)
    assert len({q for question in questions for q in question}) == len(blocks)
    assert len({p.key for p in meant.planned}) == len(meant.planned)


def test_a_plan_puts_each_question_once(hand, registry, tmp_path):
    """However many passes, modes and options share an answer, and whoever needs it afterwards."""
    asked: Counter[tuple[str, ...]] = Counter()

    def counted(name, question):
        def ask(*arguments):
            asked[(name, *(str(argument) for argument in arguments))] += 1
            return question(*arguments)

        return ask

    counting = Registry()
    for known in (registry.families, registry.operations, registry.implementations):
        for name, thing in known.items():
            question = "check" if known is registry.families else "supports"
            heard = replace(thing, **{question: counted(name, getattr(thing, question))})
            counting.add(heard, registry.origin(thing))

    quick = narrowed(load("quick"), counting, passes=("fwd", "grad"))
    meant = plan(quick, Target(), counting, modes=("compile", "jit"), vary=True)
    runnable = {
        (p.case.implementation, str(p.case.problem)) for p in meant.planned if not p.refused
    }
    families = {question for question in asked if question[0] in registry.families}
    assert {asked[question] for question in families} == {2}, "when it is asked, and as a case"
    assert {n for question, n in asked.items() if question not in families} == {1}
    assert len(runnable) < len(meant.planned) / 2, "each pair has passes, modes and options"
    assert runnable <= {question[:2] for question in asked}

    explaining(meant, counting)
    asked.clear()
    cases = [
        hand.case(counting, "clebsch_gordan.numpy_dense"),
        hand.case(counting, "clebsch_gordan.numpy_dense", problem("siso", 3)),
    ]
    few = hand.plan(counting, cases)
    assert asked and set(asked.values()) == {1}
    asked.clear()
    execute(few, counting, tmp_path)
    statuses = {row["status"] for row in load_rows(tmp_path) if row["probe"] == "case"}
    assert statuses == {"ok", "skip"} and not asked
