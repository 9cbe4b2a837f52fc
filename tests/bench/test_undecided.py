"""More rounds of what can't be told: which cases, how often, and when no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.drive import run
from bench.drive.run import Events, execute
from bench.drive.undecided import undecided
from bench.record.rows import FINISHED, load

BASELINE, DENSE, SPARSE = (f"clebsch_gordan.torch_{name}" for name in ("e3nn", "dense", "sparse"))


@pytest.fixture
def block(hand, registry):
    return hand.plan(registry, [hand.case(registry, n) for n in (BASELINE, DENSE, SPARSE)]).planned


def rows(block, times, rounds=5, clock="time.host", scatter=0.002, status="ok"):
    """Return rows as a run writes them: time and end of each case in each round."""
    rng = np.random.default_rng(0)
    found = []
    for planned, time in zip(block, times, strict=True):
        for number in range(rounds):
            at = {"key": planned.key, "round": number, "status": status}
            samples = list(time * np.exp(scatter * rng.standard_normal(9)))
            baseline = planned.case.implementation == BASELINE
            found += [
                {**at, "probe": clock, "samples": samples, "detail": {}},
                {**at, "probe": FINISHED, "samples": [], "detail": {"baseline": baseline}},
            ]
    return found


def names(planned):
    return [each.case.implementation for each in planned]


def test_what_cannot_be_told_is_measured_again_with_the_baseline(block):
    assert names(undecided(block, rows(block, (1e-3, 1.021e-3, 2e-3)))) == [BASELINE, DENSE]
    assert undecided(block, rows(block, (1e-3, 1e-3, 2e-3))) == []
    wide = rows(block, (1e-3, 1e-3, 2e-3), scatter=0.2)
    assert names(undecided(block, wide)) == [BASELINE, DENSE]


def test_without_a_baseline_or_with_nothing_beside_it_there_is_nothing_to_tell(block):
    close = rows(block, (1e-3, 1.021e-3, 1.021e-3))
    assert undecided(block[1:], close) == [] and undecided(block[:1], close) == []
    assert undecided(block, []) == []


def test_a_baseline_in_several_modes_is_its_fastest(block):
    """As on the page: what is near the slower mode alone is told."""
    graph = replace(block[0], key="graph", case=replace(block[0].case, mode="cudagraph"))
    modes = [block[0], graph, block[1]]
    near_the_slower = rows(modes, (1.5e-3, 1e-3, 1.53e-3))
    assert undecided(modes, near_the_slower) == []
    near_the_faster = rows(modes, (1.5e-3, 1e-3, 1.021e-3))
    assert undecided(modes, near_the_faster) == [graph, block[1]]


def test_what_failed_in_a_round_is_left_out(block):
    found = rows(block, (1e-3, 1.021e-3, 1.021e-3))
    lost = next(r for r in found if r["key"] == block[1].key and r["probe"] == FINISHED)
    lost["status"] = "timeout"
    assert names(undecided(block, found)) == [BASELINE, SPARSE]


def test_the_devices_clock_judges_where_all_have_it(block):
    host = rows(block, (1e-3, 1.021e-3, 1.021e-3))
    device = rows(block, (1e-4, 2e-4, 2e-4), clock="time.kernels")
    assert undecided(block, host + device) == []
    assert names(undecided(block, host + [r for r in device if r["key"] != block[2].key])) == [
        BASELINE, DENSE, SPARSE,
    ]  # fmt: skip


def test_rounds_go_on_where_it_cannot_be_told_and_no_further(hand, registry, tmp_path, monkeypatch):
    """Told after two more rounds of the four that are allowed; the other block after none."""
    named = "clebsch_gordan.numpy_dense"
    cases = [hand.case(registry, named, hand.problem(symmetry)) for symmetry in ("o3", "so3")]
    meant = hand.plan(registry, cases, most_rounds=5)
    asked: list[int] = []

    def told_late(block, rows):
        rounds = {row["round"] for row in rows if row["key"] == block[0].key}
        asked.append(len(rounds))
        return list(block) if block[0].case == cases[0] and len(rounds) < 3 else []

    monkeypatch.setattr(run, "undecided", told_late)
    more: list[int] = []
    execute(meant, registry, tmp_path, events=Events(more=more.append))
    ended = [(r["facet.symmetry"], r["round"]) for r in load(tmp_path) if r["probe"] == FINISHED]
    assert sorted(ended) == [("o3", 0), ("o3", 1), ("o3", 2), ("so3", 0)]
    assert more == [1, 1] and asked == [1, 1, 2, 1, 3, 1]
    before = (tmp_path / "rows.jsonl").read_bytes()
    more.clear()  # resumed: all that can be told is told
    execute(meant, registry, tmp_path, events=Events(more=more.append))
    assert (tmp_path / "rows.jsonl").read_bytes() == before
    monkeypatch.setattr(run, "undecided", lambda block, rows: list(block))
    execute(meant, registry, tmp_path, budget=0.0)
    assert (tmp_path / "rows.jsonl").read_bytes() == before, "no more rounds without a budget"
    execute(meant, registry, tmp_path, events=Events(more=more.append))
    execute(meant, registry, tmp_path, events=Events(more=more.append))
    assert more == [1, 1, 2, 2], "what is measured already is not announced again"
    rounds = [r["round"] for r in load(tmp_path) if r["probe"] == FINISHED]
    assert sorted(rounds) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], "up to its most, and no more"


def test_the_most_rounds_of_a_tier(registry):
    from bench.ask.narrowing import narrowed
    from bench.ask.reading import read

    data = {
        "passes": ["fwd"], "rounds": 3, "most_rounds": 6, "case_timeout": 9,
        "sampling": {"least": 5, "most": 9},
        "tier": [
            {"name": "a"},
            {"name": "b", "rounds": 1},
            {"name": "c", "rounds": 2, "most_rounds": 4},
        ],
    }  # fmt: skip
    profile = read(data, "here", "mine")
    assert [profile.most_rounds_of(tier) for tier in profile.tiers] == [6, 1, 4]
    fixed = narrowed(profile, registry, rounds=7)
    assert [fixed.most_rounds_of(tier) for tier in fixed.tiers] == [7, 1, 4]
    wider = narrowed(profile, registry, rounds=7, most_rounds=9)
    assert [wider.most_rounds_of(tier) for tier in wider.tiers] == [9, 1, 4]
    with pytest.raises(ValueError, match="--most-rounds: rounds must be at least 1, not 0"):
        narrowed(profile, registry, most_rounds=0)
    with pytest.raises(ValueError, match="here: rounds must be at least 1, not 0"):
        read({**data, "most_rounds": 0}, "here", "mine")
