"""`bench explain`: every word of a run has a meaning, and every case says what is known of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.commands.explain import of_case, of_word
from bench.drive.run import execute
from bench.measuring.probes import analyses, probes
from bench.record import words
from bench.record.rows import load
from bench.record.schema import STATUSES

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(ROOT.glob("reports/published/*/rows.jsonl"))
RIGHT = "clebsch_gordan.numpy_dense"


@pytest.fixture(scope="module")
def measured(hand, trapped, tmp_path_factory):
    """A run of a right case, and of a wrong one."""
    out = tmp_path_factory.mktemp("explain") / "run"
    names = RIGHT, "clebsch_gordan.trap_normalisation"
    cases = [hand.case(trapped, name) for name in names]
    execute(hand.plan(trapped, cases), trapped, out, files=[str(trap) for trap in hand.traps])
    return out


def test_every_status_has_a_meaning():
    assert list(words.statuses()) and set(words.statuses()) == set(STATUSES)
    assert all(meaning.means for meaning in words.statuses().values())


def test_every_quantity_that_was_ever_published_has_a_meaning(measured):
    found = {row["probe"] for row in load(measured)}
    for file in PUBLISHED:
        with file.open(encoding="utf-8") as stream:
            found |= {json.loads(line)["probe"] for line in stream}
    assert len(found) > 20
    assert not [name for name in sorted(found) if words.of_row(name) is None]


def test_every_word_is_explained(registry, said):
    for word in (*STATUSES, *probes(), *analyses(), *words.rows()):
        assert of_word(word, registry), word
    code, out, _ = said("explain", "error")
    assert code == 0 and "a status" in out and "error.fwd [1]" in out
    assert "makes a case `wrong`" in out
    code, out, _ = said("explain", "equiv.inversion")
    assert code == 0 and "over elements of inversion" in " ".join(out.split())


def test_a_word_that_means_nothing_has_what_may_be_meant(said):
    code, _, err = said("explain", "noisi")
    assert code == 2 and err.count("\n") == 1
    assert "did you mean 'noisy'?" in err and "--run DIR" in err


def test_the_probe_of_a_plug_in_says_it_of_itself(said):
    file = ROOT / "tests/plugins/homogeneity.py"
    code, out, _ = said("explain", "homogeneity", "--with", file)
    assert code == 0 and "an analysis" in out and "homogeneity [1]: " in out


def test_a_case_says_how_it_ended_why_and_its_rows(measured, said):
    right, wrong = sorted({row["case"] for row in load(measured)})
    code, out, _ = said("explain", right[:-2], "--run", measured)
    assert code == 0 and out.startswith(f"{right}\n\nround 0: ")
    rows = [row for row in load(measured) if row["case"] == right]
    assert {row["probe"] for row in rows} == {
        line.split()[0].rstrip(":") for line in out.partition("What these are:\n")[2].splitlines()
        if not line.startswith(" ")
    }  # fmt: skip
    code, out, _ = said("explain", wrong, "--run", measured)
    (end,) = (row for row in load(measured) if row["case"] == wrong and row["probe"] == "case")
    assert code == 0 and "round 0: wrong: error.fwd" in out
    nonce = end["detail"]["nonce"]
    assert f"bench check {end['implementation']} --profile" in out and f"--nonce {nonce}" in out


def test_a_row_names_its_case(measured):
    row = load(measured)[0]
    assert of_case(row["id"], measured) == of_case(row["case"], measured)


def test_a_name_that_several_cases_have_lists_them(measured, said):
    names = {row["case"] for row in load(measured)}
    code, _, err = said("explain", "product/", "--run", measured)
    assert code == 2 and "begins 2 cases; say one" in err and all(name in err for name in names)
    code, _, err = said("explain", "nowhere/", "--run", measured)
    assert code == 2 and err.count("\n") == 1 and "bench status" in err


def test_a_case_that_was_cut_off_is_said_to_be_unfinished(measured, tmp_path):
    lines = (measured / "rows.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["probe"] != "case"]
    (tmp_path / "rows.jsonl").write_text("".join(kept), encoding="utf-8")
    with pytest.raises(ValueError, match="is not finished"):
        of_case(load(measured)[0]["case"], tmp_path)
