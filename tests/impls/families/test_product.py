"""Family product: how features move, and what the paper profile asks at high degree."""

import numpy as np
import pytest

from impls.families.product import FAMILY, ask, irreps_space, problem
from impls.groups import orthogonal, rotations
from impls.products.clebsch_gordan.operation import OPERATION
from impls.so3.irreps import Irreps
from impls.so3.rotations import representation
from impls.streams import Streams


@pytest.mark.parametrize("irreps", ["2x0e+1x1o+3x2e+1x1o+1x0o", "2+1+1+0", ""])
def test_action_is_the_representation(irreps):
    """Block by block, for labels that occur several times."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 2, Irreps.parse(irreps).dim))
    for g in [*orthogonal().sample(rng, 3), -np.eye(3)]:
        found = irreps_space(a.shape, irreps).act(g, a)
        np.testing.assert_allclose(found, a @ representation(irreps, g).T, atol=1e-14)


def test_many_paths_move_without_a_matrix_of_all():
    """14641 numbers, as Clebsch-Gordan at degree 10 puts out: their matrix would have 1.6 GiB."""
    space = OPERATION.outputs(problem("mimo", 10, "so3", batch=2))["z"]
    assert space.shape == (2, 1, 11**4)
    rng = np.random.default_rng(1)
    a = rng.standard_normal(space.shape)
    moved = space.act(rotations().sample(rng, 1)[0], a)
    np.testing.assert_allclose(np.linalg.norm(moved), np.linalg.norm(a), rtol=1e-12)
    assert np.abs(moved - a).max() > 1


def test_mimo_asks_for_all_degrees():
    assert problem("mimo", 2).sizes["irreps_out"] == "1x0e+1x1o+1x2e+1x3o+1x4e"


def test_asked_by_irreps_is_the_question_of_the_setting():
    by_setting = ask("mimo", 2, "o3", channels=4, batch=10)
    assert by_setting == problem("mimo", 2, "o3", channels=4, batch=10)
    assert (
        ask(irreps_in1="0e+1o+2e", irreps_out="0e+1o+2e+3o+4e", channels=4, batch=10) == by_setting
    )
    assert FAMILY.facets(ask("truncated", 2))["setting"] == "truncated"


def test_output_irreps_are_all_that_the_inputs_give_unless_named():
    assert ask(irreps_in1="0e+1o").sizes["irreps_out"] == "1x0e+1x1o+1x1e+1x2e"
    assert ask(irreps_in1="1", irreps_in2="2").sizes["irreps_out"] == "1x1+1x2+1x3"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs a setting"),
        ({"setting": "mimo"}, "needs a setting"),
        ({"setting": "mimo", "lmax": 2, "irreps_in1": "0e"}, "leave one of them out"),
        ({"irreps_in2": "0e", "setting": "mimo", "lmax": 1}, "name irreps_in1 too"),
    ],
)
def test_a_question_that_is_not_one_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ask(**options)


def test_data_for_vectors_needs_vectors():
    asked = ask(irreps_in1="0e+2e", data="parallel")
    assert "has no vector" in str(FAMILY.check(asked))
    near = ask(irreps_in1="0e+1o", batch=8, data="parallel", dtype="float64")
    x, y = FAMILY.draw(near, Streams(0)).values()
    cross = np.linalg.norm(np.cross(x[..., 1:], y[..., 1:]), axis=-1).ravel()
    assert FAMILY.check(near) is None and np.all(np.diff(np.log10(cross)) < 0.5)
    assert cross[0] > 1e-3 and cross[-1] < 1e-6
    gone = FAMILY.draw(ask(irreps_in1="0e+1o", batch=4, data="zeros"), Streams(0))
    assert not gone["x"][::2, :, 1:].any() and gone["x"][1::2, :, 1:].all()


def test_nothing_is_left_without_words():
    facets = {name for asked in FAMILY.examples for name in FAMILY.facets(asked)}
    assert facets <= set(FAMILY.labels) and all(FAMILY.labels.values())
