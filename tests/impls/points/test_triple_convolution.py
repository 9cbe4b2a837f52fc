"""Convolution of three factors: recoupling of couplings themselves, equal algorithms, cost."""

from itertools import product

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.points.triple_convolution.operation import OPERATION, paths_of
from impls.points.triple_convolution.recoupled import recoupling
from impls.so3.harmonics import spherical_harmonics
from impls.so3.wigner import clebsch_gordan

SMALL = {"data": "isotropic:4x2", "channels": 3, "dtype": "float64"}
PROBLEMS = {
    "full": problem("full", 2, **SMALL),
    "degrees only": problem("truncated", 2, "so3", **SMALL),
    "mimo": problem("mimo", 1, "so3", **SMALL),
    "scalars": problem("full", 0, **SMALL),
    "unsorted": ask(
        irreps_node="2e+0e+1o+1e", irreps_edge="2e+0e+3o+1o+4e", irreps_out="1e+2o+0o", **SMALL
    ),
    "given, copies, and an output that no path has": ask(
        irreps_node="0e+1o+1o+1e", irreps_edge="0e+1o", irreps_out="0e+5o+0o+1o+3e", **SMALL
    ).with_sizes(given="harmonics"),
}


def test_recoupling_takes_the_edge_to_the_last_product():
    """[[x Y]_k y]_l3 = sum_j c_j [[x y]_j Y]_l3 for any x, Y and y, sign included."""
    for l1, l2, l4 in product(range(4), range(4), range(3)):
        for k in range(abs(l1 - l2), l1 + l2 + 1):
            for l3 in range(abs(k - l4), k + l4 + 1):
                inner, outer = clebsch_gordan(l1, l2, k), clebsch_gordan(k, l4, l3)
                rest, size = np.einsum("abk,kcm->abcm", inner, outer), 0.0
                for j in range(max(abs(l1 - l4), abs(l2 - l3)), min(l1 + l4, l2 + l3) + 1):
                    factor = recoupling(l1, l2, k, l4, l3, j)
                    first, last = clebsch_gordan(l1, l4, j), clebsch_gordan(j, l2, l3)
                    rest = rest - factor * np.einsum("acj,jbm->abcm", first, last)
                    size += factor**2
                assert np.abs(rest).max() < 1e-13 and abs(size - 1) < 1e-13


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_algorithms_are_equal(asked, agrees):
    agrees(OPERATION, asked)


def test_vectors_in_closed_form(judge):
    """k = 0 and 1 of three vectors: (x . Y) x and (x cross Y) cross x, up to their constants."""
    ends = {"irreps_node": "0+1", "irreps_edge": "1", "irreps_out": "1"}
    asked = ask(**ends, data="lattice:2x1", channels=1, dtype="float64")
    inputs, _ = judge.draw(FAMILY, OPERATION, asked)
    inputs["x"][..., 0] = 0
    paths = paths_of(asked)
    for n, path in enumerate(paths):
        if (path.first, path.second) != (1, 1):
            continue
        one = {"w": np.eye(len(paths))[n][:, None]}
        z = OPERATION.oracle(asked, inputs, one)["z"]
        for src, dst, v in zip(inputs["src"], inputs["dst"], inputs["v"], strict=True):
            (x,), y = inputs["x"][src, :, 1:], spherical_harmonics(1, v, "component")[1:]
            wanted = (x @ y) * x if path.k.l == 0 else np.cross(np.cross(x, y), x)
            cosine = (z[dst, 0] @ wanted) / np.linalg.norm(z[dst, 0]) / np.linalg.norm(wanted)
            assert abs(cosine) == pytest.approx(1, abs=1e-12)
    assert {path.k.l for path in paths if (path.first, path.second) == (1, 1)} == {0, 1}


def test_paths_go_through_the_irreps_of_nodes():
    asked = PROBLEMS["full"]
    node = {"0e", "1o", "2e"}
    assert {str(path.k) for path in paths_of(asked)} == node
    assert len(paths_of(asked)) == 53
    assert OPERATION.weights(asked)["w"].shape == (53, 3)


def test_cost():
    asked = problem("full", 0, data="lattice:5x2", channels=3)
    assert OPERATION.cost(asked) == {
        "flops": 10.0 * (2 + 3 * (2 * 3 + 1)),
        "bytes": (5 * 3 * 2 + 3 * 10 + 3) * 4.0 + 2 * 10 * 8,
    }


def test_refusals():
    asked = ask(irreps_node="0e", irreps_edge="0e", irreps_out="1o", **SMALL)
    assert "no path of 1x0e, 1x0e and 1x0e ends in 1x1o" in str(OPERATION.supports(asked))
    assert OPERATION.supports(PROBLEMS["full"]) is None
