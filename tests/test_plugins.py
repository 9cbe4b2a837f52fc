"""The nouns hold: a user's files go through check, run and report, with nothing else touched."""

import ast
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import analysis.__main__ as analysis_line
import bench.__main__ as bench_line
import reports.__main__ as reports_line
from analysis.equivariance import errors
from bench.ask.reading import load as load_profile
from bench.commands import check
from bench.drive.run import Events
from bench.measuring.built_case import build
from bench.measuring.probes import CHECK, RUN, probes
from bench.record.case import Case
from bench.record.merging import merge
from bench.record.rows import FINISHED, load
from impls.implementation import MODES, Target
from impls.registry import load as load_registry
from impls.streams import Streams

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "tests/plugins"
PRODUCT, LAYER = PLUGINS / "my_product.py", PLUGINS / "polyphase.py"
ALGORITHMS = PLUGINS / "my_algorithm.py", PLUGINS / "scaled.py"
SEQUENCE, SORTER = PLUGINS / "sequence.py", PLUGINS / "sorter.py"
ORIENTATIONS, NEIGHBOURS = PLUGINS / "orientations.py", PLUGINS / "neighbours.py"
SMALL = (SEQUENCE, SORTER, ORIENTATIONS, NEIGHBOURS)
CHECKED = (PRODUCT, LAYER, *SMALL)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the directory of two runs, merged: of both files."""
    out = tmp_path_factory.mktemp("run")
    questions = ("--family", "image", "--size", "32"), ("--select", "*mimo-o3-lmax1-*my_einsum*")
    for number, question in enumerate(questions):
        words = ("run", "--profile", "quick", "--with", PRODUCT, "--with", LAYER, *question)
        words += ("--device", "cpu", "--plain", "--out", out / str(number))
        assert bench_line.main([*map(str, words)]) == 0
    merge([out / "0", out / "1"], out / "both")
    return out / "both"


@pytest.fixture(scope="module")
def checked():
    """Return what a check says of each file: of all at once, those of a framework in one worker."""
    shared = replace(load_profile("check"), shared=True)
    registry = load_registry(CHECKED)
    named = {file: check.named("", registry, str(file)) for file in CHECKED}
    meant, files = list(itertools.chain(*named.values())), list(map(str, CHECKED))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(check, "load_profile", lambda name: shared)
        rows = check.check(meant, registry, Target(), files, Events(), shared)
    return {
        file: [row for row in rows if any(f"::{i.full_name}/" in row["case"] for i in mine)]
        for file, mine in named.items()
    }


@pytest.mark.parametrize("file", [PRODUCT, *ALGORITHMS, LAYER, *SMALL], ids=lambda file: file.stem)
def test_a_file_needs_only_impls(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported <= {"__future__", "collections", "dataclasses", "typing", "numpy", "impls"}


@pytest.mark.parametrize(
    ("file", "family", "implementations"),
    [(PRODUCT, "product", 1), (LAYER, "image", 2)],
    ids=["product", "layer"],
)
def test_a_file_is_checked(checked, file, family, implementations):
    """Each example in every pass, and in lower precision in those that make sense there."""
    each = implementations * len(load_registry([file]).family(family).examples)
    found = checked[file]
    assert {result["status"] for result in found} == {"ok"}
    parts = [result["case"].split("::") for result in found]
    asked = Counter((where.split("/")[-1], what.split("/")[1]) for where, what in parts)
    assert asked == dict.fromkeys(
        [("float64", "fwd"), ("float64", "grad"), ("float64", "grad2"),
         ("float32", "fwd"), ("float32", "grad"), ("bfloat16", "fwd")], each
    )  # fmt: skip
    double = [result for result in found if "/float64::" in result["case"]]
    assert all(r["error.grad"] < 1e-10 for r in double if "/grad/" in r["case"])
    assert all(r["error.grad2"] < 1e-5 for r in double if "/grad2/" in r["case"])


def test_a_run_measures_the_files(measured):
    rows = load(measured)
    final = {r["implementation"]: r["status"] for r in rows if r["probe"] == FINISHED}
    assert set(final) == {
        "clebsch_gordan.my_einsum",
        "my_patch_embedding.torch_gather",
        "my_patch_embedding.jax_roll",
    }
    assert set(final.values()) <= {"ok", "noisy"}
    timed = {r["implementation"] for r in rows if r["probe"] == "time.host" and r["value"] > 0}
    assert timed == set(final)


def test_only_claimed_symmetry_gates(measured):
    rows = [r for r in load(measured) if r["operation"] == "my_patch_embedding"]
    circular = [r for r in rows if r["probe"] == "equiv.circular_shift"]
    zero_fill = [r for r in rows if r["probe"] == "equiv.zero_fill_shift"]
    assert len(circular) == len(zero_fill) == 2
    assert all(r["claimed"] and r["value"] < 1e-5 for r in circular)
    assert all(not r["claimed"] and r["value"] > 0.1 for r in zero_fill)


def test_what_it_can_express_is_measured(measured):
    rows = load(measured)
    (dimension,) = [r for r in rows if r["probe"] == "expressivity.dim"]
    assert dimension["implementation"] == "clebsch_gordan.my_einsum"
    assert dimension["status"] == "ok"
    assert dimension["value"] == dimension["expected"] == 5


def test_the_report_shows_the_files(measured, tmp_path):
    words = ("build", measured, "--out", tmp_path, "--with", PRODUCT, "--with", LAYER)
    assert reports_line.main([*map(str, words)]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("my_einsum", "my_patch_embedding", "torch_gather", "jax_roll"):
        assert name in page
    assert "patch embedding of the image rolled to its strongest polyphase component" in page
    assert "Chaman" in page


def test_plain_patches_are_not_equivariant():
    """`align` forgives the choice of tokens, and no more: without anchoring the error is large."""
    registry = load_registry([LAYER])
    operation, family = registry.operation("my_patch_embedding"), registry.family("image")
    (asked,) = [problem for problem in family.examples if problem.sizes["patch"] == 4]
    rng = np.random.default_rng(0)
    image = dict(family.draw(asked, Streams(0)))
    weights = {name: space.sample(rng) for name, space in operation.weights(asked).items()}

    def anchored(arrays):
        return operation.oracle(asked, arrays, weights)

    def plain(arrays):
        patches = arrays["image"].reshape(3, 2, 3, 4, 3, 4)
        return {"tokens": np.einsum("bchuwv,ecuv->bhwe", patches, weights["kernel"])}

    def worst(call):
        group = family.group(asked).subgroups["circular_shift"]
        elements = group.sample(np.random.default_rng(1), 8)
        spaces = family.inputs(asked), operation.outputs(asked)
        align = lambda g, a, b: operation.align(asked, g, a, b)  # noqa: E731
        return errors(call, *spaces, image, elements, align).per_element

    assert worst(anchored).max() < 1e-12
    assert worst(plain).max() > 0.5


def test_a_problem_of_the_new_family_is_refused_by_name():
    family = load_registry([LAYER]).family("image")
    asked, _ = family.examples
    assert "cannot be cut into patches" in str(family.check(asked.with_sizes(patch=5)))
    assert "must be positive" in str(family.check(asked.with_sizes(batch=0)))


# ---- one small file for each noun that a later system needs --------------------------------------


def result_of(results, name, pass_="fwd"):
    """Return the result of an implementation and a pass in double precision."""
    (found,) = (r for r in results if f"/float64::{name}/{pass_}/" in r["case"])
    return found


@pytest.mark.parametrize("file", SMALL, ids=lambda file: file.stem)
def test_a_small_file_is_right(checked, file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 150
    assert all(result["passed"] for result in checked[file])
    right = [result for result in checked[file] if result["status"] == "ok"]
    assert len(right) >= 2 and any("/float32::" in result["case"] for result in right)


class Planted:
    """A copy of a file in which some text is another, and what its gate says, as in a worker."""

    def __init__(self, folder):
        self.file = folder / "planted.py"

    def write(self, file, *faults):
        text = file.read_text(encoding="utf-8")
        for old, new in faults:
            assert text.count(old) == 1, (text.count(old), old)
            text = text.replace(old, new)
        self.file.write_text(text, encoding="utf-8")

    def failure(self, name):
        """Return the probe that failed, and why: its reading's problem or value."""
        for reading in readings(self.file, name):
            if reading.passed is False:
                return reading.probe, reading.detail.get("problem", reading.value)
        return None


def readings(file, name):
    registry = load_registry([file])
    family = registry.family(registry.operation(name.split(".")[0]).family)
    mode = MODES[registry.implementation(name).framework][0]
    built = build(Case(family.examples[0], name, "fwd", mode, Target()), registry)
    return (reading for probe in CHECK for reading in probes()[probe].measure(built))


@pytest.fixture
def planted(tmp_path):
    return Planted(tmp_path)


def test_mask_entries_without_a_partner_are_not_compared(checked, planted):
    for name in ("causal_convolution.numpy_sliced", "causal_scan.torch_stepped"):
        assert result_of(checked[SEQUENCE], name)["equiv.delay"] < 1e-15
    graded = result_of(checked[SEQUENCE], "causal_scan.torch_stepped", "grad")
    assert graded["error.grad"] < 1e-10 and "equiv.delay" not in graded
    planted.write(SEQUENCE, ("g + s.taps - 1)[:, None]", "g + s.taps - 2)[:, None]"))
    probe, value = planted.failure("causal_convolution.numpy_sliced")
    assert probe == "equiv.delay" and value > 0.01
    planted.write(SEQUENCE, ("mask=_mask, ", ""))
    probe, value = planted.failure("causal_convolution.numpy_sliced")
    assert probe == "equiv.delay" and value > 0.1


def test_mask_that_leaves_nothing_is_an_error_by_name(planted):
    planted.write(SEQUENCE, ('"steps": 12', '"steps": 4'))
    with pytest.raises(ValueError, match=r"the mask leaves no entry of \['y'\] to compare; draw"):
        planted.failure("causal_convolution.numpy_sliced")


def test_agrees_with_another_operation(checked, planted):
    stream = result_of(checked[SEQUENCE], "causal_scan.torch_stepped")
    assert stream["agrees.causal_convolution"] < 1e-15
    offline = result_of(checked[SEQUENCE], "causal_convolution.torch_sliced")
    assert not any("agrees" in probe for probe in offline)
    # oracle and implementation run through the kernel backwards: right, but not the same map
    oracle = ("reversed(state), strict=True", "state, strict=True")
    planted.write(SEQUENCE, oracle, ("w[s.taps - 1 - k] *", "w[k] *"))
    probe, why = planted.failure("causal_scan.numpy_stepped")
    assert probe == "agrees.causal_convolution"
    assert re.fullmatch(r"its oracle and that of causal_convolution differ by \d.*", why)


def test_refused_pass_is_skipped_with_its_reason(checked, planted, capsys):
    assert result_of(checked[SORTER], "sort.torch_sort", "grad")["status"] == "ok"
    skipped = result_of(checked[SORTER], "sort.torch_sort", "grad2")
    assert (skipped["status"], skipped["passed"]) == ("skip", True)
    assert skipped["reason"].startswith("sort refuses grad2: between ties the gradient of a sorter")
    assert bench_line.main(["list", "--operations", "--with", str(SORTER), "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    refuses = {row["operation"]: row["refuses"] for row in listed}
    assert refuses["sort"] == ["grad2: between ties the gradient of a sorter is constant"]
    assert refuses["clebsch_gordan"] == []
    planted.write(SORTER, ('"grad2": "', '"hessian": "'))
    with pytest.raises(ValueError, match=r"'sort' refuses the unknown pass 'hessian': known are "):
        load_registry([planted.file])


BY_KNOB = 'SymmetryClaim("rotation", "by_knob", "orientations")'
LEARNED = 'SymmetryClaim("quarter_turn", "learned")'


def test_a_claim_by_knob_is_judged_by_its_sweep(checked, planted):
    found = result_of(checked[ORIENTATIONS], "orientations.jax_matrix")
    assert found["by_knob.rotation"] < 0.1 * found["equiv.rotation"]
    assert found["equiv.quarter_turn"] < 1e-14
    graded = result_of(checked[ORIENTATIONS], "orientations.jax_matrix", "grad")
    assert "by_knob.rotation" not in graded
    planted.write(ORIENTATIONS, (BY_KNOB, 'SymmetryClaim("rotation")'))
    probe, value = planted.failure("orientations.numpy_matrix")
    assert probe == "equiv.rotation" and value > 1e-3, "it is not exact"


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([("(4, 8, 16)", "(16, 8, 4)")], r"the error grows from .* at 16 to .* at 8"),
        (
            [("2 * np.pi\n", "np.pi / 2\n"), ('*exact("quarter_turn")', LEARNED)],
            r"the error at 16, .*, is more than half of that at 4, .*",
        ),
    ],
    ids=["the wrong way", "never"],
)
def test_a_claim_by_knob_that_does_not_decay_is_caught(planted, faults, said):
    planted.write(ORIENTATIONS, *faults)
    probe, why = planted.failure("orientations.numpy_matrix")
    assert probe == "by_knob.rotation" and re.fullmatch(said, why), why


def test_a_sweep_needs_two_values_that_are_not_refused(planted):
    planted.write(ORIENTATIONS, ("(4, 8, 16)", "(4, 6, 7)"))
    assert planted.failure("orientations.numpy_matrix") is None
    (found,) = (
        reading
        for reading in readings(planted.file, "orientations.numpy_matrix")
        if reading.probe == "by_knob.rotation"
    )
    assert found.detail["unavailable"].startswith("orientations has 1 values here")
    assert found.detail["refused"] == {
        "6": "orientations=6 (use a multiple of 4)", "7": "orientations=7 (use a multiple of 4)",
    }  # fmt: skip


def test_a_claim_by_knob_gates_no_time_and_is_shown_on_request(tmp_path, capsys):
    line = ["knobs", "--operation", "orientations", "--implementation", "numpy_matrix"]
    line += ["--with", str(ORIENTATIONS), "--plain", "--out", str(tmp_path)]
    assert analysis_line.main([*line, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    for dtype in ("float32", "float64"):
        error = {r["value"]: r["error"] for r in rows if r["dtype"] == dtype}
        assert error[4] > 5 * error[8] > 25 * error[16] > 0
    assert {row["passed"] for row in rows} == {True}
    assert "by_knob" not in RUN and "by_knob" in CHECK


def test_a_part_of_a_graph_is_judged(checked, planted):
    found = result_of(checked[NEIGHBOURS], "neighbour_sum.torch_gathered", "grad")
    assert found["error.fwd"] < 1e-14 and found["error.grad"] < 1e-14
    registry = load_registry([NEIGHBOURS])
    (asked,) = registry.family("graph").examples
    case = Case(asked, "neighbour_sum.numpy_gathered", "fwd", "eager", Target())
    judged = build(case, registry).judged()
    assert len(judged.part.judged["nodes"]) == 64
    assert 64 < judged.problem.sizes["nodes"] < asked.sizes["nodes"]
    assert judged.problem.sizes["edges"] < asked.sizes["edges"] / 2
    lost = ('np.isin(inputs["dst"], judged))', 'np.isin(inputs["dst"], judged))[1:]')
    planted.write(NEIGHBOURS, lost)
    assert planted.failure("neighbour_sum.numpy_gathered")[0] == "error.fwd"
