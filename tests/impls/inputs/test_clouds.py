"""Graphs that no structure gives: a lattice with its nearest neighbours, random ones, the poles."""

import numpy as np
import pytest

from impls.inputs.clouds import axis, isotropic, lattice, loose, placed, poles


@pytest.mark.parametrize("nodes", [2, 8, 27, 64])
def test_each_site_receives_from_its_nearest_neighbours(nodes):
    near = min(4, nodes - 1)
    found = lattice(nodes, near, 0)
    r = found.positions
    distances = np.linalg.norm(r[:, None] - r, axis=-1)
    assert np.sort(distances + np.diag(np.full(nodes, np.inf)), axis=None)[0] >= 0.5
    assert np.array_equal(found.dst, np.repeat(np.arange(nodes), near))
    wanted = np.sort(distances, axis=1)[:, 1 : near + 1]
    np.testing.assert_allclose(
        distances[found.dst, found.src].reshape(nodes, near), wanted, rtol=1e-14
    )
    np.testing.assert_array_equal(found.vectors, r[found.src] - r[found.dst])
    assert np.abs(r.mean(0)).max() < 1


@pytest.mark.parametrize("draw", [isotropic, poles])
def test_each_node_receives_from_different_others(draw):
    found = draw(9, 8, 3)
    assert found.nodes == 9 and found.positions is None
    for node in range(9):
        mine = found.src[found.dst == node]
        assert sorted(mine) == [other for other in range(9) if other != node]
    assert len({tuple(draw(9, 4, 3).src), tuple(draw(9, 4, 4).src)}) == 2
    np.testing.assert_array_equal(draw(9, 4, 3).vectors, draw(9, 4, 3).vectors)


def test_directions_are_isotropic():
    v = isotropic(500, 20, 0).vectors
    length = np.linalg.norm(v, axis=-1)
    assert length.min() >= 1 and length.max() <= 1.5 and length.std() > 0.1
    n = v / length[:, None]
    assert np.abs(n.mean(0)).max() < 0.03  # 3 sigma of 10,000: 0.017
    np.testing.assert_allclose(n.T @ n / len(n), np.eye(3) / 3, atol=0.015)


def test_edges_on_the_axes_and_near_the_poles():
    v = poles(44, 1, 0).vectors
    length = np.linalg.norm(v, axis=-1)
    assert np.all((length >= 1) & (length <= 1.5))
    unit = v / length[:, None]
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    np.testing.assert_allclose(unit[:6], axes, atol=1e-15)
    np.testing.assert_allclose(unit[22:28], axes, atol=1e-15)
    angle = np.arcsin(np.hypot(unit[6:22, 0], unit[6:22, 2]))
    np.testing.assert_allclose(angle, np.repeat(10.0 ** -np.arange(1, 9), 2), rtol=1e-6)
    np.testing.assert_array_equal(np.sign(unit[6:22, 1]), [1.0, -1.0] * 8)


@pytest.mark.parametrize("draw", [lattice, isotropic, poles])
@pytest.mark.parametrize(("nodes", "near"), [(4, 4), (1, 1), (4, 0)])
def test_a_node_has_only_so_many_others(draw, nodes, near):
    with pytest.raises(ValueError, match=f"a node has {nodes - 1} others"):
        draw(nodes, near, 0)


def test_edges_on_the_axis_point_along_it():
    found = axis(9, 3, 0)
    assert np.all(found.vectors[:, [0, 2]] == 0) and np.abs(found.vectors[:, 1]).min() > 0.4
    assert {-1.0, 1.0} == set(np.sign(found.vectors[:, 1]))
    np.testing.assert_array_equal(
        found.vectors, found.positions[found.src] - found.positions[found.dst]
    )


def test_loose_edges_are_in_no_order_and_lead_anywhere():
    found = loose(40, 2000, 0)
    assert len(found.src) == 2000 and found.positions is None
    assert np.any(np.diff(found.dst) < 0) and np.any(found.src == found.dst)
    length = np.linalg.norm(found.vectors, axis=-1)
    assert length.min() >= 1 and length.max() <= 1.5
    assert len(set(loose(40, 20, 0).dst)) < 20  # some receive twice


def test_placed_edges_are_in_no_order_between_near_sites():
    found = placed(100, 3000, 0)
    np.testing.assert_array_equal(
        found.vectors, found.positions[found.src] - found.positions[found.dst]
    )
    assert np.any(np.diff(found.dst) < 0) and not np.any(found.src == found.dst)
    length = np.linalg.norm(found.vectors, axis=-1)
    assert length.min() >= 0.5 and length.max() < 4.5


@pytest.mark.parametrize("draw", [loose, placed])
def test_there_may_be_no_edges(draw):
    found = draw(3, 0, 0)
    assert found.nodes == 3 and len(found.src) == len(found.vectors) == 0


def test_one_node_has_no_other_to_receive_from():
    assert placed(1, 0, 0).nodes == 1 and set(loose(1, 4, 0).src) == {0}
    with pytest.raises(ValueError, match="a node has 0 others"):
        placed(1, 1, 0)
