"""The command line of the analysis, which measures through the bench: answers and refusals."""

from __future__ import annotations

import pytest

from analysis.__main__ import main
from bench.commands import posing

pytestmark = pytest.mark.slow

NAME = "clebsch_gordan.numpy_dense"


def analysed(said, tmp_path, *arguments, code=0):
    return said.rows(*arguments, "--plain", "--out", tmp_path, line=main, code=code)


ONE = ("--operation", "clebsch_gordan", "--implementation")


def test_expressivity(said, tmp_path):
    rows = analysed(said, tmp_path, "expressivity", *ONE, "numpy_dense", "--lmax", "2")
    assert [(r["lmax"], r["dim"], r["span"]) for r in rows] == [(1, 6, 6), (2, 19, 19)]
    for row in rows:
        assert (row["operation"], row["implementation"]) == ("clebsch_gordan", NAME)
        assert (row["setting"], row["symmetry"]) == ("mimo", "so3")
        assert (row["expected_dim"], row["expected_span"]) == (row["dim"], row["span"])
        assert row["gap"] > 1 and row["verdict"]
    before = (tmp_path / "expressivity" / "rows.jsonl").read_bytes()
    again = analysed(said, tmp_path, "expressivity", *ONE, NAME, "--lmax", "1")
    assert again == rows[:1]
    assert (tmp_path / "expressivity" / "rows.jsonl").read_bytes() == before


def test_interactability(said, tmp_path):
    rows = analysed(said, tmp_path, "interactability", *ONE, "numpy_dense", "--lmax", "1")
    assert {"l1", "l2", "l3", "coefficient", "interactable", "expected_interactable"} <= set(
        rows[0]
    )
    triples = {(r["l1"], r["l2"], r["l3"]): r["interactable"] for r in rows}
    assert len(triples) == 6 and all(triples.values())
    assert triples["1", "1", "1"] is True
    assert all(row["coefficient"] != 0 for row in rows)


def test_a_refused_question_is_a_row_with_its_reason(said, tmp_path):
    (row,) = analysed(
        said, tmp_path, "interactability", *ONE, "numpy_dense", "--lmax", "1",
        "--setting", "siso", "--symmetry", "o3",
    )  # fmt: skip
    assert row["status"] == "skip" and "empty output" in row["reason"]


@pytest.mark.parametrize("words", [
    ("interactability", "low_rank", "numpy_terms"), ("expressivity", "clifford", "numpy_blades"),
])  # fmt: skip
def test_what_a_question_does_not_apply_to_is_a_skip_and_no_success(said, tmp_path, words):
    command, operation, name = words
    rows = analysed(
        said, tmp_path, command, "--operation", operation, "--implementation", name, "--lmax", "1"
    )
    assert rows and {row["status"] for row in rows} == {"skip"}
    assert all("does not apply" in row["reason"] for row in rows)


@pytest.mark.parametrize("command", ["knobs", "equivariance"])
def test_all_operations_may_be_asked_what_one_of_them_is(said, tmp_path, command):
    words = ("--operation", "all", "--lmax", "1", "--dtype", "float64")
    rows = analysed(said, tmp_path, command, *words)
    assert len({row["operation"] for row in rows}) > 10


def test_a_large_degree_is_asked_when_told_to(said, tmp_path, monkeypatch):
    monkeypatch.setattr(posing, "MOST", 1)
    rows = analysed(
        said, tmp_path, "interactability", *ONE, "numpy_dense", "--lmax", "2", "--large"
    )
    assert {row["lmax"] for row in rows} == {1, 2}


def test_equivariance(said, tmp_path):
    rows = analysed(
        said, tmp_path, "equivariance", *ONE, "numpy_dense", "--lmax", "1", "--symmetry", "o3"
    )
    found = {(r["dtype"], r["kind"], r["subgroup"] or r["name"]): r for r in rows}
    for dtype, limit in (("float32", 1e-5), ("float64", 1e-12)):
        for guard in ("collapse", "determinism", "action"):
            assert found[dtype, "guard", guard]["passed"] is True
        for kind, subgroup in (
            ("elements", "rotation"), ("elements", "inversion"), ("generator", "rotation")
        ):  # fmt: skip
            row = found[dtype, kind, subgroup]
            assert row["claimed"] and row["passed"]
            assert row["mean"] <= row["p95"] <= row["max"] < limit
    assert found["float32", "elements", "rotation"]["max"] > 1e-9


def test_equivariance_near_the_poles(said, tmp_path):
    rows = analysed(
        said, tmp_path, "equivariance", "--operation", "escn", "--implementation", "torch_so2",
        "--setting", "full", "--lmax", "1", "--symmetry", "o3", "--data", "poles:16x8",
        "--dtype", "float64",
    )  # fmt: skip
    largest = {(r["kind"], r["subgroup"]): r["max"] for r in rows if r["subgroup"]}
    assert all(r["setting"] == "full" for r in rows)
    assert largest["elements", "rotation"] < 1e-13 < 1e-3 < largest["elements", "inversion"]


def test_convolution(said, tmp_path):
    rows = analysed(
        said, tmp_path, "convolution", "--operation", "escn", "--implementation", "numpy_so2",
        "--setting", "full", "--lmax", "1",
    )  # fmt: skip
    assert [(r["knob.m_max"], r["rank"], r["followed"], r["full"]) for r in rows] == [
        (0, 4, 4, 6),
        (1, 6, 6, 6),
    ]
    assert all((r["kind"], r["mixes"], r["passed"]) == ("shared", True, True) for r in rows)
    (row,) = analysed(
        said, tmp_path, "convolution", "--operation", "escn", "--implementation", "numpy_so2",
        "--setting", "mimo", "--lmax", "1",
    )  # fmt: skip
    assert row["status"] == "skip" and "setting full" in row["reason"]


def test_accuracy(said, tmp_path):
    rows = analysed(
        said, tmp_path, "accuracy", *ONE, "numpy_dense", "--lmax", "1", "--dtype", "float32"
    )
    assert [r["magnitude"] for r in rows] == [1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3]
    assert all(r["passed"] and 1e-9 < r["error"] < 1e-6 and r["worst"] for r in rows)


def test_discrimination(said, tmp_path):
    rows = analysed(said, tmp_path, "discrimination", *ONE, "numpy_dense", "--lmax", "1")
    found = {(r["pair"], r["order"]): r["distinguishes"] for r in rows}
    assert found["chiral_tetrahedron", 3] and not found["chiral_tetrahedron", 2]
    assert all(r["passed"] and r["control"] < 1e-9 for r in rows)


def test_universality(said, tmp_path):
    rows = analysed(said, tmp_path, "universality", *ONE, "numpy_dense", "--lmax", "1")
    assert [(r["irrep"], r["degree"]) for r in rows] == [(i, d) for i in "01" for d in range(1, 5)]
    assert all(r["universal"] and r["error"] < 1e-10 and r["seconds"] > 0 for r in rows)


def test_nero(said, tmp_path):
    rows = analysed(
        said, tmp_path, "nero", "--operation", "matrix", "--implementation", "torch_dense",
        "--lmax", "1", "--symmetry", "o3", "--dtype", "float64",
    )  # fmt: skip
    largest = {}
    for r in rows:
        question = r["subgroup"], r["reference"]
        largest[question] = max(r["error"], largest.get(question, 0.0))
    assert set(r["det"] for r in rows if r["subgroup"] == "inversion") == {1.0, -1.0}
    assert max(largest["rotation", "truth"], largest["rotation", "consensus"]) < 1e-13
    assert largest["inversion", "truth"] < 1e-13 and largest["inversion", "consensus"] > 0.1


def test_an_implementation_that_disagrees_is_exit_code_1(said, tmp_path, hand):
    rows = analysed(
        said, tmp_path, "expressivity", *ONE, "trap_normalisation", "--lmax", "1",
        "--with", hand.root / "tests/traps/wrong.py", code=1,
    )  # fmt: skip
    assert rows[0]["status"] == "wrong" and "error.fwd is" in rows[0]["reason"]


ANALYSIS_REFUSED = {
    "operation": (("--operation", "nonsense", "--lmax", "1"), "unknown operation 'nonsense'"),
    "implementation": ((*ONE, "nonsense", "--lmax", "1"), "unknown implementation 'clebsch_"),
    "negative lmax": (("--operation", "gaunt", "--lmax", "-1"), "--lmax must be at least 1"),
    "lmax zero": (("--operation", "gaunt", "--lmax", "0"), "--lmax must be at least 1, not 0"),
    "lmax no number": (("--operation", "gaunt", "--lmax", "x"), "--lmax must be an integer"),
    "a large lmax": (("--lmax", "100"), "up to 8 is asked without more words, --large asks"),
    "lmax of all": (("--lmax", "0"), "--lmax must be at least 1, not 0"),
    "setting": (("--operation", "gaunt", "--lmax", "1", "--setting", "all"), "invalid choice"),
    "out is a file": (
        (*ONE, "numpy_dense", "--lmax", "1", "--out", "{file}"),
        "is not a directory",
    ),
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    (
        (("--dtype", "tf32"), "--dtype tf32 is a mode of NVIDIA's tensor cores: use --device cuda"),
        (("--dtype", "float16"), "invalid choice: 'float16'"),
        (("--data", "nowhere"), "--data nowhere: unknown data 'nowhere'"),
    ),
)
def test_the_analysis_refuses_a_data_type(said, tmp_path, arguments, message):
    line = ("equivariance", *ONE, "numpy_dense", "--lmax", "1", "--out", tmp_path, *arguments)
    code, out, err = said(*line, line=main)
    assert (code, out) == (2, "") and message in err.splitlines()[-1]


@pytest.mark.parametrize("what", ANALYSIS_REFUSED)
def test_the_analysis_refuses_in_one_line(said, tmp_path, what):
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    arguments, message = ANALYSIS_REFUSED[what]
    code, out, err = said("expressivity", *(a.format(file=file) for a in arguments), line=main)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1] and "Traceback" not in err
