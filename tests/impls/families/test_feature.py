"""Family feature: layers and powers, sizes, arrays, facets, refusals."""

from dataclasses import replace

import pytest

from impls.families.feature import FAMILY, ask, layer, power
from impls.streams import Streams

SQUARE = power(2, 2, 3, channels=3, channels_out=4, batch=5)


def test_facets_say_what_is_asked_and_no_more():
    assert FAMILY.facets(SQUARE) == {
        "setting": "power",
        "symmetry": "o3",
        "nu": 2,
        "lmax": 2,
        "lout": 3,
        "channels": 3,
        "channels_out": 4,
        "batch": 5,
    }
    assert FAMILY.facets(layer("0e+1o", batch=5)) == {
        "setting": "layer",
        "symmetry": "o3",
        "activation": "silu",
        "lmax": 1,
        "channels": 1,
        "batch": 5,
    }
    assert FAMILY.facets(layer("0+1", activation="none", batch=5)) == {
        "setting": "map",
        "symmetry": "so3",
        "lmax": 1,
        "channels": 1,
        "batch": 5,
    }
    odd = power(3, 1, 1).with_sizes(irreps_out="1x1e")
    assert FAMILY.facets(odd)["irreps"] == "0e+1o | 1e"


def test_examples_are_distinct_have_words_and_pass():
    names = {(*FAMILY.facets(p).items(), p.dtype) for p in FAMILY.examples}
    assert len(names) == len(FAMILY.examples)
    assert all(FAMILY.check(asked) is None for asked in FAMILY.examples)
    facets = {name for asked in FAMILY.examples for name in FAMILY.facets(asked)}
    assert facets <= set(FAMILY.labels) and all(FAMILY.labels.values())


def test_a_question_by_options():
    assert ask(2, nu=3, lmax_out=1, channels=4) == power(3, 2, 1, channels=4)
    assert ask(irreps_in="0e+1o", activation="tanh") == layer("0e+1o", activation="tanh")
    assert ask(2, "so3") == layer("0+1+2")
    assert FAMILY.check(ask(2, data="frames")) is None
    for options in ({}, {"lmax": 1, "irreps_in": "0e"}):
        with pytest.raises(ValueError, match="needs lmax or irreps_in"):
            ask(**options)


def test_pose_and_single_have_one_channel_and_one_sample():
    assert FAMILY.pose(2) == power(2, 2, 4, "so3", batch=1, dtype="float64")
    assert FAMILY.pose(1, setting="simo", symmetry="o3").sizes["irreps_out"] == "1x0e+1x1o+1x2e"
    single = FAMILY.single(SQUARE)
    assert FAMILY.draw(single, Streams(0))["x"].shape == (1, 1, 9)
    assert single.sizes["channels_out"] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": 0}, "channels=0"),
        ({"channels_out": True}, "channels_out=True"),
        ({"irreps_out": "1x1"}, "mixed"),
        ({"weights": "no"}, "unknown weights 'no'"),
        ({"activation": "silu"}, "a product has no activation"),
        ({"nu": 0}, "nu=0"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    assert FAMILY.check(SQUARE) is None
    assert reason in str(FAMILY.check(SQUARE.with_sizes(**changes)))
    assert "unknown data 'uniform'" in str(FAMILY.check(replace(SQUARE, data="uniform")))
