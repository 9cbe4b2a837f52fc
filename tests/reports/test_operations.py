"""The part of the page on each operation: what it loses, what it costs, how to call it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impls.registry import load
from reports.data import claims, usage
from reports.data.blocks import blocks_of
from reports.data.losses import NO_CROSS, NO_DOT, SUMMED, derivable, lost
from reports.data.results import Result, summarise
from reports.data.run import read
from reports.data.series import series_of
from reports.data.words import Words
from reports.figures import cost, plot
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


def test_a_knob_that_was_swept_has_a_table(writer: Any) -> None:
    swept: list[Result] = []
    assert operation.knobs("grid_mlp", swept, WORDS) is None
    for value, error in ((6, 1e-2), (12, 1e-4)):
        columns = {"operation": "grid_mlp", "implementation": "grid_mlp.torch_dense", "pass": "fwd"}
        columns |= {"problem": "p", "family": "feature", "mode": "eager", "knob.resolution": value}
        writer.case("grid_mlp.torch_dense", AT, groups={"rotation": (error, False)})
        last = results_of(writer)[-1]
        swept.append(Result(columns, last.label, "ok", "", {}, last.measures, last.sampled))
    table = operation.knobs("grid_mlp", swept, WORDS)
    assert table is not None and [r["knob.resolution"] for r in table.records] == [6, 12]


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
    svg, _ = plot.draw(figure, cost.muted(looks(results), baseline))
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
    assert len(opened) == 3, "what breaks a symmetry comes last"
    assert names[: len(opened)] == opened, "first"
    gaunt = page[page.index('id="operation-product-gaunt"') :]
    gaunt = gaunt[: gaunt.index('class="problem operation"')]
    for text in (NO_CROSS, "14 of 19", "claims of papers", "built.call", "@", "Luo et al. 2024"):
        assert text in gaunt, text
    assert 'href="#operation-product-gaunt"' in page[: page.index('id="operations"')]
