"""The usual mistakes of a file: `bench check` says the cause of each in words."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.commands import check

MISTAKES = """
from impls.implementation import Built, Implementation
from impls.registry import load

ORACLE = load().operation("uvw").oracle


def implementation(name, body):
    def build(problem, target, options):
        import numpy as np

        kept = {{}}

        def call(inputs, weights):
            oracle = ORACLE(problem, inputs, weights)
            honest = {{n: a.astype(problem.dtype) for n, a in oracle.items()}}
            names = {{"np": np, "inputs": inputs, "weights": weights, "problem": problem}}
            names |= {{"z": honest["z"], "honest": honest, "kept": kept, "oracle": ORACLE}}
            return eval(body, names)

        return call if body == "" else Built(call)

    return Implementation("uvw", name, "numpy", build)


{declared}
"""
BODIES = {
    "right": ("honest", ": right in"),
    "wrong_shape": ("{'z': z.swapaxes(1, 2)}", "its axes are transposed"),
    "missing_output": ("{'out': z}", "the output 'z' is called 'out'"),
    "normalisation": ("{'z': 1.2 * z}", "every entry is 1.2 times the oracle"),
    "order": ("{'z': np.roll(z, 1, -1)}", "are right but in another order"),
    "no_symmetry": ("{'z': z + 1e-2 * np.cos(z)}", "it is not equivariant under rotation"),
    "one_path": ("{'z': z * (1 + (np.arange(z.shape[-1]) < 1) * (z[..., :1] > 0))}",
                 "it is equivariant all the same"),
    "weights_unused": ("oracle(problem, inputs, {'w': np.ones_like(weights['w'])})",
                       "the output does not depend on w"),
    "in_place": ("inputs['x'].__imul__(2) is None or honest", "the call overwrites its input x"),
    "keeps": ("kept.setdefault('z', honest)", "the result of an earlier call that was kept"),
    "keeps_by_identity": ("kept.setdefault((id(inputs['x']), id(weights['w'])), honest)",
                          "remembers results by the identity"),
    "a_tuple": ("(z,)", "the answer is a tuple, not a dict: return {'z': ...}"),
    "an_array": ("z", "the answer is a ndarray, not a dict: return {'z': ...}"),
    "a_typo": ("{'z': inputs['X']}", "did you mean 'x'?"),
    "another_data_type": ("{'z': z.astype(np.float32)}", "the digits of float32 only"),
    "build_returns_call": ("", "`build` returns a function, not a Built"),
}  # fmt: skip


@pytest.fixture(scope="module")
def usual(tmp_path_factory, hand):
    """What `bench check` says of a file with an implementation for each mistake."""
    file = tmp_path_factory.mktemp("usual") / "mine.py"
    declared = "\n".join(
        f"{name.upper()} = implementation({name!r}, {body!r})" for name, (body, _) in BODIES.items()
    )
    file.write_text(MISTAKES.format(declared=declared), encoding="utf-8")
    words = (
        "--plain --family weighted --setting mimo --lmax 1 --channels 2 --batch 8 --dtype float64"
    )
    command = [sys.executable, "-m", "bench", "check", str(file), *words.split()]
    done = subprocess.run(command, cwd=hand.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    parts = re.split(r"^uvw\.(\w+)", done.stdout, flags=re.MULTILINE)[1:]
    return {n: " ".join(text.split()) for n, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("what", BODIES)
def test_a_usual_mistake_has_its_cause_in_words(what, usual):
    assert BODIES[what][1] in usual[what]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("import numpy\nimport torch.nn", "torch"),
        ("from jax import numpy as jnp", "jax"),
        ("import jax, torch", "jax and torch"),
        ("def build():\n    import torch", ""),
        ("import numpy", ""),
    ],
)
def test_a_framework_that_is_imported_above_is_noted(text, named, tmp_path):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    note = check._early(str(tmp_path / "mine.py"))
    assert f" imports {named} when" in note if named else note == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from impls.operation import Operation\nMINE = Operation(name='mine', family='product')",
         "`python -m bench new operation NAME` writes one"),
        ("from impls.implementation import Implementation\nMINE = Implementation('uvw', 'mine')",
         "`python -m bench new implementation NAME` writes one"),
        ("from dataclasses import replace\nfrom impls.families.points import FAMILY as OF\n"
         "FAMILY = replace(OF)", "family 'points' is declared twice"),
        ("from impls.implementation import Implementation\n"
         "MINE = Implementation('clebsch-gordan', 'mine', 'numpy', None)",
         "did you mean 'clebsch_gordan'?"),
    ],
)  # fmt: skip
def test_a_declaration_that_is_none_is_told_what_to_do(text, words, said, tmp_path):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    code, _, err = said("check", tmp_path / "mine.py", "--plain")
    assert code == 2 and err.count("\n") == 1 and words in err
