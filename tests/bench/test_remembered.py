"""Are results remembered? Arrays with new contents take as long as those that are known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes import remembered
from impls.families.product import problem

pytestmark = pytest.mark.slow


def product(lmax=1, batch=16):
    return problem("mimo", lmax, "o3", batch=batch, dtype="float32")


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("known_contents", {"batch": 16}),
        ("last_contents", {"batch": 16}),
        ("last_contents", {"batch": 300}),
        ("known_version", {"batch": 16}),
        ("known_to_the_host", {"batch": 64, "lmax": 3}),
    ],
)
def test_results_that_are_remembered_are_seen_however_short_the_call(name, sizes, hand, trapped):
    """By contents, all of them or the last ones, or by how often an array was written to."""
    built = build(hand.case(trapped, f"clebsch_gordan.trap_{name}", product(**sizes)), trapped)
    (found,) = remembered.fresh(built)
    assert found.passed is False, found
    before = built.framework.get({**built.arguments[0], **built.arguments[1]})
    given = {**built.given[0], **built.given[1]}
    assert all(np.array_equal(a, before[key]) for key, a in given.items()), "all is as it was"


@pytest.mark.parametrize(
    "name", ["numpy_dense", "numpy_kernel", "torch_dense", "torch_e3nn", "jax_dense"]
)
@pytest.mark.parametrize("sizes", [{"batch": 1}, {"batch": 300, "lmax": 2}], ids=["one", "many"])
def test_a_call_that_computes_takes_as_long_on_new_contents(name, sizes, hand, trapped):
    """Also beside other work, which this machine may have: one of many looks is enough."""
    pass_ = "fwd" if "numpy" in name else "grad"
    built = build(hand.case(trapped, f"clebsch_gordan.{name}", product(**sizes), pass_), trapped)
    (found,) = remembered.fresh(built)
    assert found.passed, found
