"""Rotation of features: what D is, its products, the poles of Euler angles, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impls.backends import load as backend
from impls.families.turned import FAMILY, ask
from impls.implementation import Target
from impls.pointwise.wigner import Wigner
from impls.pointwise.wigner_rotation.operation import OPERATION
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.rotations import axis_angle, random_rotations, representation, wigner_d
from impls.streams import Streams

REGISTRY = load()
WIDE = ask(6, channels=3, batch=40, data="poles", dtype="float64")
MIXED = ask(irreps="2o+0e+1e+1e+5o", channels=2, batch=7, dtype="float64")
LOW = ask(irreps="0+0", channels=2, batch=7, dtype="float64")
NUMPY = [i for i in REGISTRY.implementations_of("wigner_rotation") if i.framework == "numpy"]


@pytest.mark.parametrize(
    "asked", [WIDE, replace(WIDE, data="normal"), MIXED, LOW, ask(1, "so3", dtype="float64")],
    ids=str,
)  # fmt: skip
def test_of_any_irreps_and_at_the_poles(asked, agrees):
    agrees(OPERATION, asked)


def turned(asked, x, turns):
    """Return x turned by the oracle and by every NumPy implementation, of a batch as given."""
    asked = asked.with_sizes(batch=len(turns))
    arrays = {"x": x, "R": turns}
    yield OPERATION.oracle(asked, arrays, {})["z"]
    for implementation in NUMPY:
        built = implementation.build(asked, Target(), {})
        yield built.call(arrays, {})["z"]


def test_the_oracle_is_the_representation_of_rotations():
    turns = random_rotations(np.random.default_rng(0), 4)
    asked = ask(irreps="2o+0e+1e+1e+4o+1o", channels=2, dtype="float64")
    x = np.random.default_rng(1).standard_normal((4, 2, asked_dim(asked)))
    wanted = np.einsum("nij,ncj->nci", representation(str(asked.sizes["irreps"]), turns), x)
    for found in turned(asked, x, turns):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def asked_dim(asked):
    return FAMILY.inputs(asked)["x"].shape[-1]


def test_harmonics_are_turned_with_their_vectors():
    turns = random_rotations(np.random.default_rng(2), 5)
    v = np.random.default_rng(3).standard_normal((5, 3))
    wanted = spherical_harmonics(5, np.einsum("nij,nj->ni", turns, v))
    for found in turned(ask(5, dtype="float64"), spherical_harmonics(5, v)[:, None], turns):
        np.testing.assert_allclose(found[:, 0], wanted, atol=1e-13)


def test_turns_compose():
    """D(R S) = D(R) D(S), and D(R^-1) takes back."""
    rng = np.random.default_rng(4)
    first, second = random_rotations(rng, 6), random_rotations(rng, 6)
    asked, x = ask(4, dtype="float64"), rng.standard_normal((6, 1, 25))
    for i, both in enumerate(turned(asked, x, second @ first)):
        once = list(turned(asked, x, first))[i]
        np.testing.assert_allclose(list(turned(asked, once, second))[i], both, atol=1e-12)
        back = list(turned(asked, once, first.swapaxes(1, 2)))[i]
        np.testing.assert_allclose(back, x, atol=1e-12)


@pytest.mark.parametrize("tilt", [0.0, 1e-170, 1e-12, 1e-4, np.pi / 2, np.pi - 1e-9, np.pi])
def test_no_rotation_is_special(tilt):
    turn = axis_angle([0, 1, 0], 0.7) @ axis_angle([1, 0, 0], tilt) @ axis_angle([0, 1, 0], -1.9)
    x = np.random.default_rng(5).standard_normal((1, 2, 49))
    wanted = np.concatenate(
        [x[..., n * n : (n + 1) ** 2] @ wigner_d(n, turn).T for n in range(7)], axis=-1
    )
    for found in turned(ask(6, channels=2, dtype="float64"), x, turn[None]):
        np.testing.assert_allclose(found, wanted, atol=1e-13)


def test_single_precision_holds_at_the_poles(distance):
    asked = replace(WIDE, dtype="float32")
    arrays = FAMILY.draw(asked, Streams(0))
    wanted = OPERATION.oracle(asked, arrays, {})["z"]
    single = {k: a.astype(np.float32) for k, a in arrays.items()}
    for implementation in NUMPY:
        found = implementation.build(asked, Target(), {}).call(single, {})["z"]
        assert found.dtype == np.float32
        assert distance(found, wanted) < 1e-5, implementation.name


def test_data_poles_keep_the_polar_axis_nearly():
    turns = FAMILY.draw(WIDE, Streams(0))["R"]
    identities = np.broadcast_to(np.eye(3), turns.shape)
    np.testing.assert_allclose(turns @ turns.swapaxes(1, 2), identities, atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    tilt = np.hypot(turns[:, 0, 1], turns[:, 2, 1])
    assert tilt.min() < 1e-15 and tilt.max() < 0.11
    assert {1.0, -1.0} <= set(np.sign(turns[:, 1, 1]))


def test_one_class_makes_the_matrices_of_all(judge):
    """What eSCN and local frames use: each degree is that of NumPy."""
    turns = random_rotations(np.random.default_rng(6), 3)
    matrices = Wigner(4, backend("numpy", WIDE, Target()))(turns)
    assert len(matrices) == 5 and len(Wigner(0, backend("numpy", WIDE, Target()))(turns)) == 1
    for degree, found in enumerate(matrices):
        wanted = np.broadcast_to(wigner_d(degree, turns), (3, *found.shape[1:]))
        np.testing.assert_allclose(np.broadcast_to(found, wanted.shape), wanted, atol=1e-13)


def test_what_is_not_right_in_e3nn_is_refused_by_name():
    for implementation in REGISTRY.implementations_of("wigner_rotation"):
        if implementation.name.endswith("e3nn"):
            assert "near the poles" in str(implementation.supports(WIDE, Target()))
            assert implementation.supports(MIXED, Target()) is None


def test_facets_and_refusals_of_the_family():
    assert FAMILY.facets(MIXED) == {
        "symmetry": "o3", "lmax": 5, "irreps": "2o+0e+1e+1e+5o", "channels": 2, "batch": 7,
    }  # fmt: skip
    assert FAMILY.facets(WIDE)["data"] == "poles"
    assert all(set(FAMILY.facets(p)) <= set(FAMILY.labels) for p in FAMILY.examples)
    assert FAMILY.single(MIXED).sizes["batch"] == FAMILY.pose(2).sizes["channels"] == 1
    assert "unknown data 'haar'" in str(FAMILY.check(replace(MIXED, data="haar")))
    for options in ({}, {"lmax": 1, "irreps": "0e"}):
        with pytest.raises(ValueError, match="needs lmax or irreps"):
            ask(**options)
