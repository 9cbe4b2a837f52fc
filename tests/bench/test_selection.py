"""What `--select` means: words and globs of ids, or values of columns; near misses are offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.ask.plan import cases
from bench.ask.reading import load
from bench.ask.selection import select
from bench.record.case import case_id, describe
from impls.implementation import Target


@pytest.fixture(scope="module")
def quick(registry):
    return [case for case, _ in cases(load("quick"), Target(), registry)]


@pytest.fixture
def names(quick, registry):
    def chosen(pattern):
        return {case.implementation for case in select(quick, pattern, registry, "quick")}

    return chosen


def test_words_and_globs_of_ids(quick, names, registry):
    everything = {case.implementation for case in quick}
    assert names("*") == everything
    assert names("torch_dense") == {n for n in everything if n.endswith("torch_dense")}
    assert names("*::gaunt.*") == {n for n in everything if n.startswith("gaunt.")}
    kept = select(quick, "lmax3", registry, "quick")
    assert kept and kept == [c for c in quick if "lmax3" in case_id(c, registry)]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("lmax=3,setting=mimo", {"facet.lmax": 3, "facet.setting": "mimo"}),
        ("facet.lmax=3", {"facet.lmax": 3}),
        ("size.batch=1000", {"size.batch": 1000}),
        ("framework=jax, symmetry=so3", {"framework": "jax", "facet.symmetry": "so3"}),
        ("implementation=torch_dense,operation=matrix", {"implementation": "matrix.torch_dense"}),
        ("operation=mat*,mode=jit", {"operation": "matrix", "mode": "jit"}),
        ("family=points,pass=fwd,lmax=1", {"family": "points", "facet.lmax": 1}),
    ],
)
def test_values_of_columns(quick, registry, pattern, wanted):
    kept = select(quick, pattern, registry, "quick")
    columns = [describe(case, registry) for case in quick]
    expected = [
        case
        for case, mine in zip(quick, columns, strict=True)
        if all(mine.get(name) == value for name, value in wanted.items())
    ]
    assert kept == expected and 0 < len(kept) < len(quick)


def test_bars_are_alternatives_also_of_what_has_bars_itself(quick, names, registry):
    assert {n.split(".")[0] for n in names("operation=gaunt|matrix")} == {"gaunt", "matrix"}
    odd = replace(quick[0], problem=quick[0].problem.with_sizes(irreps_out="1x0e+1x2e"))
    irreps = describe(odd, registry)["facet.irreps"]
    assert "|" in irreps
    assert select([*quick, odd], f"irreps={irreps}", registry, "quick") == [odd]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nothing", "'nothing' matches no case of profile 'quick'; see: python -m bench list"),
        ("gant", "did you mean 'gaunt'?"),
        ("lmx=3", "there is no column 'lmx': did you mean 'lmax'?"),
        ("lmax=9", "no case has lmax=9: lmax is one of 0, 1, 2, 3"),
        ("operation=gant", "no case has operation=gant: did you mean 'gaunt'?"),
        ("operation=gaunt,symmetry=so3", "each of these is there, but no case has them all"),
    ],
)
def test_what_selects_nothing_offers_what_may_be_meant(names, pattern, message):
    with pytest.raises(ValueError) as refused:
        names(pattern)
    assert message in str(refused.value)
