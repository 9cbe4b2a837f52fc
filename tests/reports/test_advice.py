"""Advice: the nearest that was measured answers, and says how far away it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from impls.families import points, product
from impls.registry import load
from reports.__main__ import main
from reports.data import sets
from reports.data.advice import advise, channels_of, grid, question_of
from reports.data.expressivity import collect
from reports.data.ledger import PUBLISHED, sources
from reports.data.run import read
from reports.sections.advise import SECTION
from reports.story import Story
from tests.reports.conftest import Writer

ROOT = Path(__file__).resolve().parents[2]
SIZES = {
    "size.irreps_in1": "1x0e+1x1o", "size.irreps_in2": "1x0e+1x1o",
    "size.irreps_out": "1x0e+1x1o+1x2e", "size.channels": 1, "size.batch": 1000,
}  # fmt: skip
BOTH = {"rotation": (1e-7, True), "inversion": (1e-7, True)}
TURNS = {"rotation": (1e-7, True), "inversion": (0.9, False)}


class Sized(Writer):
    """Writes cases with the sizes of their problem, as the engine does."""

    def plan(self, key, columns):
        columns.update(SIZES)
        super().plan(key, columns)


@pytest.fixture
def run(tmp_path):
    writer = Sized(tmp_path / "run")
    shared = {"rounds": 5, "full": 5}
    writer.case("clebsch_gordan.torch_e3nn", time=4e-4, groups=BOTH, dim=(5, 5), **shared)
    writer.case("clebsch_gordan.torch_dense", time=2e-4, groups=BOTH, **shared)
    writer.case("gaunt.torch_grid", time=1e-4, groups=BOTH, dim=(4, 4), **shared)
    writer.case("fused_matrix.torch_dense", time=9e-4, groups=BOTH, dim=(4, 4), **shared)
    writer.case("matrix.torch_dense", time=5e-5, groups=TURNS, dim=(4, 4), **shared)
    return writer.directory


def spots(directory):
    (source,) = sources([directory])
    can = collect(source.results, sets.read().ignore)
    return grid(source.run, source.blocks, can, load())


def asked(needs=(), pass_="fwd", batch=1000, **options):
    problem = product.ask(**{"irreps_in1": "0e+1o", "irreps_out": "0e+1o+2e", **options})
    return question_of(problem, batch, pass_, needs)


def test_what_gives_up_nothing_answers_and_the_rest_says_what_it_gives_up(run):
    found = advise(asked(), spots(run))
    assert found.answer.label == "clebsch_gordan.torch_dense" and not found.differs
    assert found.sure == "measured at this shape"
    assert [c.label for c in found.cheaper] == ["gaunt.torch_grid"]
    assert found.cheaper[0].speeds["clebsch_gordan"] == "2.0× faster (≥ 2.0×)"
    assert [(c.label, why) for c, why in found.excluded] == [
        ("matrix.torch_dense", "breaks inversion")
    ]


def test_a_need_excludes_who_does_not_serve_it(run):
    found = advise(asked(["cross-product"]), spots(run))
    assert found.answer.label == "clebsch_gordan.torch_dense" and not found.cheaper
    assert any("cross product" in why for c, why in found.excluded if c.operation == "gaunt")
    with pytest.raises(ValueError, match="unknown need 'speed'"):
        asked(["speed"])
    with pytest.raises(ValueError, match="no parity to keep"):
        asked(["parity"], irreps_in1="0+1", irreps_out="0+1+2")


def test_the_distance_is_said_and_no_time_is_scaled(run):
    near = advise(asked(batch=2000), spots(run))
    assert near.distance == 1 and near.differs == ("batch 1\u202f000 measured, 2\u202f000 asked",)
    assert near.sure.startswith("near, not at this shape (1")
    far = advise(asked(channels=128, batch=None, pass_="grad"), spots(run))
    assert far.distance == 7 and far.sure.startswith("far")
    assert any(text.startswith("pass fwd measured, grad asked") for text in far.differs)
    assert far.answer.seconds == near.answer.seconds
    other = advise(asked(irreps_in1="0e+1e", irreps_out="0e+1o+2e"), spots(run))
    assert 0 < other.distance < 1.5


def test_irreps_without_parity_are_never_answered_by_those_with(run):
    assert advise(asked(irreps_in1="0+1", irreps_out="0+1+2"), spots(run)) is None
    assert advise(question_of(points.ask(irreps_node="0e+1o"), None, "fwd", ()), spots(run)) is None


def test_copies_are_channels_and_unequal_ones_have_a_remedy():
    channels, irreps = channels_of("128x0e+128x1o", "--irreps-node")
    assert channels == 128 and str(irreps) == "1x0e+1x1o"
    with pytest.raises(ValueError, match=r"64 and 128 copies.*ask with 64 and with 128"):
        channels_of("128x0e+64x1o", "--irreps-node")


@pytest.mark.parametrize("style", ["table", "md", "json"])
def test_the_command_says_all_of_it(run, capsys, style):
    command = ["advise", "--irreps-in1", "2x0e+2x1o", "--irreps-out", "0e+1o+2e", "--from"]
    assert main([*command, str(run), "--batch", "1000", "--format", style]) == 0
    said = capsys.readouterr().out
    for text in (
        "clebsch_gordan.torch_dense", "gaunt.torch_grid", "breaks inversion", "not scaled",
        "python -m bench run --family product --irreps-in1 0e+1o", "--channels 2",
    ):  # fmt: skip
        assert text.replace("_", "\\_") in said if style == "md" else text in said, text
    if style == "json":
        (one,) = json.loads(said)
        assert one["distance"] == 1 and one["not_known"]


def test_each_machine_answers_for_itself(run, tmp_path, capsys):
    other = Sized(tmp_path / "other")
    other.machine = other.store.facts("machines", {"cpu": "Another", "cores": 2, "gpus": []})
    other.case("gaunt.torch_grid", time=1e-9, groups=BOTH)
    command = ["advise", "--irreps-in1", "0e+1o", "--irreps-out", "0e+1o+2e", "--from"]
    assert main([*command, str(run), "--from", str(tmp_path / "other"), "--format", "json"]) == 0
    found = {one["machine"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["A Processor, CPU"]["answer"] == "clebsch_gordan.torch_dense"
    assert found["Another, CPU"]["answer"] is None


def test_nothing_of_its_kind_is_said_with_the_command(run, capsys):
    assert main(["advise", "--irreps-node", "0e+1o", "--from", str(run)]) == 0
    said = capsys.readouterr().out
    assert "nothing is guessed" in said and "bench run --family points" in said
    assert main(["advise", "--from", str(run)]) == 2
    assert "say --irreps-node" in capsys.readouterr().err
    assert main(["advise", "--irreps-node", "3x0e", "--channels", "4"]) == 2


def test_measuring_asks_bench_and_answers_by_it(run, tmp_path, monkeypatch, capsys):
    def measured(command, **_):
        assert command[1:4] == ["-m", "bench", "run"] and "--budget" in command
        out = Path(command[command.index("--out") + 1])
        shutil.copytree(run, out)
        return type("Ended", (), {"returncode": 0})()

    monkeypatch.setattr("reports.commands.advise.OUT", tmp_path / "out")
    monkeypatch.setattr("reports.commands.advise.subprocess.run", measured)
    other = Sized(tmp_path / "other")
    other.case("gaunt.torch_grid", groups=BOTH)
    command = ["advise", "--irreps-in1", "0e+1o", "--irreps-out", "0e+1o+2e", "--from"]
    assert main([*command, str(tmp_path / "other"), "--measure", "9"]) == 0
    assert "clebsch_gordan.torch_dense" in capsys.readouterr().out
    assert main([*command, str(run), "--measure", "-1"]) == 2


QUESTIONS = (
    {}, {"needs": ["cross-product"]}, {"needs": ["every-path"]}, {"channels": 64, "batch": 5},
    {"irreps_in1": "0e+1o+2e"}, {"irreps_in1": "0e+1o+2e+3o", "batch": 100_000},
    {"pass_": "grad", "irreps_out": "0e"}, {"irreps_in1": "0+1", "irreps_out": "0+1+2"},
)  # fmt: skip


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_form_of_a_page_answers_as_the_command_does(run):
    """The script of the form, on the grid that a page has, and the command: the same advice."""
    for directory in (run, PUBLISHED / "h200"):
        told = SECTION.tell(Story(read(directory), load(), sets.read()))
        data = told["data"]
        mine, theirs = [], []
        for options in QUESTIONS:
            question = asked(**options)
            found = advise(question, spots(directory))
            theirs.append(
                found
                and [
                    found.answer and found.answer.label, [c.label for c in found.cheaper],
                    [[c.label, why] for c, why in found.excluded], round(found.distance, 9),
                    len(found.differs), found.spot.anchor,
                ]
            )  # fmt: skip
            mine.append(
                {
                    "family": "product", "irreps": ["+".join(str(ir) for _, ir in irreps)
                    for irreps in question.irreps], "channels": question.channels,
                    "count": question.count, "pass": question.pass_, "needs": question.needs,
                }
            )  # fmt: skip
        source = (ROOT / "reports/scripts/advise.js").read_text(encoding="utf-8")
        script = f"""{source}
        const grid = {data};
        const told = {json.dumps(mine)}.map((q) => {{
          const asked = {{ ...q, irreps: q.irreps.map((text) => irrepsOf(text).irreps) }};
          const a = advised(asked, grid);
          return a && [a.answer && a.answer.label, a.cheaper.map((c) => c.label),
            a.excluded.map(([c, why]) => [c.label, why]), Number(a.distance.toFixed(9)),
            a.differs.length, a.spot.anchor];
        }});
        console.log(JSON.stringify(told));"""
        ran = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
        assert json.loads(ran.stdout) == theirs


def test_a_page_has_the_form_where_rows_say_their_irreps(page, small):
    assert 'id="advise-app"' in page and "without the form" in page
    assert not spots(small)
