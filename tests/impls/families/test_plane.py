"""Family plane: graphs, motions of the plane, facets, refusals."""

import numpy as np

from impls.families.plane import CUTOFF, FAMILY, ask
from impls.streams import Streams


def test_each_node_receives_from_as_many_others():
    arrays = FAMILY.draw(ask(9, 4), Streams(0))
    assert np.bincount(arrays["dst"]).tolist() == [4] * 9
    assert not (arrays["src"] == arrays["dst"]).any()
    assert all(len(set(arrays["src"][arrays["dst"] == i])) == 4 for i in range(9))


def test_some_edges_are_beyond_the_cutoff():
    lengths = np.linalg.norm(FAMILY.draw(ask(), Streams(0))["v"], axis=1)
    assert 0.02 < (lengths > CUTOFF).mean() < 0.3 and lengths.min() >= 0.3


def test_motions_turn_vectors_and_leave_scalars():
    question = ask(5, 2, channels=3)
    spaces, group = FAMILY.inputs(question), FAMILY.group(question)
    arrays = FAMILY.draw(question, Streams(0))
    for name, determinant in (("rotation", 1), ("quarter_turn", 1), ("mirror", -1)):
        (g,) = group.subgroups[name].sample(np.random.default_rng(0), 1)
        turn = g["space"][:2, :2]
        assert np.isclose(np.linalg.det(turn), determinant)
        moved = spaces["x"].act(g, arrays["x"])
        np.testing.assert_array_equal(moved[..., 0], arrays["x"][..., 0])
        np.testing.assert_allclose(moved[..., 1:], arrays["x"][..., 1:] @ turn.T)
        np.testing.assert_allclose(spaces["v"].act(g, arrays["v"]), arrays["v"] @ turn.T)
    (g,) = group.subgroups["permutation"].sample(np.random.default_rng(0), 1)
    moved = {n: s.act(g, arrays[n]) for n, s in spaces.items()}
    sent, before = moved["x"][moved["src"]], arrays["x"][arrays["src"]]
    np.testing.assert_array_equal(sent, before)


def test_a_part_has_all_edges_into_those_that_are_judged():
    question = ask(100, 3)
    arrays = dict(FAMILY.draw(question, Streams(0)))
    part = FAMILY.part_of(question, arrays, np.random.default_rng(0))
    cut = part.cut(FAMILY.inputs(question), arrays)
    assert len(part.judged["nodes"]) == 64 and len(cut["dst"]) == 64 * 3


def test_facets_and_refusals():
    assert FAMILY.facets(ask(8, 3, channels=2)) == {
        "channels": 2,
        "nodes": 8,
        "edges": 24,
        "neighbours": 3,
    }
    assert FAMILY.check(ask(8, 7)) is None
    assert "a node has only 7 others" in str(FAMILY.check(ask(8, 8)))
