"""Groups: the laws that elements, generators and orbits keep."""

from __future__ import annotations

import numpy as np
import pytest

from impls.groups import (
    circle,
    cyclic,
    direct_product,
    euclidean,
    inversion,
    linear,
    orthogonal,
    plane,
    power,
    rotations,
    shifts,
    symmetric,
)

GROUPS = {
    "rotations": rotations(),
    "orthogonal": orthogonal(),
    "circle": circle((0.0, 0.0, 1.0)),
    "inversion": inversion(),
    "shifts": shifts(4, 6),
    "symmetric": symmetric(5),
}
EUCLIDEAN = {"E(3)": euclidean(orthogonal()), "SE(3)": euclidean(rotations())}
IN_THE_PLANE = {"E(2)": euclidean(plane())}
POWERS = {"of E(3)": power(EUCLIDEAN["E(3)"], 3), "of S_4": power(symmetric(4), 2)}
LINEAR = {"C_5": cyclic(5), "SL(2)": linear(0.5), "GL+(2)": linear(0.5, 0.3)}


@pytest.mark.parametrize("name", [*GROUPS, *EUCLIDEAN, *IN_THE_PLANE, *POWERS, *LINEAR])
def test_laws(name):
    group = (GROUPS | EUCLIDEAN | IN_THE_PLANE | POWERS | LINEAR)[name]
    g, h, k = group.sample(np.random.default_rng(0), 3)
    for a, b in (
        (group.mul(g, group.inv(g)), group.identity),
        (group.mul(g, group.identity), g),
        (group.mul(group.mul(g, h), k), group.mul(g, group.mul(h, k))),
    ):
        np.testing.assert_allclose(a, b, atol=1e-14)


@pytest.mark.parametrize("name", GROUPS)
def test_orbits_are_distinct_elements_with_a_coordinate_each(name):
    group = GROUPS[name]
    orbit = group.orbit(16)
    assert 2 <= len(orbit.elements) <= 24
    assert all(len(values) == len(orbit.elements) for values in orbit.coordinates.values())
    flat = np.round(np.array([np.ravel(g) for g in orbit.elements], float), 9)
    assert len(np.unique(flat, axis=0)) == len(flat)
    for g in orbit.elements:
        np.testing.assert_allclose(group.mul(g, group.inv(g)), group.identity, atol=1e-14)


def test_orbits_cover():
    dets = orthogonal().orbit(32)
    np.testing.assert_allclose(np.linalg.det(dets.elements), dets.coordinates["det"], atol=1e-14)
    assert sorted(set(dets.coordinates["det"])) == [-1.0, 1.0]
    turns = rotations().orbit(1024).elements
    axes = np.array([[g[2, 1] - g[1, 2], g[0, 2] - g[2, 0], g[1, 0] - g[0, 1]] for g in turns])
    assert np.abs(axes.mean(axis=0)).max() < 0.02  # no direction is left out
    angles = circle().orbit(4)
    np.testing.assert_allclose(angles.elements[1] @ [0, 0, 1], [1, 0, 0], atol=1e-15)
    every = shifts(2, 3).orbit(100)
    assert every.elements == list(np.ndindex(2, 3))
    swaps = symmetric(3).orbit(100)
    assert [list(p) for p in swaps.elements] == [[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1]]


def test_generators_are_one_parameter_subgroups_with_the_right_tangent():
    for axis, (name, along) in zip(np.eye(3), rotations().generators.items(), strict=True):
        np.testing.assert_allclose(along(0.3) @ along(0.5), along(0.8), atol=1e-15)
        slope = (along(1e-6) - along(-1e-6)) / 2e-6 @ np.array([1.0, 2.0, 3.0])
        np.testing.assert_allclose(slope, np.cross(axis, [1.0, 2.0, 3.0]), atol=1e-9)
        assert name == f"rotation_{'xyz'[int(np.argmax(axis))]}"
    assert not inversion().generators and not symmetric(3).generators


@pytest.mark.parametrize("name", EUCLIDEAN)
def test_euclidean_motions_move_points(name):
    group, rng = EUCLIDEAN[name], np.random.default_rng(4)
    assert group.name == name and group.orbit is None
    turns = ["rotation", "inversion"] if name == "E(3)" else ["rotation"]
    assert list(group.subgroups) == [*turns, "translation"]
    p = np.array([0.5, -1.0, 2.0])
    g, h = group.sample(rng, 2)
    moved = [k[:3, :3] @ p + k[:3, 3] for k in (h, group.mul(g, h))]
    np.testing.assert_allclose(g[:3, :3] @ moved[0] + g[:3, 3], moved[1], atol=1e-14)
    for subgroup in turns:
        part = group.subgroups[subgroup]
        for k in (*part.sample(rng, 2), *part.orbit(4).elements):
            assert not k[:3, 3].any() and np.abs(k[:3, :3] @ k[:3, :3].T - np.eye(3)).max() < 1e-14
    for k in group.subgroups["translation"].sample(rng, 2):
        np.testing.assert_array_equal(k[:3, :3], np.eye(3))
    assert set(group.subgroups["translation"].generators) < set(group.generators)
    np.testing.assert_array_equal(group.generators["translation_y"](0.3)[:3, 3], [0, 0.3, 0])
    turn = group.generators["rotation_z"](0.3)
    np.testing.assert_array_equal(turn[:3, :3], rotations().generators["rotation_z"](0.3))
    np.testing.assert_array_equal(turn[:, 3], [0, 0, 0, 1])


def test_motions_of_the_plane_move_points_of_it():
    group, rng = IN_THE_PLANE["E(2)"], np.random.default_rng(5)
    assert list(group.subgroups) == ["rotation", "quarter_turn", "mirror", "translation"]
    p = np.array([0.5, -1.0])
    g, h = group.sample(rng, 2)
    moved = [k[:2, :2] @ p + k[:2, 2] for k in (h, group.mul(g, h))]
    np.testing.assert_allclose(g[:2, :2] @ moved[0] + g[:2, 2], moved[1], atol=1e-14)
    hands = np.linalg.det(np.array(group.sample(rng, 32))[:, :2, :2])
    np.testing.assert_allclose(sorted({round(hand, 9) for hand in hands}), [-1, 1])
    for name, hand in (("rotation", 1), ("quarter_turn", 1), ("mirror", -1), ("translation", 1)):
        for k in group.subgroups[name].sample(rng, 2):
            assert k.shape == (3, 3) and np.linalg.det(k) == pytest.approx(hand)
            assert (name == "translation") == bool(k[:2, 2].any())
    turn = group.generators["rotation"](np.pi / 2)
    np.testing.assert_allclose(turn[:2, :2] @ [1, 0], [0, 1], atol=1e-15)
    np.testing.assert_array_equal(group.generators["translation_y"](0.3)[:2, 2], [0, 0.3])
    assert set(group.generators) == {"rotation", "translation_x", "translation_y"}
    assert len(group.subgroups["rotation"].orbit(4).elements) == 4
    assert group.subgroups["mirror"].orbit is None


def test_products_lift_generators_and_orbits():
    group = direct_product(space=orthogonal(), nodes=symmetric(4))
    assert list(group.generators) == ["space.rotation_x", "space.rotation_y", "space.rotation_z"]
    assert group.orbit is None and list(group.subgroups["inversion"].generators) == []
    turn = group.subgroups["rotation"].generators["space.rotation_y"](0.2)
    np.testing.assert_array_equal(turn["space"], orthogonal().generators["rotation_y"](0.2))
    np.testing.assert_array_equal(turn["nodes"], np.arange(4))
    orbit = group.subgroups["permutation"].orbit(7)
    assert len(orbit.elements) == 7 and all((g["space"] == np.eye(3)).all() for g in orbit.elements)


def test_powers_move_each_copy_by_an_element_of_its_own():
    group = POWERS["of E(3)"]
    assert group.name == "E(3)^3" and group.identity.shape == (3, 4, 4)
    assert list(group.subgroups) == list(EUCLIDEAN["E(3)"].subgroups)
    one = group.generators["rotation_z_1"](0.3)
    np.testing.assert_array_equal(one[1], EUCLIDEAN["E(3)"].generators["rotation_z"](0.3))
    np.testing.assert_array_equal(one[[0, 2]], group.identity[[0, 2]])
    assert len(group.generators) == 3 * len(EUCLIDEAN["E(3)"].generators)
    for subgroup in group.subgroups.values():
        drawn = subgroup.sample(np.random.default_rng(0), 8)
        rests = np.array([[np.array_equal(g, np.eye(4)) for g in element] for element in drawn])
        np.testing.assert_array_equal(rests, [*np.eye(3, dtype=bool), [False] * 3] * 2)


def test_a_power_of_one_is_the_group_and_of_none_is_refused():
    (only,) = power(inversion(), 1).sample(np.random.default_rng(0), 1)
    np.testing.assert_array_equal(only, [-np.eye(3)])
    with pytest.raises(ValueError, match="taken once at least"):
        power(inversion(), 0)
