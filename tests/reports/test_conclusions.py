"""Each rule, with rows that carry its sentence and with rows that do not."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from analysis.verdict import Verdict
from bench.ask.selection import FILTER
from bench.commands.line import parser_of
from impls.registry import load
from reports.conclusions import RULES, Question, Sentence, conclude
from reports.conclusions.rules import MOST, where
from reports.data.blocks import blocks_of
from reports.data.expressivity import collect
from reports.data.results import Result, summarise
from reports.data.run import read
from reports.data.series import leading, series_of

E3NN = "clebsch_gordan.torch_e3nn"
DENSE = "clebsch_gordan.torch_dense"
GAUNT = "gaunt.torch_lebedev"
MATRIX = "matrix.torch_dense"
KEEPS = {"rotation": (2e-7, True), "inversion": (1e-8, True)}
BREAKS = {"rotation": (2e-7, True), "inversion": (0.79, False)}
FULL = {1: 5, 2: 14, 3: 30}


def at(lmax: int) -> dict[str, Any]:
    return {"setting": "mimo", "symmetry": "o3", "lmax": lmax, "channels": 1, "batch": 1000}


@pytest.fixture
def case(writer: Any) -> Any:
    """Return a way to write a case: its name, time, degree and dimension, replicated."""

    def write(name: str, time: float, lmax: int = 2, dim: int | None = None, **more: Any) -> None:
        named = {"rounds": 5, "groups": KEEPS, **more}
        full = FULL[lmax]
        dims = None if dim is None else (dim, dim)
        writer.case(name, at(lmax), time=time, dim=dims, full=full, **named)

    return write


@pytest.fixture
def asked(writer: Any) -> Any:
    """Return what rules are given of the run that was written."""

    def ask() -> Question:
        run = read(writer.directory)
        results, _ = summarise(run.rows)
        can = collect(results, frozenset({"channels", "batch"}))
        found = series_of(blocks_of(results))
        main = leading(found, can)
        assert main is not None
        others = [series for series in found if series is not main]
        return Question(main, others, can, load(), run.plan)

    return ask


def of(q: Question, rule: str) -> list[Sentence]:
    return list(RULES[rule](q))


def only(found: Sequence[Sentence]) -> Sentence:
    (sentence,) = found
    return sentence


def uncertain(case: Any, *names: tuple[str, float, int | None]) -> None:
    """Write cases of a round each, in which nothing is told apart."""
    for i, (name, time, dim) in enumerate(names):
        case(name, time * (1 + 0.01 * i), dim=dim, rounds=1)


# ---- everything


def test_the_fastest_that_keeps_everything_is_named_beside_the_baseline(
    case: Any, asked: Any
) -> None:
    case(E3NN, 9e-4, dim=14)
    case(DENSE, 3e-4, dim=14)
    case(GAUNT, 1e-4, dim=9)
    case(MATRIX, 1e-5, dim=14, groups=BREAKS)
    case(E3NN, 9e-3, pass_="grad")
    case(DENSE, 1e-3, pass_="grad")
    said = only(of(asked(), "everything"))
    assert said.decided and "To keep every path, and rotations and inversion" in said.lead
    assert "Clebsch–Gordan product (PyTorch, dense coupling matrices)" in said.text
    assert "3.0× faster (≥ 3.0×)" in said.text and "e3nn" in said.text
    assert "with gradients 9.0× faster" in said.text and "at L = 2" in said.text
    assert said.evidence and "not told apart" not in said.text


def test_what_does_not_differ_from_the_fastest_is_named_too(case: Any, asked: Any) -> None:
    case(E3NN, 9e-4, dim=14)
    case(DENSE, 3e-4, dim=14)
    case("clebsch_gordan.jax_dense", 3.01e-4, dim=14)
    said = only(of(asked(), "everything"))
    assert "not told apart from Clebsch–Gordan product (JAX, dense coupling matrices)" in said.text


def test_it_is_withheld_where_the_interval_holds_both_answers(case: Any, asked: Any) -> None:
    uncertain(case, (E3NN, 3e-4, 14), (DENSE, 2.99e-4, 14))
    said = only(of(asked(), "everything"))
    assert not said.decided and "can't be told from" in said.text and "4 rounds" in said.text
    assert said.command == "python -m bench run --profile test --rounds 4"


def test_it_is_withheld_where_nothing_expresses_everything(case: Any, asked: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    case(MATRIX, 1e-5, dim=14, groups=BREAKS)
    said = only(of(asked(), "everything"))
    assert not said.decided and "nothing timed here has all, at L = 2" in said.text
    assert "Clebsch–Gordan product would, and was not timed" in said.text


def test_without_a_baseline_the_next_is_what_it_is_held_against(case: Any, asked: Any) -> None:
    case(DENSE, 3e-4, dim=14)
    said = only(of(asked(), "everything"))
    assert not said.decided and "the only one that was timed" in said.text
    case("clebsch_gordan.torch_sparse", 6e-4, dim=14)
    said = only(of(asked(), "everything"))
    assert said.decided and "the next: 2.0× faster (≥ 2.0×)" in said.text


def test_beside_the_baseline_stands_the_next_that_takes_longer(case: Any, asked: Any) -> None:
    case(E3NN, 9e-4, dim=14)
    case(DENSE, 3e-4, dim=14)
    case("clebsch_gordan.torch_sparse", 6e-4, dim=14)
    said = only(of(asked(), "everything")).text
    assert "e3nn), the baseline: 3.0× faster" in said
    assert "sparse coefficients), the next: 2.0× faster" in said


def test_what_was_not_measured_is_derived_from_coefficients(case: Any, asked: Any) -> None:
    case(E3NN, 9e-4)
    case(DENSE, 3e-4)
    case(GAUNT, 1e-4)
    case("mine.torch_a", 1e-5)
    q = asked()
    said = only(of(q, "everything"))
    assert said.decided and "dense coupling matrices" in said.text
    assert said.text.endswith("keeps every path is derived, and was not measured here.")
    less = only(of(q, "cheaper"))
    assert less.decided and "Gaunt product" in less.text and "dimensions" not in less.text
    assert ". It cannot form a cross product" in less.text


# ---- cheaper


def test_the_fastest_that_gives_something_up_says_what_in_words(case: Any, asked: Any) -> None:
    case(DENSE, 4e-4, dim=14)
    case(GAUNT, 1e-4, dim=9)
    case(MATRIX, 1e-5, dim=9, groups=BREAKS)
    said = only(of(asked(), "cheaper"))
    assert said.decided and said.text.startswith(
        "Gaunt product (PyTorch, points of a Lebedev rule)"
    )
    assert "4.0× faster (≥ 4.0×)" in said.text and "9 of 14 dimensions" in said.text
    assert "cannot form a cross product, so cannot tell mirror images apart" in said.text


def test_it_is_withheld_where_nothing_is_known_to_be_saved(case: Any, asked: Any) -> None:
    uncertain(case, (DENSE, 3e-4, 14), (GAUNT, 2.99e-4, 9))
    said = only(of(asked(), "cheaper"))
    assert not said.decided and "--rounds 4" in said.command


def test_without_both_there_is_nothing_to_say(case: Any, asked: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    assert of(asked(), "cheaper") == []


# ---- crossover and per dimension


def test_from_which_size_one_beats_the_other_forward_and_with_gradients(
    case: Any, asked: Any
) -> None:
    for lmax, gaunt, dim in ((1, 2e-4, 5), (2, 1e-4, 9), (3, 1e-4, 13)):
        case(DENSE, 1.5e-4, lmax, FULL[lmax])
        case(GAUNT, gaunt, lmax, dim)
        case(DENSE, 1.5e-4, lmax, pass_="grad")
        case(GAUNT, 5e-5, lmax, pass_="grad")
    said = only(of(asked(), "crossover"))
    assert said.decided and len(said.evidence) == 2
    assert (
        "Forward: yes, from L = 2 on (1.50× faster (≥ 1.50×) at L = 3); not at L = 1 (" in said.text
    )
    assert "(1.33× slower (≥ 1.33×))" in said.text
    assert "With gradients: yes, at every size from L = 1 to L = 3" in said.text
    per = only(of(asked(), "per-dimension"))
    assert per.decided and "Forward: no at L = 1, L = 2 and L = 3" in per.text
    assert "With gradients: yes, at every size" in per.text


def test_they_are_withheld_where_no_size_decides(case: Any, asked: Any) -> None:
    for lmax, dim in ((1, 5), (2, 9)):
        case(DENSE, 1.5e-4, lmax, FULL[lmax], rounds=2)
        case(GAUNT, 1.52e-4, lmax, dim, rounds=2)
    said = only(of(asked(), "crossover"))
    assert not said.decided and "can't tell" in said.text and "--rounds 4" in said.command


def test_without_the_pair_there_is_nothing_to_say(case: Any, asked: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    assert of(asked(), "crossover") == of(asked(), "per-dimension") == []


def test_sizes_in_words() -> None:
    def v(kind: Any, speed: float = 2.0) -> Verdict:
        return Verdict(kind, speed, speed, speed, 5, 0.02)

    def named(size: float) -> str:
        return f"{size:g}"

    mixed = {1: v("faster"), 2: v("same"), 3: v("can't tell"), 4: None}
    said = where(mixed, named)
    assert said == (
        "yes at 1 (2.0× faster (≥ 2.0×)); not at 2 (same within 2 %); not decided at 3 and 4"
    )
    assert where({1: v("slower", 0.5)}, named) == "no at 1 (2.0× slower (≥ 2.0×))"


# ---- symmetry


def test_what_breaks_a_symmetry_that_is_asked_for_is_warned_of(case: Any, asked: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    case(MATRIX, 1e-5, dim=9, groups=BREAKS)
    said = only(of(asked(), "symmetry"))
    assert said.decided and said.lead == "Warning"
    assert "Matrix product breaks inversion" in said.text and "0.79" in said.text
    assert "though it takes less time than Gaunt product (" in said.text
    assert said.text.endswith("10.0× faster (≥ 10.0×).")


def test_it_is_not_said_to_take_less_time_where_the_rows_do_not_carry_it(
    case: Any, asked: Any
) -> None:
    case(GAUNT, 1e-4, dim=9, rounds=1)
    case(MATRIX, 0.99e-4, dim=9, rounds=1, groups=BREAKS)
    said = only(of(asked(), "symmetry"))
    assert "never named as fastest." in said.text


def test_what_breaks_the_same_symmetry_is_one_warning(case: Any, asked: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    for n in range(5):
        case(f"mine_{n}.torch_a", 1e-5 * (1 + n), dim=9, groups=BREAKS)
    said = only(of(asked(), "symmetry"))
    assert said.text.startswith("mine_0, mine_1, mine_2 and 2 more break inversion")
    assert "(relative error up to 0.79 at L = 2)" in said.text
    assert "though mine_0 (torch_a) takes less time than Gaunt product (" in said.text


def test_where_all_is_kept_nothing_is_warned_of(case: Any, asked: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    case(MATRIX, 1e-5, dim=9)
    assert of(asked(), "symmetry") == []


# ---- falling cost


def test_cost_that_goes_down_with_size_is_said(case: Any, asked: Any) -> None:
    case(MATRIX, 4e-4, 2, 9)
    case(MATRIX, 1e-4, 3, 13)
    case(DENSE, 1e-4, 2, 14)
    case(DENSE, 2e-4, 3, 30)
    said = only(of(asked(), "falling-cost"))
    assert said.decided and "Matrix product (PyTorch, dense conversions)" in said.text
    assert "at L = 3, but" in said.text and "at L = 2" in said.text
    assert "not replicated" not in said.text


def test_of_few_processes_that_is_said(case: Any, asked: Any) -> None:
    case(MATRIX, 4e-3, 2, 9, rounds=3)
    case(MATRIX, 1e-4, 3, 13, rounds=3)
    assert "at L = 2, not replicated" in only(of(asked(), "falling-cost")).text


def test_the_more_sizes_are_looked_at_the_more_it_must_fall(case: Any, asked: Any) -> None:
    case(MATRIX, 4e-4, 2, 9)
    case(MATRIX, 1.4e-4, 3, 13)
    assert of(asked(), "falling-cost")
    for i in range(20):
        for lmax, dim in ((1, 5), (2, 9), (3, 13)):
            case(f"gaunt.torch_{i}", 1e-4 * lmax**3, lmax, dim)
    assert of(asked(), "falling-cost") == []


def test_cost_that_falls_within_its_interval_is_not(case: Any, asked: Any) -> None:
    case(MATRIX, 1.0e-4, 2, 9)
    case(MATRIX, 0.9e-4, 3, 13)
    assert of(asked(), "falling-cost") == []


# ---- elsewhere


def other(writer: Any, name: str, time: float, **more: Any) -> None:
    facets = {"setting": "truncated", "symmetry": "o3", "lmax": 2, "channels": 16}
    writer.case(name, facets, family="points", time=time, groups=KEEPS, **more)


BASE = {"detail": {"baseline": True}}


def test_another_question_of_the_run_has_its_sentence(case: Any, asked: Any, writer: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    case(DENSE, 1e-4, dim=14)
    other(writer, "channelwise.torch_e3nn", 4e-4, rounds=4, **BASE)
    other(writer, "channelwise.torch_dense", 1e-4, rounds=4)
    said = only(of(asked(), "elsewhere"))
    assert said.decided and said.lead == "Also asked, convolutions over points"
    assert "4.0× faster (≥ 4.0×)" in said.text


def test_the_best_replicated_of_other_questions_is_told(case: Any, asked: Any, writer: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    case(DENSE, 1e-4, dim=14)
    other(writer, "channelwise.torch_e3nn", 4e-4, rounds=4, **BASE)
    other(writer, "channelwise.torch_dense", 1e-4, rounds=4)
    more = {"setting": "custom", "symmetry": "o3", "lmax": 0, "channels": 16}
    for name, detail in (("egnn_layer", BASE), ("painn_layer", {}), ("gvp_layer", {})):
        label = f"{name}.torch_messages"
        writer.case(label, more, family="points", time=1e-3, rounds=1, groups=KEEPS, **detail)
    said = only(of(asked(), "elsewhere"))
    assert "Channelwise" in said.text and "not replicated" not in said.text


def test_it_is_withheld_too(case: Any, asked: Any, writer: Any) -> None:
    case(GAUNT, 1e-4, dim=9)
    case(DENSE, 1e-4, dim=14)
    other(writer, "channelwise.torch_e3nn", 1.01e-4, **BASE)
    other(writer, "channelwise.torch_dense", 1e-4)
    said = only(of(asked(), "elsewhere"))
    assert not said.decided and said.command.endswith("--rounds 4")


# ---- all together


def test_a_page_opens_with_few_sentences_each_with_a_rule(case: Any, asked: Any) -> None:
    case(E3NN, 9e-4, dim=14)
    case(DENSE, 3e-4, dim=14)
    case(GAUNT, 1e-4, dim=9)
    for i in range(MOST):
        case(f"faller{i}.torch_dense", 9e-2, 1, dim=5)
        case(f"faller{i}.torch_dense", 1e-2, 2, dim=9)
    decided, withheld = conclude(asked())
    assert len(decided) == MOST and not withheld
    assert {s.rule for s in (*decided, *withheld)} <= set(RULES)
    assert all(s.evidence for s in decided)


def test_more_rounds_than_there_are_is_what_is_asked_for(case: Any, asked: Any) -> None:
    case(E3NN, 3e-4, dim=14)
    case(DENSE, 2.99e-4, dim=14)
    said = asked().withheld("rule", "lead", "why", 5)
    assert "10 rounds" in said.text and said.command.endswith("--rounds 10")
    assert str(said).endswith(said.command)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m bench run --rounds 2 --short", "python -m bench run --short --rounds 10"),
        ("x 'open --rounds=3", "x 'open --rounds 10"),
        ("", "python -m bench run --rounds 10"),
    ],
)
def test_the_command_is_that_of_the_run_with_more_rounds(
    case: Any, asked: Any, command: str, expected: str
) -> None:
    case(DENSE, 1e-4, dim=14)
    plan = {"commands": ["not a command", {"command": command}]}
    assert replace(asked(), plan=plan).command(10) == expected


PUBLISHED = Path(__file__).parents[2] / "reports/published"


@pytest.mark.parametrize("name", sorted(p.parent.name for p in PUBLISHED.glob("*/rows.jsonl")))
def test_each_command_of_a_published_run_measures_what_it_is_said_of(name: str) -> None:
    """It parses, asks for so many rounds, and selects every case of the block, and no other."""
    run = read(PUBLISHED / name)
    results, _ = summarise(run.rows)
    blocks = blocks_of(results)
    main, *others = series_of(blocks)
    q = Question(main, others, collect(results, frozenset()), load(), run.plan)
    for block in blocks:
        selected = []
        for line in q.command(9, block).split(" && "):
            assert shlex.split(line)[:3] == ["python", "-m", "bench"]
            words = shlex.split(line)[3:]
            arguments, unknown = parser_of(words).parse_known_args(words)
            assert not unknown and arguments.command == "run" and arguments.rounds == 9
            selected += [r.columns["case"] for r in block.results if _selects(arguments.select, r)]
        assert set(selected) == {r.columns["case"] for r in block.results}


def _selects(patterns: Any, r: Result) -> bool:
    known = [patterns] if isinstance(patterns, str) else list(patterns)
    return not known or any(_is_meant(pattern, r) for pattern in known)


def _is_meant(pattern: str, r: Result) -> bool:
    """By a glob of its id, or by values of columns."""
    if not FILTER.fullmatch(pattern):
        return fnmatchcase(r.columns["case"], f"*{pattern}*")
    conditions = [condition.split("=") for condition in pattern.split(",")]
    found = {name.rpartition(".")[2]: str(value) for name, value in r.columns.items()}
    return all(
        any(fnmatchcase(found[name], value) for value in values.split("|"))
        for name, values in conditions
    )


def test_the_command_is_of_the_runs_that_measured_it(case: Any, asked: Any, writer: Any) -> None:
    case(DENSE, 1e-4, dim=14)
    q = asked()
    commands = [
        {"command": "python -m bench run --select a --rounds 2", "run": "run0"},
        {"command": "python -m bench run --select a --rounds 3", "run": "run0"},
        {"command": "python -m bench run --select b", "run": "run0"},
        {"command": "python -m bench run --select c", "run": "another"},
    ]
    q = replace(q, plan={"commands": commands})
    said = q.withheld("rule", "lead", "why", 3, q.main.headline[1]).command
    assert said == (
        "python -m bench run --select a --rounds 4 && python -m bench run --select b --rounds 4"
    )


def test_where_a_tier_has_rounds_of_its_own_more_are_not_advised(case: Any, asked: Any) -> None:
    case(DENSE, 1e-4, dim=14)
    q = asked()
    block = q.main.headline[1]
    (r,) = block.results
    labelled = replace(r, columns={**r.columns, "tier.label": "not replicated"})
    said = q.withheld("rule", "lead", "why", 1, replace(block, results=(labelled,)))
    assert not said.decided and not said.command and "rounds of its own" in said.text


def test_a_run_without_a_time_concludes_nothing(writer: Any, built: Any) -> None:
    writer.case(DENSE, at(2), status="oom", reason="asked for 900 GiB", error=None)
    page = built(writer)
    assert "Nothing can be concluded" in page and "0 of 0" in page
