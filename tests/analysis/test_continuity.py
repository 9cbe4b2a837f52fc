"""How far a map moves: known by construction, and of implementations next to where they decide."""

import numpy as np
import pytest

from analysis.continuity import moves
from bench.measuring.built_case import build
from bench.measuring.probes.continuity import continuity
from bench.record.case import Case
from impls.families import cloud, product
from impls.implementation import Target
from impls.registry import load

STEPS = (1e-3, 1e-6, 1e-9)
X = {"x": np.random.default_rng(0).standard_normal(40), "fixed": np.ones(3)}


def moved(call):
    return moves(call, X, ["x"], STEPS, np.random.default_rng(1))


def test_a_linear_map_moves_as_its_input_and_another_by_its_slope():
    assert list(moved(lambda a: {"y": 3 * a["x"]}).values()) == pytest.approx(STEPS)
    cubed = moved(lambda a: {"y": a["x"] ** 3})
    assert 1 < cubed[1e-9] / 1e-9 < 6


def test_a_jump_stays():
    def rounded(a):
        return {"y": np.sign(a["x"] - X["x"]) + 2.0}

    assert all(value > 0.1 for value in moved(rounded).values())


def test_what_has_no_size_or_no_input_is_refused():
    with pytest.raises(ValueError, match="zero"):
        moved(lambda a: {"y": 0 * a["x"]})
    with pytest.raises(ValueError, match="name one"):
        moves(lambda a: a, X, [], STEPS, np.random.default_rng(1))


def readings(implementation, problem):
    case = Case(problem, implementation, "fwd", "eager", Target())
    return {r.detail["step"]: r.value for r in continuity(build(case, load()))}


def test_a_product_is_smooth_and_frames_jump_where_two_axes_are_as_good():
    asked = product.problem("mimo", 1, batch=8, dtype="float64")
    smooth = readings("clebsch_gordan.numpy_dense", asked)
    assert set(smooth) == set(STEPS) and all(v < 10 * t for t, v in smooth.items())
    single = readings("clebsch_gordan.numpy_dense", product.problem("mimo", 1, batch=8))
    assert set(single) == {1e-3}, "steps below rounding are not asked"
    for data, least, most in (("separated", 1e-10, 1e-8), ("gap:0", 1e-3, 1.0)):
        question = cloud.ask(8, channels=2, batch=16, data=data, dtype="float64")
        found = readings("frame_averaging.numpy_whole", question)
        assert least < found[1e-9] < most
