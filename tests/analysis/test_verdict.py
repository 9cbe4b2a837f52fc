import math

import numpy as np
import pytest

from analysis import verdict as verdict_module
from analysis.simulation import MODELS, SLOWER, WANDERING, bimodal, lognormal, pooled, rates
from analysis.statistics import paired_ratio
from analysis.verdict import LONG, LOOKS, WANDERS, Verdict, in_turn, verdict, verdicts

TRIALS = 250
BOUND = 0.01 + 3 * math.sqrt(0.01 / TRIALS)  # 1 %, and the error of measuring it


def drawn(model, rounds, samples, trials=TRIALS, seed=0):
    return np.exp(model(np.random.default_rng(seed), (trials, rounds, samples)))


def test_verdict_of_an_interval():
    assert verdict(0.5, 0.97) == "slower" and verdict(1.03, 9.0) == "faster"
    assert verdict(1 / 1.02, 1.02) == "same" and verdict(0.99, 1.01) == "same"
    for lo, hi in ((0.9, 0.99), (1.0, 1.03), (0.9, 1.1), (math.nan, math.nan), (0.99, math.inf)):
        assert verdict(lo, hi) == "can't tell"
    assert verdict(1.03, 1.04, margin=0.05) == "same"
    mirrored = {"faster": "slower", "slower": "faster", "same": "same", "can't tell": "can't tell"}
    for lo, hi in ((0.5, 0.97), (0.95, 0.99), (0.99, 1.015), (1.01, 1.2), (1.1, 1.2)):
        assert verdict(1 / hi, 1 / lo) == mirrored[verdict(lo, hi)]
    with pytest.raises(ValueError, match="margin"):
        verdict(0.9, 1.0, margin=0.0)
    with pytest.raises(ValueError, match="order"):
        verdict(1.1, 1.0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("rounds", "samples"), [(1, 31), (3, 11), (4, 31), (5, 11)])
def test_equal_pairs_are_not_called_different(name, rounds, samples):
    a, b = drawn(MODELS[name], rounds, samples, seed=rounds)
    found = rates(a, b)
    assert found["faster"] + found["slower"] <= BOUND
    assert abs(found["faster"] - found["slower"]) <= BOUND


def wild(rng, shape):
    """Processes differ by 10 %: no margin hides an interval that is too narrow."""
    return 0.1 * rng.standard_normal((2, *shape[:-1], 1)) + lognormal(0.01)(rng, shape)


def test_an_interval_that_forgets_the_process_fails_the_same_check():
    a, b = drawn(wild, 5, 31)
    found = rates(a, b)
    assert found["faster"] + found["slower"] <= BOUND
    naive = [verdict(*pooled(list(x), 0.99)[1:]) for x in b / a]
    assert naive.count("faster") > 0.1 * len(naive) < naive.count("slower")


@pytest.mark.parametrize(
    ("name", "rounds", "samples"),
    [
        ("lognormal 1 %", 5, 11),
        ("lognormal 5 %", 5, 31),
        ("lognormal 5 %", 7, 11),
        ("drifting, shared", 5, 11),
        ("autocorrelated 0.9", 5, 31),
        ("bimodal processes, 5 % apart", 10, 31),
    ],
)
def test_a_slow_down_of_ten_percent_is_found(name, rounds, samples):
    a, b = drawn(MODELS[name], rounds, samples, seed=rounds)
    found = rates(SLOWER * a, b)["slower"]
    assert found >= 0.95 - 0.015
    assert rates(b[:100], SLOWER * a[:100])["faster"] == rates(SLOWER * a[:100], b[:100])["slower"]


def test_equal_times_are_found_to_be_the_same():
    a, b = drawn(MODELS["lognormal 1 %"], 5, 31)
    assert rates(a, b)["same"] > 0.95
    assert rates(1.02 * a, b)["same"] < BOUND  # the margin itself is not inside
    assert rates(SLOWER * a, b)["same"] == 0.0


def test_few_rounds_must_exceed_the_allowance():
    a, b = np.exp(lognormal(0.005)(np.random.default_rng(0), (4, 31)))
    for rounds, found in ((1, "can't tell"), (3, "can't tell"), (4, "slower")):
        (result,) = verdicts([(1.05 * a[:rounds], b[:rounds])])
        assert result.kind == found
    for rounds in (1, 2, 3):
        assert verdicts([(a[:rounds], b[:rounds])])[0].kind == "can't tell"
        assert verdicts([(a[:rounds], 2 * b[:rounds])])[0].kind == "faster"
    assert verdicts([(a, b)])[0].kind == "same"
    # without it, a pair of processes in different modes is a difference
    a, b = drawn(bimodal, 1, 31)
    bare = [verdicts([pair], allowance=0.0)[0].kind for pair in zip(a, b, strict=True)]
    assert bare.count("slower") > 0.15 * TRIALS and rates(a, b)["slower"] <= BOUND


@pytest.mark.parametrize("rounds", [1, 4, 6])
def test_a_table_of_one_says_what_its_interval_says(rounds):
    rng = np.random.default_rng(rounds)
    kinds = set()
    for _ in range(300):
        a, b = np.exp(0.02 * rng.standard_normal((2, rounds, 31)))
        a *= np.exp(rng.uniform(-0.08, 0.08))
        (found,) = verdicts([(a, b)], allowance=0.0, level=0.95)
        assert found.kind == verdict(found.lo, found.hi)
        speed = paired_ratio(b, a, level=1 - 0.05 / LOOKS)
        assert (found.speed, found.lo, found.hi) == pytest.approx(tuple(speed))
        kinds.add(found.kind)
    assert kinds == {"faster", "slower", "same", "can't tell"}


@pytest.mark.parametrize("scatter", [0.02, 0.05, 0.1])
def test_looking_after_every_round_makes_no_false_claims(scatter):
    """Rounds are added where it can't be told, so a pair is judged again and again."""
    rng = np.random.default_rng(1)
    d = scatter * rng.standard_normal((600, 12))
    looks = [
        [bool({v.kind} & {"faster", "slower"}) for v in map(_alone, np.exp(d[:, :rounds]))]
        for rounds in range(2, 13)
    ]
    ever = np.any(looks, axis=0)
    assert np.mean(ever) <= 0.01 + 3 * math.sqrt(0.01 / len(ever))


def _alone(ratios):
    return verdicts([([[r] for r in ratios], [[1.0]] * len(ratios))])[0]


@pytest.mark.parametrize(("rounds", "samples"), [(1, 5), (1, 11), (1, 31), (2, 7), (3, 7), (5, 11)])
def test_what_is_printed_is_what_decides(rounds, samples):
    """No verdict contradicts the interval beside it, in a table of any size."""
    rng = np.random.default_rng(samples)
    shifts = np.exp(rng.uniform(-0.6, 0.6, 40))
    a = np.exp(0.02 * rng.standard_normal((40, rounds, samples))) * shifts[:, None, None]
    b = np.exp(0.02 * rng.standard_normal((40, rounds, samples)))
    table = verdicts(list(zip(a, b, strict=True)))
    for found in table:
        assert found.kind == verdict(found.lo, found.hi, found.margin)
        assert found.lo <= found.speed <= found.hi
        assert ("not replicated" in str(found)) == (
            rounds < 4 and found.kind in ("faster", "slower")
        )
    (large,) = verdicts([([[1.0, 1.01, 0.99, 1.0, 1.02]], [[22.0, 22.3, 21.8, 22.1, 22.0]])])
    assert str(large).startswith("22× faster here (≥ ")


@pytest.mark.parametrize("factor", [31.0, 1 / 31.0])
def test_a_large_speed_that_drifts_is_told_of_one_round(factor):
    """Its samples are worth one, and each of them is far from 1: the range says so."""
    trend = np.exp(np.linspace(0.0, 0.1, LONG))
    (found,) = verdicts([([factor * trend], [np.ones(LONG)])])
    assert found.kind == ("slower" if factor > 1 else "faster")
    assert "here" in str(found) and "not replicated" in str(found)
    wide = math.log(1.05) + (1 + 2 * WANDERS) * 0.1 / 2  # of either end from the middle
    assert math.log(found.hi / found.speed) == pytest.approx(wide)
    assert math.log(found.speed / found.lo) == pytest.approx(wide)
    (fewer,) = verdicts([([factor * trend[1:]], [np.ones(LONG - 1)])])
    assert fewer.kind == "can't tell" and fewer.hi == math.inf
    (near,) = verdicts([([1.3 * trend], [np.ones(LONG)])])
    assert near.kind == "can't tell" and near.lo < 1 < near.hi < math.inf


def test_what_is_worth_few_samples_is_told_in_a_table_of_many_too():
    """Samples as a run had them, worth two: Student's interval at that level bounds nothing."""
    slow = 1e-6 * np.array([727, 690, 694, 702, 685, 696, 697, 690, 696, 689, 699])
    fast = 1e-6 * np.array(
        [20.01, 19.94, 19.1, 20.44, 21.31, 22.88, 22.05, 22.18, 19.93, 19.61, 20]
    )
    (found,) = verdicts([([fast], [slow])], among=30)
    assert str(found).startswith("35× faster here (≥ ") and found.lo > 15
    (bare,) = verdicts([([fast], [slow])], among=30, wanders=math.inf)
    assert bare.kind == "can't tell"


@pytest.mark.parametrize("name", WANDERING)
def test_what_wanders_in_one_round_is_told_where_it_is_far(name, monkeypatch):
    """The range finds a factor of 10, and calls hardly more equal pairs different than without."""
    a, b = drawn(WANDERING[name], 1, 21, trials=500)
    false, found = (rates(f * a, b) for f in (1, 10))
    monkeypatch.setattr(verdict_module, "LONG", 22)
    bare, missed = (rates(f * a, b) for f in (1, 10))
    assert _different(false) <= _different(bare) + 0.02
    assert found["slower"] > missed["slower"] + 0.15 and found["faster"] == 0.0


def _different(found):
    return found["faster"] + found["slower"]


def test_what_would_have_been_seen_is_what_a_shift_needs():
    a, b = np.exp(0.03 * np.random.default_rng(3).standard_normal((2, 5, 11)))
    (found,) = verdicts([(a, b)])
    assert found.kind == "can't tell"
    for factor, kind in ((1.001, "faster"), (0.999, "can't tell")):
        wanted = (1 + found.seen) * factor
        (again,) = verdicts([(a, b * wanted / found.speed)])
        assert again.speed == pytest.approx(wanted) and again.kind == kind
    nothing = Verdict("can't tell", 1.0, 0.0, math.inf, 2, 0.02)
    assert nothing.seen == math.inf and str(nothing) == "can't tell"


def test_samples_are_paired_in_the_rounds_that_both_have():
    a = {0: [1.0, 2.0, 3.0], 2: [5.0]}
    assert in_turn(a, {0: [1.5, 2.5], 1: [9.0], 2: [7.0, 8.0]}) == (
        [[1.0, 2.0], [5.0]],
        [[1.5, 2.5], [7.0]],
    )
    assert in_turn(a, {1: [1.0]}) is None and in_turn(a, {}) is None
    assert in_turn(a, {0: [1.0, 0.0], 2: [1.0]}) is None


def test_a_table_makes_no_more_false_claims_than_one_comparison():
    # all ratios are at the margin: calling one slower, or the same, is wrong
    a, b = drawn(lognormal(0.01), 5, 11, trials=12 * 100)
    pairs = [(x * 1.02, y) for x, y in zip(a, b, strict=True)]
    tables = [pairs[i : i + 12] for i in range(0, len(pairs), 12)]
    false = [any(v.kind != "can't tell" for v in verdicts(table, level=0.95)) for table in tables]
    alone = [
        any(verdicts([pair], level=0.95)[0].kind != "can't tell" for pair in table)
        for table in tables
    ]
    assert np.mean(false) <= 0.05 + 3 * math.sqrt(0.05 / 100)
    assert np.mean(alone) > 0.15  # without correction the same check fails


def test_a_table_finds_what_is_there():
    a, b = drawn(lognormal(0.01), 7, 31, trials=20)
    shift = np.ones((20, 1, 1))
    shift[:3], shift[3:5] = 1.3, 1 / 1.3
    found = verdicts(list(zip(a * shift, b, strict=True)))
    assert [v.kind for v in found[:5]] == ["slower"] * 3 + ["faster"] * 2
    assert {v.kind for v in found[5:]} <= {"same", "can't tell"}
    assert verdicts([]) == []


def test_rounds_without_scatter():
    def pair(ratio):
        return ([[ratio, ratio]] * 4, [[1.0, 1.0]] * 4)

    found = verdicts([pair(1.01), pair(2.0), pair(0.5)])
    assert [v.kind for v in found] == ["same", "slower", "faster"]
    assert all(v.lo == v.speed == v.hi and v.rounds == 4 for v in found)


def test_bad_arguments_are_refused():
    pair = ([[1.0]], [[1.0]])
    for wrong, match in (({"margin": 0}, "margin"), ({"level": 99}, "level")):
        with pytest.raises(ValueError, match=match):
            verdicts([pair], **wrong)
    with pytest.raises(ValueError, match="allowance"):
        verdicts([pair], allowance=-0.1)
    with pytest.raises(ValueError, match="pairs"):
        verdicts([([[1.0]], [[1.0, 2.0]])])


def test_what_was_chosen_counts_all_it_was_chosen_from():
    """The best of many that do not differ is not called faster than the worst of them."""
    rng = np.random.default_rng(5)
    n, false, alone = 40, 0, 0
    for _ in range(60):
        times = np.exp(0.06 * rng.standard_normal((n, 5, 1)))
        order = np.argsort(np.log(times).mean(axis=(1, 2)))
        pair = [(times[order[0]], times[order[-1]])]
        false += verdicts(pair, level=0.9, among=n * (n - 1) // 2)[0].kind == "faster"
        alone += verdicts(pair, level=0.9)[0].kind == "faster"
    assert false <= 0.1 * 60 < alone
