"""Two variants in turn: what is planted is found, what is missing said, revisions compared."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from contextlib import contextmanager

import numpy as np
import pytest

from bench.__main__ import main
from bench.ask.reading import load as load_profile
from bench.commands import compare
from bench.drive import instrument, paired
from bench.drive.paired import Design, Pair, Variant, measured
from bench.drive.requests import sampled
from impls.implementation import Target

pytestmark = pytest.mark.slow

NAME = "clebsch_gordan.numpy_dense"
SLOWER = """

import dataclasses
import time

def slow(problem, b, options):
    made = dense(problem, b, options)

    def call(inputs, weights):
        time.sleep(2e-3)
        return made.call(inputs, weights)

    return dataclasses.replace(made, call=call)


ALGORITHM = dataclasses.replace(ALGORITHM, build=slow)
"""


@pytest.fixture(scope="module")
def pairs(hand, registry, tmp_path_factory):
    """One measured of an honest case and one that is not there on either variant."""
    cases = [hand.case(registry, NAME), hand.case(registry, NAME, hand.problem("so3"))]
    design = Design(tmp_path_factory.mktemp("pair"), rounds=2, samples=4)
    told = []
    pairs = measured(
        cases,
        (Variant("a"), Variant("b", slower=9.0)),
        registry,
        design,
        told=lambda case, number: told.append((case, number)),
    )
    return pairs, told


def test_each_round_has_samples_of_both_sides(pairs):
    pairs, told = pairs
    for pair in pairs:
        assert pair.reason == ""
        assert [[len(part) for part in variant] for variant in pair.groups] == [[4, 4], [4, 4]]
    assert sorted(number for _, number in told) == [0, 0, 1, 1]


def test_a_planted_slow_down_is_there(pairs):
    for pair in pairs[0]:
        a, b = (np.median(np.concatenate(variant)) for variant in pair.groups)
        assert 3.0 < b / a < 40.0  # 10, on a machine that may be busy


def test_more_processors_than_threads_are_no_pair(hand, registry, tmp_path, monkeypatch):
    """What a run gives no time for, a comparison does not either."""

    def busier(worker):
        samples, clock = sampled(worker)
        return samples, {**clock, "processors": 1.9}

    monkeypatch.setattr(paired, "sampled", busier)
    design = Design(tmp_path, rounds=1, samples=2)
    sides = Variant("old"), Variant("new")
    (pair,) = measured([hand.case(registry, NAME)], sides, registry, design)
    assert pair.reason == "wrong: old: used 1.9 processors with 1 thread(s) declared"


def test_what_fails_on_one_side_has_a_reason_and_no_verdict(hand, trapped, tmp_path):
    names = ("trap_raises", "trap_normalisation", "numpy_dense")
    cases = [hand.case(trapped, f"clebsch_gordan.{name}") for name in names]
    design = Design(tmp_path, rounds=1, samples=2)
    pairs = measured(
        cases, (Variant("old"), Variant("new")), trapped, design, [str(f) for f in hand.traps]
    )
    reasons = [pair.reason for pair in pairs]
    assert reasons[0].startswith("error: old: ArithmeticError: the moon is full (faults.py:")
    assert reasons[1] == "wrong: old: the result does not agree with the oracle"
    assert reasons[2] == ""
    rows = compare.table(pairs, 0.02, 0.99)
    assert [row["verdict"] for row in rows[:2]] == ["none", "none"]
    assert rows[0]["speed"] is None and rows[2]["speed"] > 0


def synthetic(ratio, rounds=7, seed=0):
    rng = np.random.default_rng(seed)
    a = [list(1e-3 * np.exp(0.01 * rng.standard_normal(11))) for _ in range(rounds)]
    b = [list(ratio * 1e-3 * np.exp(0.01 * rng.standard_normal(11))) for _ in range(rounds)]
    return Pair(None, f"case{ratio}", (a, b))


def test_the_table_judges_the_second_side():
    rows = compare.table([synthetic(r, seed=i) for i, r in enumerate((1.0, 1.1, 0.9))], 0.02, 0.99)
    assert [row["verdict"] for row in rows] == ["same", "slower", "faster"]
    for row, ratio in zip(rows, (1.0, 1.1, 0.9), strict=True):
        assert row["speed"] == pytest.approx(1 / ratio, rel=0.02)
        assert row["lo"] < row["speed"] < row["hi"] and 0.02 < row["seen"] < 0.06
        assert row["b"] / row["a"] == pytest.approx(ratio, rel=0.02)


def test_what_could_have_been_missed_is_said():
    """Of two rounds hardly anything can be told; the least difference that would have been is."""
    rows = compare.table([synthetic(1.0, rounds=2), synthetic(1.05, rounds=7)], 0.02, 0.99)
    unknown = [row for row in rows if row["verdict"] == "can't tell"]
    seen = max(row["seen"] for row in unknown)
    assert f"a difference above {seen:.0%} would have been seen" in compare._missed(rows)
    assert compare._missed([row for row in rows if row not in unknown]) == "every pair is told"
    nothing = [{**unknown[0], "seen": None}]
    assert "any difference may have been missed" in compare._missed(nothing)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with two revisions of `impls`, in the place of this checkout."""
    root = tmp_path / "repository"
    (root / "impls").mkdir(parents=True)

    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(
            ["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True
        )

    git("init", "-q")
    for text in ("first", "second"):
        (root / "impls" / "thing.py").write_text(f"TEXT = {text!r}\n", encoding="utf-8")
        git("add", "impls")
        git("commit", "-q", "-m", text)
    (root / "impls" / "thing.py").write_text("TEXT = 'working'\n", encoding="utf-8")
    monkeypatch.setattr(compare, "ROOT", root)
    return root


def test_a_revision_is_checked_out_beside_the_working_tree(repository, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (
        compare.checkout("HEAD~1", scratch) as old,
        compare.checkout("HEAD", scratch) as new,
        compare.checkout(compare.HERE, scratch) as here,
    ):
        read = [(variant / "impls/thing.py").read_text(encoding="utf-8") for variant in (old, new)]
        assert read == ["TEXT = 'first'\n", "TEXT = 'second'\n"] and here is None
    assert (repository / "impls/thing.py").read_text(encoding="utf-8") == "TEXT = 'working'\n"


def test_an_unknown_revision_is_named(repository, tmp_path):
    with (
        pytest.raises(ValueError, match=r"unknown revision 'nowhere': .*nowhere"),
        compare.checkout("nowhere", tmp_path),
    ):
        pass


def test_a_tree_that_is_no_checkout_cannot_be_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "ROOT", tmp_path)
    with (
        pytest.raises(ValueError, match="only a git checkout can be compared"),
        compare.checkout("HEAD", tmp_path),
    ):
        pass


@pytest.mark.alone
def test_the_other_side_runs_the_other_code(hand, registry, tmp_path, monkeypatch, capsys):
    """The other revision is this tree with a product that takes two milliseconds more."""
    root = tmp_path / "slow"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(
            hand.root / "impls", "impls", filter=lambda i: None if "__pycache__" in i.name else i
        )
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(root, filter="data")
    file = root / "impls/products/clebsch_gordan/dense.py"
    with file.open("a", encoding="utf-8") as stream:
        stream.write(SLOWER)

    @contextmanager
    def checkout(revision, scratch):
        yield root if revision == "slow" else None

    monkeypatch.setattr(compare, "checkout", checkout)
    command = ["compare", ".", "slow", "--profile", "check", "--rounds", "4"]
    command += ["--select", "*mimo-o3-lmax2-*clebsch_gordan.numpy_dense*", "--samples", "3"]
    command += ["--device", "cpu", "--plain", "--format", "json"]
    code = main(command)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["reason"] == "" and row["b"] - row["a"] > 1.5e-3
    assert (code, row["verdict"]) == (3, "slower")


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "HEAD", "--rounds", "0"),
        ("compare", "HEAD", "--margin", "0"),
        ("compare", "HEAD", "--select", "nothing-like-it"),
        ("calibrate", "--pairs", "0"),
        ("calibrate", "--samples", "0"),
    ],
)
def test_bad_numbers_are_named(arguments, capsys):
    assert main(list(arguments)) == 2
    assert "error: " in capsys.readouterr().err


def test_pairs_are_small_cases_of_many_kinds(registry):
    chosen = instrument.pairs(registry, Target(), 300)
    kinds = {name for block in load_profile("calibrate").blocks for name in block.implementations}
    assert len(chosen) == 300 and {case.implementation for case in chosen} == kinds
    assert len(kinds) > 5
    assert instrument.pairs(registry, Target(), 20) == chosen[:20]
    assert instrument.pairs(registry, Target(), 20, "1") != chosen[:20]


@pytest.mark.alone
def test_a_calibration_is_written_printed_and_found_again(registry, tmp_path, capsys, monkeypatch):
    pairs, asked = instrument.pairs, []

    def one(registry, target, count, seed="0"):
        asked.append((count, seed))
        chosen = pairs(registry, target, 300, seed)
        return [c for c in chosen if c.implementation == "clebsch_gordan.torch_dense"][:1]

    monkeypatch.setattr(instrument, "pairs", one)
    command = ["calibrate", "--pairs", "10", "--rounds", "1", "--samples", "2", "--plain"]
    command += ["--device", "cpu", "--out", str(tmp_path), "--format", "json"]
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) for row in rows] == [{"question", "answer", "note"}] * len(rows)
    (file,) = tmp_path.glob("*.json")
    machine = file.name.split("-cpu-")[0]
    known = instrument.found(tmp_path, machine, "cpu")
    assert known is not None and known["peaks"]["copy"] > 1e8
    assert known["same"]["pairs"] == 1 and known["planted"]["failed"] == 0
    assert known["clock"]["seconds_of_nothing"] < 2e-6
    assert asked[-2:] == [(10, "0"), (2, "0")] and known["runs"] == 1
    again = file.with_name(file.name.replace("-cpu-2", "-cpu-3"))  # a later one, alike
    again.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    assert len(instrument.every(tmp_path, machine, "cpu")) == 2
    pooled = instrument.found(tmp_path, machine, "cpu")
    assert pooled["runs"] == 2 and pooled["same"]["pairs"] == 2
    assert pooled["planted"]["share"] == instrument.PLANTED
    other = json.loads(file.read_text(encoding="utf-8")) | {"design": {"rounds": 9}}
    again.write_text(json.dumps(other), encoding="utf-8")
    assert instrument.found(tmp_path, machine, "cpu")["runs"] == 1
    assert instrument.found(tmp_path, machine, "cuda") is None
