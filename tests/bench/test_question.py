"""The question on a command line: the same options on every command, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import analysis.__main__ as analysis_line

NAME = "clebsch_gordan.numpy_dense"
ROOT = Path(__file__).parents[2]
KNOBBED = ROOT / "tests/plugins/cut_product.py"
PRODUCT = ("--family", "product")
SMALL = (*PRODUCT, "--setting", "mimo", "--lmax", "1", "--batch", "8")
MINE = """title = "mine"
passes = ["fwd"]
rounds = 1
sampling = {least = 1, most = 1, target = 100.0}
case_timeout = 60

[[block]]
show = "what it is there for"
family = "product"
setting = "mimo"
lmax = [1, 2]
batch = 8
operations = ["clebsch_gordan"]
"""


def test_a_family_s_options_are_listed_with_its_help(said):
    for command, line in (("list", None), ("run", None), ("check", None), ("problem", None)):
        code, out, _ = said(command, *PRODUCT, "--help")
        assert code == 0 and line is None
        assert "--irreps-in1" in out and "--channels" in out and "a list a,b,c is a sweep" in out
    code, out, _ = said("accuracy", *PRODUCT, "--help", line=analysis_line.main)
    assert code == 0 and "--irreps-in1" in out and "--dtype" in out


def test_a_list_is_a_sweep(said):
    rows = said.rows(
        "list", "--problems", *PRODUCT, "--irreps-in1", "0e+1o", "--channels", "16,64",
        "--dtype", "float32,float64",
    )  # fmt: skip
    assert [(row["channels"], row["dtype"]) for row in rows] == [
        (16, "float32"), (16, "float64"), (64, "float32"), (64, "float64"),
    ]  # fmt: skip
    rows = said.rows("list", "--problems", *PRODUCT, "--irreps-in1", "128x0e+128x1o")
    assert [row["channels"] for row in rows] == [128]


def test_only_some_operations_and_implementations(said):
    rows = said.rows("list", "--cases", *SMALL, "--operation", "gaunt", "--operation", "matrix*")
    operations = {row["implementation"].split(".")[0] for row in rows}
    assert operations == {"gaunt", "matrix", "matrix_multiblock"}
    assert not any(".numpy_" in row["implementation"] for row in rows)
    rows = said.rows("list", "--cases", *SMALL, "--implementation", NAME)
    assert {row["implementation"] for row in rows} == {NAME}
    rows = said.rows("list", "--cases", *SMALL, "--select", "framework=jax,operation=gaunt")
    assert rows and all("gaunt.jax" in row["implementation"] for row in rows)


def test_knobs_are_values_or_a_sweep(said):
    def knobs(*arguments):
        rows = said.rows(
            "problem", *SMALL, "--with", KNOBBED, "--operation", "cut_product", *arguments
        )
        return [row.get("knob.cut") for row in rows]

    assert knobs() == [None]
    assert knobs("--knob", "cut=0,1") == [0, None]
    assert knobs("--knob", "cut=sweep") == [0, None]


def test_a_profile_may_be_a_file(said, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(MINE, encoding="utf-8")
    rows = said.rows("list", "--problems", "--profile", file)
    assert [row["lmax"] for row in rows] == [1, 2]
    assert {row["show"] for row in rows} == {"what it is there for"}
    rows = said.rows("list", "--cases", *SMALL, "--profile", file)
    assert {row["pass"] for row in rows} == {"fwd"}, "measured as the file says"


REFUSED = {
    "a family": (("--family", "prodct"), "unknown family 'prodct': did you mean 'product'"),
    "an option": ((*PRODUCT, "--chanels", "3"), "unrecognized argument '--chanels': did you mean"),
    "an option without a family": (("--lmax", "3"), "options of a family go with --family NAME"),
    "a value": ((*SMALL, "--seed", "one"), "--seed: seed='one' is not an integer"),
    "a size": ((*SMALL, "--channels", "0"), "family product: size channels=0 is not a positive"),
    "nothing": (PRODUCT, "family product needs a setting and an lmax, or irreps_in1"),
    "unequal": ((*PRODUCT, "--irreps-in1", "4x0e+2x1o"), "write 0e+0e+1o with --channels 2"),
    "an operation": ((*SMALL, "--operation", "gant"), "--operation: unknown operation 'gant': did"),
    "a knob": ((*SMALL, "--knob", "rnk=3"), "--knob: unknown knob 'rnk': did you mean 'rank'"),
    "no knob": ((*SMALL, "--knob", "rank"), "--knob 'rank': write NAME=VALUES"),
    "a column": (("--profile", "quick", "--select", "lmx=3"), "did you mean 'lmax'?"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_are_one_line_with_the_remedy(said, what):
    arguments, message = REFUSED[what]
    code, out, err = said("list", "--cases", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and message in err and "Traceback" not in err


def test_a_family_with_an_option_that_the_command_has_is_refused(said, tmp_path):
    text = (ROOT / "tests/plugins/polyphase.py").read_text(encoding="utf-8")
    file = tmp_path / "clash.py"
    file.write_text(text.replace('"embed"', '"out"'), encoding="utf-8")
    code, _, err = said("run", "--with", file, "--family", "image", "--out", tmp_path)
    assert code == 2 and "has an option 'out', and so has this command" in err


def test_a_question_is_run_and_continued_from_its_plan(said, tmp_path):
    once = ("--pass", "fwd", "--rounds", "1", "--device", "cpu", "--plain", "--out", tmp_path)
    code, out, err = said("run", *SMALL, "--implementation", NAME, *once)
    assert code == 0 and "measured now: 1 " in out and "planned in " in err
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert plan["profile"] == "asked"
    (block,) = plan["asked"]["block"]
    assert (block["family"], block["lmax"], block["batch"]) == ("product", [1], [8])
    rows = (tmp_path / "rows.jsonl").read_bytes()
    for again in ((), ("--profile", str(tmp_path))):
        code, out, _ = said("run", *again, "--device", "cpu", "--plain", "--out", tmp_path)
        assert code == 0 and "nothing, all was finished" in out
    assert (tmp_path / "rows.jsonl").read_bytes() == rows
    code, out, _ = said("run", "--rounds", "2", "--device", "cpu", "--plain", "--out", tmp_path)
    assert code == 0 and "measured now: 1 " in out, "one round more of the same question"


def test_a_question_is_checked(said):
    rows = said.rows("check", NAME, *SMALL, "--dtype", "float64", "--device", "cpu", "--plain")
    assert [row["status"] for row in rows] == ["ok"] * len(rows)
    asked = {row["case"].split("::")[0] for row in rows}
    assert asked == {f"product/mimo-o3-lmax1-channels1-batch8/float{bits}" for bits in (32, 64)}


def test_a_question_is_analysed(said, tmp_path):
    def analysed(command, *arguments):
        line = (command, *arguments, "--plain", "--out", tmp_path)
        return said.rows(*line, line=analysis_line.main)

    one = ("--operation", "clebsch_gordan", "--implementation", "numpy_dense")
    (row,) = analysed("expressivity", *one, *PRODUCT, "--irreps-in1", "0e+1o+2e")
    assert (row["dim"], row["passed"]) == (19, True) and "custom-o3-lmax2" in row["problem"]
    rows = analysed("accuracy", *one, *SMALL, "--dtype", "float32")
    assert {row["dtype"] for row in rows} == {"float32"}
    (row,) = analysed(
        "expressivity", "--operation", "cut_product", "--with", KNOBBED, *SMALL, "--knob", "cut=0",
    )  # fmt: skip
    assert row.get("knob.cut") == 0


def test_questions_are_explained_without_a_run(said):
    rows = {
        row["operation"]: row
        for row in said.rows("problem", *PRODUCT, "--setting", "mimo", "--lmax", "2")
    }
    full = rows["clebsch_gordan"]
    assert full["answers"] is True and full["paths"] == 14 and full["flops"] > 0
    assert full["inputs"] == "x [1000, 1, 9]; y [1000, 1, 9]"
    assert full["outputs"] == "z [1000, 1, 58]" and "torch_dense" in full["implementations"]
    numbers = 1000 * (9 + 9 + 58)
    assert full["memory"] == full["bytes"] == 4 * numbers
    odd = rows["poisson_bracket"]
    assert odd["answers"] is False and "pseudo function" in odd["reason"]
    assert odd["implementations"] == [] and odd["flops"] is None
    assert len({tuple(row) for row in rows.values()}) == 1, "the same columns everywhere"
    code, out, _ = said("problem", *SMALL)
    assert code == 0 and "poisson_bracket" in out
    half = said.rows("problem", *SMALL, "--dtype", "bfloat16", "--operation", "gaunt",
                     "--implementation", "gaunt.*")  # fmt: skip
    assert all("numpy" not in name for row in half for name in row["implementations"])
    assert all(any("bfloat16" in why for why in row["refused"]) for row in half)
