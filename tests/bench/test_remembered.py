"""Are results remembered, by which arrays they are or by what is in them?"""

from __future__ import annotations

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes import probes, remembered
from impls.families.product import problem
from tests.bench.planting import opened, planted

RNG = np.random.default_rng(0)
CG = "clebsch_gordan.numpy_dense"


def product(lmax=1, batch=16):
    return problem("mimo", lmax, "o3", batch=batch, dtype="float32")


def cached(call):
    built = opened(*planted(CG, call), product())
    (reading,) = probes()["conduct.cached"].measure(built)
    return reading


def test_noise_is_not_called_a_memory():
    reading = cached(lambda h, i, w: {"z": h(i, w)["z"] + RNG.standard_normal((16, 1, 13))})
    words = "two calls with the same contents of arrays have different answers"
    assert not reading.passed and reading.detail["problem"] == words


def test_what_is_not_finite_is_not_called_a_memory():
    """Right as drawn, not a number for other contents in arrays that it knows."""
    seen = {}

    def call(honest, inputs, weights):
        z = honest(inputs, weights)["z"]
        key = id(inputs["x"])
        known = seen.setdefault(key, (inputs["x"], inputs["x"].copy()))
        return {"z": z if np.array_equal(known[1], inputs["x"]) else z * np.nan}

    reading = cached(call)
    assert (
        not reading.passed and reading.value is None and "not finite" in reading.detail["problem"]
    )


def test_what_is_not_a_number_for_all_alike_passes():
    assert cached(lambda h, i, w: {"z": h(i, w)["z"] * np.nan}).passed


def test_a_memory_is_called_one():
    kept = {}

    def call(honest, inputs, weights):
        key = id(inputs["x"])
        kept.setdefault(key, (inputs["x"], honest(inputs, weights)))
        return kept[key][1]

    problem = "the call remembers results by the identity of its arguments"
    assert cached(call).detail["problem"] == problem


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("known_contents", {"batch": 16}),
        ("last_contents", {"batch": 16}),
        ("last_contents", {"batch": 300}),
        ("known_version", {"batch": 16}),
        ("known_to_the_host", {"batch": 300, "lmax": 3}),
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["numpy_dense", "numpy_kernel", "torch_dense", "jax_dense"])
@pytest.mark.parametrize("sizes", [{"batch": 1}, {"batch": 300, "lmax": 2}], ids=["one", "many"])
def test_a_call_that_computes_takes_as_long_on_new_contents(name, sizes, hand, trapped):
    """Also beside other work, which this machine may have: one of many looks is enough."""
    pass_ = "fwd" if "numpy" in name else "grad"
    built = build(hand.case(trapped, f"clebsch_gordan.{name}", product(**sizes), pass_), trapped)
    (found,) = remembered.fresh(built)
    assert found.passed, found
