"""Linear maps between copies of irreps: by Schur's lemma, and in each framework."""

import numpy as np
import pytest

from impls.backends import load
from impls.families.points import problem
from impls.implementation import FRAMEWORKS, Target
from impls.layers.mixing import Mixed, Mixing
from impls.so3.irreps import Irreps
from impls.so3.rotations import random_rotations
from impls.so3.space import irreps_space

ASKED = problem("truncated", 1, dtype="float64")
SHUFFLED = Mixing("W", Irreps.parse("1o+0e+1o+2e"), Irreps.parse("0e+1o+0e+1e+1o"))


def drawn(mixing, channels=3, n=4):
    rng = np.random.default_rng(0)
    (w,) = mixing.weights(channels).values()
    return rng.standard_normal((n, channels, mixing.inside.dim)), {"W": w.sample(rng)}


def test_pairs_are_those_of_equal_irreps():
    assert SHUFFLED.pairs == ((0, 1), (1, 0), (1, 2), (2, 1), (4, 0), (4, 2))
    assert SHUFFLED.reached == {0, 1, 2, 4}
    assert SHUFFLED.numbers(3) == 6 * 9 and SHUFFLED.flops(3) == 2 * 9 * (1 + 3 + 3 + 1 + 3 + 3)
    assert Mixing("W", Irreps.parse("1o"), Irreps.parse("0e")).weights(3) == {}


def test_it_is_all_that_commutes_with_rotations():
    x, weights = drawn(SHUFFLED)
    (rotation,) = random_rotations(np.random.default_rng(1), 1)
    act_in, act_out = (irreps_space((4, 3, r.dim), r).act for r in (SHUFFLED.inside, SHUFFLED.out))
    z = SHUFFLED.oracle(x, weights)
    np.testing.assert_allclose(
        SHUFFLED.oracle(act_in(rotation, x), weights), act_out(rotation, z), atol=1e-13
    )
    part = SHUFFLED.out.slices()[3]  # nothing is 1e
    assert not z[..., part].any() and np.abs(np.delete(z, range(4, 8), 2)).max() > 0.1
    per_channel = np.ones((6, 1, 1))
    one = {"W": per_channel * np.eye(3)}  # each channel by itself: sums of the copies
    wanted = x[..., 0:3] + x[..., 4:7]
    np.testing.assert_allclose(SHUFFLED.oracle(x, one)[..., 1:4], wanted)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frameworks_agree(framework, precision):
    x, weights = drawn(SHUFFLED)
    with precision(framework, "float64"):
        b = load(framework, ASKED, Target())
        rows = b.table(x.swapaxes(1, 2))
        z = np.asarray(Mixed(SHUFFLED, b)(rows, {"W": b.table(weights["W"])}))
    np.testing.assert_allclose(z.swapaxes(1, 2), SHUFFLED.oracle(x, weights), atol=1e-13)


def test_weights_are_drawn_for_their_sums():
    """Outputs of standard normal features are of the order of one, of however many copies."""
    mixing = Mixing("W", Irreps.parse("+".join(["1o"] * 6)), Irreps.parse("1o+1o"))
    x, weights = drawn(mixing, channels=20, n=200)
    assert mixing.oracle(x, weights).std() == pytest.approx(1, abs=0.1)
