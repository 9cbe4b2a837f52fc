"""Family vectors: directions, lengths, facets, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.vectors import FAMILY, ask
from impls.streams import Streams


def drawn(**options):
    return FAMILY.draw(ask(2, batch=500, **options), Streams(0))["v"]


@pytest.mark.parametrize("data", FAMILY.data)
def test_every_vector_has_a_direction(data):
    lengths = np.linalg.norm(drawn(data=data), axis=1)
    assert lengths.min() >= 1 - 1e-12 and lengths.max() <= 1.5 + 1e-12


def test_isotropic_vectors_point_everywhere_and_polar_ones_to_the_poles():
    v = drawn()
    directions = v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(directions.T @ directions / len(v), np.eye(3) / 3, atol=0.05)
    v = drawn(data="poles")
    angle = np.arctan2(np.hypot(v[:, 0], v[:, 2]), v[:, 1])
    assert (angle == 0).any() and (angle == np.pi).any()
    assert ((angle > 0) & (angle < 2e-8)).any() and (angle > np.pi - 2e-8).any()


def test_facets_say_what_is_asked_and_no_more():
    assert FAMILY.facets(ask(2, batch=5)) == {"symmetry": "o3", "lmax": 2, "batch": 5}
    assert FAMILY.facets(ask(irreps_out="2+0", data="poles", batch=5)) == {
        "symmetry": "so3",
        "lmax": 2,
        "irreps": "2+0",
        "data": "poles",
        "batch": 5,
    }
    assert all(set(FAMILY.facets(p)) <= set(FAMILY.labels) for p in FAMILY.examples)


def test_pose_and_single_have_one_vector():
    assert FAMILY.pose(2) == FAMILY.single(ask(2, "so3", dtype="float64"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"irreps_out": "0e+1e"}, "no function of one vector has parity 1e"),
        ({"irreps_out": "1o+1o"}, "a degree is repeated"),
        ({"irreps_out": "2x1o"}, "multiplicities are not supported"),
        ({"batch": 0}, "batch=0"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    assert reason in str(FAMILY.check(ask(2).with_sizes(**changes)))
    assert "unknown data 'normal'" in str(FAMILY.check(replace(ask(2), data="normal")))


def test_a_question_needs_degrees_said_once():
    for options in ({}, {"lmax": 1, "irreps_out": "0e"}):
        with pytest.raises(ValueError, match="needs lmax or irreps_out"):
            ask(**options)
