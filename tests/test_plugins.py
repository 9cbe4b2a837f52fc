"""The nouns hold: a user's files go through check, run and report, with nothing else touched."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis.equivariance import errors
from bench.rows import FINISHED, load
from impls.registry import load as load_registry
from impls.streams import Streams

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "tests/plugins"
PRODUCT, LAYER = PLUGINS / "my_product.py", PLUGINS / "polyphase.py"


def command(module: str, *arguments: object) -> str:
    result = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the directory of a run of both files."""
    out = tmp_path_factory.mktemp("run")
    questions = ("--family", "image", "--size", "32"), ("--select", "*mimo-o3-lmax1-*my_einsum*")
    for question in questions:
        command(
            "bench", "run", "--profile", "quick", "--with", PRODUCT, "--with", LAYER,
            *question, "--device", "cpu", "--plain", "--out", out,
        )  # fmt: skip
    return out


@pytest.mark.parametrize("file", [PRODUCT, LAYER], ids=lambda file: file.stem)
def test_a_file_needs_only_impls(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported <= {"__future__", "collections", "typing", "numpy", "impls"}


@pytest.mark.parametrize(
    ("file", "family", "implementations"),
    [(PRODUCT, "product", 1), (LAYER, "image", 2)],
    ids=["product", "layer"],
)
def test_a_file_is_checked(file, family, implementations):
    cases = 2 * implementations * len(load_registry([file]).family(family).examples)
    found = json.loads(command("bench", "check", file, "--format", "json", "--plain"))
    assert len(found) == cases + cases // 2
    assert {result["status"] for result in found} == {"ok"}
    graded = [result for result in found if "/grad/" in result["case"]]
    assert len(graded) == cases // 2
    twice = [result for result in found if "/grad2/" in result["case"]]
    assert len(twice) == cases // 2 and all(r["error.grad2"] < 1e-5 for r in twice)
    assert all(result["error.grad"] < 1e-10 for result in graded)


def test_a_run_measures_the_files(measured):
    rows = load(measured)
    final = {r["implementation"]: r["status"] for r in rows if r["probe"] == FINISHED}
    assert set(final) == {
        "clebsch_gordan.my_einsum",
        "polyphase_patch_embedding.torch_gather",
        "polyphase_patch_embedding.jax_roll",
    }
    assert set(final.values()) <= {"ok", "noisy"}
    timed = {r["implementation"] for r in rows if r["probe"] == "time.host" and r["value"] > 0}
    assert timed == set(final)


def test_only_claimed_symmetry_gates(measured):
    rows = [r for r in load(measured) if r["operation"] == "polyphase_patch_embedding"]
    circular = [r for r in rows if r["probe"] == "equiv.circular_shift"]
    zero_fill = [r for r in rows if r["probe"] == "equiv.zero_fill_shift"]
    assert len(circular) == len(zero_fill) == 2
    assert all(r["detail"]["claimed"] and r["value"] < 1e-5 for r in circular)
    assert all(not r["detail"]["claimed"] and r["value"] > 0.1 for r in zero_fill)


def test_what_it_can_express_is_measured(measured):
    rows = load(measured)
    (dimension,) = [r for r in rows if r["probe"] == "expressivity.dim"]
    assert dimension["implementation"] == "clebsch_gordan.my_einsum"
    assert dimension["status"] == "ok"
    assert dimension["value"] == dimension["detail"]["expected"] == 5


def test_the_report_shows_the_files(measured, tmp_path):
    command("reports", "build", measured, "--out", tmp_path, "--with", PRODUCT, "--with", LAYER)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("my_einsum", "polyphase_patch_embedding", "torch_gather", "jax_roll"):
        assert name in page
    assert "patch embedding of the image rolled to its strongest polyphase component" in page
    assert "Chaman" in page


def test_plain_patches_are_not_equivariant():
    """`align` forgives the choice of tokens, and no more: without anchoring the error is large."""
    registry = load_registry([LAYER])
    operation, family = registry.operation("polyphase_patch_embedding"), registry.family("image")
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
