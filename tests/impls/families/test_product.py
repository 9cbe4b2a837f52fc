"""Family product: how features move, and what the paper profile asks at high degree."""

import numpy as np
import pytest

from impls.families.product import FAMILY, irreps_space, problem
from impls.groups import orthogonal, rotations
from impls.products.clebsch_gordan.operation import OPERATION
from impls.so3.irreps import Irreps
from impls.so3.rotations import representation


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


def test_paper_asks_for_high_degrees_of_few_operations():
    far = {
        (FAMILY.facets(ask.problem)["lmax"], FAMILY.facets(ask.problem)["symmetry"]): ask
        for ask in FAMILY.profiles["paper"]()
        if FAMILY.facets(ask.problem)["lmax"] >= 10
    }
    assert {key: ask.operations for key, ask in far.items()} == {
        (10, "so3"): ("clebsch_gordan",),
        (10, "o3"): ("gaunt", "matrix"),
        (20, "o3"): ("gaunt",),
    }
    for ask in far.values():
        assert ask.problem.dtype == "float32" and ask.problem.sizes["batch"] == 100


def test_paper_asks_for_the_products_of_degrees_up_to_2_side_by_side():
    found = [
        ask
        for ask in FAMILY.profiles["paper"]()
        if ask.operations == ("clebsch_gordan", "cartesian_matrix")
    ]
    labels = {
        tuple(ask.problem.sizes[f"irreps_{s}"] for s in ("in1", "in2", "out")) for ask in found
    }
    assert labels == {("1x0e+1x1o+1x2e",) * 3, ("1x0+1x1+1x2",) * 3}
    assert len(found) == 4 and all(FAMILY.check(ask.problem) is None for ask in found)


def test_problems_of_a_profile_are_different():
    for profile in FAMILY.profiles.values():
        asked = [ask.problem for ask in profile()]
        assert len(set(asked)) == len(asked)
        assert all(FAMILY.check(one) is None for one in asked)


def test_check_stays_small():
    assert problem("mimo", 2).sizes["irreps_out"] == "1x0e+1x1o+1x2e+1x3o+1x4e"
    assert len(FAMILY.profiles["check"]()) == 6
