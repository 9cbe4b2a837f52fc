"""The part of the page on each operation: what it loses, what it costs, how to call it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impls.registry import load
from reports.data import claims, usage
from reports.data.blocks import blocks_of
from reports.data.expressivity import collect
from reports.data.losses import NO_CROSS, NO_DOT, SUMMED, derivable, lost
from reports.data.results import Result, summarise, turned
from reports.data.run import read
from reports.data.series import series_of
from reports.data.words import Words
from reports.figures import cost, knobs, plot
from reports.figures.style import GREY, looks
from reports.tables import operation

REGISTRY = load()
WORDS = Words(REGISTRY)
AT = {"setting": "mimo", "symmetry": "o3", "lmax": 2, "channels": 1, "batch": 1000}


def results_of(writer: Any) -> list[Result]:
    return summarise(read(writer.directory).rows)[0]


def test_what_an_operation_loses_follows_from_its_selection_rules() -> None:
    assert lost(REGISTRY, "clebsch_gordan") == [] and derivable(REGISTRY, "clebsch_gordan")
    assert lost(REGISTRY, "gaunt") == [NO_CROSS, SUMMED]
    assert lost(REGISTRY, "poisson_bracket") == [NO_DOT]
    assert lost(REGISTRY, "matrix", ["inversion"]) == ["breaks inversion", SUMMED]
    assert "approximate, by its rank" in lost(REGISTRY, "low_rank")
    assert lost(REGISTRY, "not there", ["rotations"]) == ["breaks rotations"]
    assert not derivable(REGISTRY, "not there") and not derivable(REGISTRY, "gate")


@pytest.mark.parametrize("name", sorted(REGISTRY.operations))
def test_the_lines_that_call_an_operation_run(name: str) -> None:
    """They give what the oracle gives."""
    pytest.importorskip("torch")
    code = usage.usage(REGISTRY, name)
    assert 8 <= len(code.splitlines()) <= 18 and all(len(x) < 100 for x in code.splitlines())
    scope: dict[str, Any] = {}
    exec(code, scope)
    problem, known = scope["problem"], REGISTRY.operations[name]
    weights = {k: a.numpy() for k, a in scope["weights"].items()}
    expected = known.oracle(problem, scope["arrays"], weights)
    assert set(expected) == set(scope["outputs"])
    for key, value in expected.items():
        np.testing.assert_allclose(scope["outputs"][key].numpy(), value, rtol=1e-6, atol=1e-8)


def test_they_call_the_implementation_that_is_preferred() -> None:
    code = usage.usage(REGISTRY, "gaunt", ["gaunt.jax_lebedev", "gaunt.torch_lebedev"])
    assert '"gaunt.torch_lebedev"' in code
    assert usage.usage(REGISTRY, "not there") == ""


def test_every_operation_has_its_claims() -> None:
    assert all(claims.of(name) for name in REGISTRY.operations)
    assert claims.of("uvv") == claims.of("uvw") and claims.of("not there") == ()
    judged = [bool(c.test) for c in claims.of("gaunt")]
    assert any(judged) and not all(judged)


def test_a_claim_with_a_field_too_many_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[[claim]]\nid = "x"\nbogus = "y"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.toml, claim 'x'.*bogus"):
        claims.read(tmp_path)


def test_implementations_stand_beside_the_fastest_of_their_operation(writer: Any) -> None:
    writer.case("gaunt.torch_grid", AT, time=4e-4, rounds=5)
    writer.case("gaunt.torch_lebedev", AT, time=1e-4, rounds=5, extra={"time.first": (0.5, "s")})
    writer.case("gaunt.torch_fourier", AT, status="oom", reason="asked for 900 GiB", error=None)
    writer.case("matrix.torch_dense", AT, time=1e-5, rounds=5)
    (block,) = blocks_of(results_of(writer))
    table = operation.implementations("gaunt", block, WORDS, None)
    rows = {row[0].text: row for row in table.rows}
    assert next(iter(rows)) == "PyTorch, points of a Lebedev rule" and len(rows) == 3
    assert rows["PyTorch, points of a Lebedev rule"][3].text == "the fastest"
    slower = rows["PyTorch, product grid, separable stages"]
    assert "4.0× slower (≥ 4.0×)" in [cell.text for cell in slower]
    failed = next(row for name, row in rows.items() if "Fourier" in name)
    assert "out of memory" in failed[2].text and "900 GiB" in failed[2].small
    assert operation.limits("gaunt", results_of(writer), WORDS) == [
        "1 case out of memory: asked for 900 GiB"
    ]


def swept(writer: Any) -> list[Result]:
    """Return a sweep of the rank of one implementation, beside a case of another data type."""
    for rank in (1, 2, 4):
        writer.case(
            "low_rank.torch_terms", AT, time=1e-4 * rank, dim=(3 * rank, 3 * rank),
            groups={"rotation": (1e-1 / rank**2, False)}, knobs={"rank": rank},
        )  # fmt: skip
    writer.case("low_rank.torch_terms", AT, time=1.0, pass_="grad", knobs={"rank": 2})
    return results_of(writer)


def test_a_knob_that_was_swept_has_a_table_and_figures(writer: Any) -> None:
    assert operation.knobs("low_rank", [], WORDS) is None
    results = swept(writer)
    table = operation.knobs("low_rank", results, WORDS)
    assert table is not None and [r["knob.rank"] for r in table.records] == [1, 2, 4]
    can = collect(results, frozenset())
    made = {f.name: f for f in knobs.figures_of("low_rank", results, can, WORDS)}
    points = {
        name.removesuffix("-low-rank"): [p[:2] for p in figure.panels[0].curves[0].points]
        for name, figure in made.items()
    }
    assert points["knob-dimension"] == [(1, 3), (2, 6), (4, 12)]
    assert [x for x, _ in points["knob-time"]] == [1, 2, 4]
    assert points["knob-symmetry"] == [(1, 0.1), (2, 0.025), (4, 0.00625)]
    assert "intervals" in made["knob-time-low-rank"].caption
    said = made["knob-symmetry-low-rank"].caption
    assert "lowest at rank = 4" in said and "intervals" not in said and "median" not in said
    assert "express on a linear axis against rank" in made["knob-dimension-low-rank"].alt
    assert knobs.figures_of("gaunt", results, can, WORDS) == []


def test_what_a_knob_does_not_move_is_not_drawn(writer: Any) -> None:
    for rank in (1, 2):
        writer.case("low_rank.torch_terms", AT, time=1e-4, knobs={"rank": rank})
    found = knobs.figures_of("low_rank", results_of(writer), collect([], frozenset()), WORDS)
    assert [figure.name for figure in found] == ["knob-time-low-rank"]


def test_a_knob_tells_cases_apart(writer: Any) -> None:
    """By their labels, their names and what they express; a knob at its default does not."""
    results = [r for r in swept(writer) if r.columns["pass"] == "fwd"]
    assert [r.label for r in results] == [f"low_rank.torch_terms{{rank={n}}}" for n in (1, 2, 4)]
    assert [WORDS.implementation(r)[-6:] for r in results] == ["rank 1", "rank 2", "rank 4"]
    can = collect(results, frozenset())
    assert [can.dim(r) for r in results] == [3, 6, 12]
    columns = {k: v for k, v in results[0].columns.items() if k != "case"}
    assert turned({**columns, "case": "p::low_rank.torch_terms/fwd"}) == {}


def test_a_caption_says_what_is_not_told_apart_from_the_lowest(writer: Any) -> None:
    for lmax in (1, 2):
        at = {**AT, "lmax": lmax}
        for name, time in (("a", 1.0), ("b", 1.001), ("c", 1.002), ("d", 1.003), ("e", 3.0)):
            writer.case(f"gaunt.torch_{name}", at, time=1e-4 * time, rounds=5)
    (series,) = series_of(blocks_of(results_of(writer)))
    made = cost.figure_of(series, "gaunt", WORDS)
    assert made is not None
    said = made[0].caption
    assert "lowest median at" in said and "not told apart from torch_b, torch_c and 1 more" in said
    (alone,) = made[0].panels
    clear = replace(made[0], panels=(replace(alone, near=frozenset({"gaunt.torch_a"})),))
    assert "forward: lowest at" in clear.caption and "not told apart" not in clear.caption


def test_cost_is_drawn_with_the_baseline_in_grey(writer: Any) -> None:
    for lmax in (1, 2, 3):
        at = {**AT, "lmax": lmax}
        writer.case("clebsch_gordan.torch_e3nn", at, time=1e-3 * lmax)
        for i in range(7):
            writer.case(f"gaunt.torch_{i}", at, time=1e-4 * (lmax + i))
    results = results_of(writer)
    (series,) = series_of(blocks_of(results))
    found = cost.figure_of(series, "gaunt", WORDS)
    assert found is not None
    figure, baseline = found
    labels = [c.label for c in figure.panels[0].curves]
    assert labels == [*(f"gaunt.torch_{i}" for i in range(cost.BEST)), "clebsch_gordan.torch_e3nn"]
    svg, *_ = plot.draw(figure, cost.muted(looks(results), baseline))
    assert GREY in svg and "baseline:" in svg
    assert "growing as degree L" in figure.caption
    own = cost.figure_of(series, "clebsch_gordan", WORDS)
    assert own is not None and [c.label for c in own[0].panels[0].curves] == [baseline]
    assert cost.figure_of(series, "matrix", WORDS) is None


def test_the_page_has_a_part_for_each_operation_and_opens_what_it_opens_with(page: str) -> None:
    parts = re.findall(
        r'<details class="problem operation"( open)?>\s*<summary><h3 id="([\w-]+)"', page
    )
    names = [name for _, name in parts]
    assert len(names) == len(set(names)) > len(REGISTRY.operations)
    opened = [name for shut, name in parts if shut]
    assert opened[:2] == ["operation-product-gaunt", "operation-product-clebsch-gordan"]
    assert len(opened) == 2, "what breaks a symmetry is no choice"
    assert names[: len(opened)] == opened, "first"
    gaunt = page[page.index('id="operation-product-gaunt"') :]
    gaunt = gaunt[: gaunt.index('class="problem operation"')]
    for text in (NO_CROSS, "14 of 19", "claims of papers", "built.call", "@", "Luo et al. 2024"):
        assert text in gaunt, text
    assert 'href="#operation-product-gaunt"' in page[: page.index('id="operations"')]
