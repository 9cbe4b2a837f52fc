"""Graphs without names for their nodes: what is drawn, and what permutations move."""

import numpy as np

from impls.families.graphs import FAMILY, ask, permuted
from impls.families.node_tensors import ask as ask_tensors
from impls.families.node_tensors import tensor_space
from impls.streams import Streams


def test_no_node_has_more_neighbours_than_its_degree():
    for nodes, degree in ((2, 1), (7, 3), (12, 4), (5, 4)):
        a = FAMILY.draw(ask(nodes, degree, batch=20), Streams(1))["a"]
        assert set(np.unique(a)) == {0.0, 1.0}
        np.testing.assert_array_equal(a, a.swapaxes(1, 2))
        assert not np.any(np.trace(a, axis1=1, axis2=2))
        assert a.sum(axis=2).max() == degree, "and some node has as many"
        assert len(np.unique(a, axis=0)) > 1 or nodes == 2, "graphs of a batch differ"


def test_a_permutation_moves_entry_i_to_its_place():
    p, a = np.array([2, 0, 1, 3]), np.random.default_rng(0).standard_normal((2, 4, 4, 3))
    moved = permuted(p, a, 2)
    for i, j in np.ndindex(4, 4):
        np.testing.assert_array_equal(moved[:, p[i], p[j]], a[:, i, j])
    spaces = FAMILY.inputs(ask(4, 2, channels=3, batch=2))
    np.testing.assert_array_equal(spaces["x"].act(p, a), moved)
    np.testing.assert_array_equal(spaces["h"].act(p, a[:, 0]), permuted(p, a[:, 0], 1))
    all_together = tensor_space(ask_tensors(4, channels=3, batch=2), 0)
    assert np.array_equal(all_together.act(p, a[:, 0, 0]), a[:, 0, 0])


def test_more_neighbours_than_there_are_nodes_are_refused():
    refusal = FAMILY.check(ask(4, 4))
    assert refusal and "degree=4: a node has only 3 others" in str(refusal)
