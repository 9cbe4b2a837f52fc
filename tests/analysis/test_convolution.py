"""Maps along an edge: stabilisers, counts by hand, what weights reach, and maps that are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.convolution import along, stabiliser
from bench.measuring.built_case import build
from bench.measuring.probes.convolution import convolution
from bench.record.case import Case
from impls.families.points import ask, problem
from impls.implementation import MODES, Target
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps
from impls.so3.wigner import wigner_3j

pytestmark = pytest.mark.slow

REGISTRY = load()
V = np.array([0.3, -1.1, 0.7])
SMALL = {"data": "lattice:9x4", "channels": 2, "dtype": "float64"}


def read(name, asked, **knobs):
    """Return (rank, detail) of an implementation."""
    mode = MODES[REGISTRY.implementation(name).framework][0]
    case = Case(asked, name, "fwd", mode, Target(), {}, knobs)
    (reading,) = convolution(build(case, REGISTRY))
    assert reading.passed and reading.detail["verdict"] == "certain"
    return int(reading.value), reading.detail


@pytest.mark.parametrize("inversion", [False, True])
def test_stabilisers_keep_the_vector_and_nothing_else(inversion):
    groups = stabiliser(V, inversion)
    elements = [g for group in groups for g in group.sample(np.random.default_rng(0), 3)]
    for g in elements:
        np.testing.assert_allclose(g @ V, V, atol=1e-14)
        np.testing.assert_allclose(g @ g.T, np.eye(3), atol=1e-14)
    assert {round(np.linalg.det(g)) for g in elements} == ({1, -1} if inversion else {1})
    fixed = np.mean(elements, axis=0)
    assert np.linalg.matrix_rank(fixed - np.eye(3), tol=1e-6) == 2, "only v is kept by all"


@pytest.mark.parametrize(
    ("symmetry", "numbers"),
    # the sum over pairs of degrees of 2 min + 1, and with mirrors of min + 1
    [
        ("so3", {0: 1, 1: 3 * 1 + 3, 2: 5 * 1 + 3 * 3 + 5}),
        ("o3", {0: 1, 1: 3 + 2, 2: 5 + 3 * 2 + 3}),
    ],
)
@pytest.mark.parametrize("lmax", [0, 1, 2])
def test_all_maps_along_an_edge(symmetry, numbers, lmax):
    irreps = Irreps.parse(str(problem("full", lmax, symmetry).sizes["irreps_node"]))
    found = along(np.zeros((1, irreps.dim, irreps.dim)), V, (irreps,) * 3,
                  inversion=symmetry == "o3")  # fmt: skip
    assert (found.full.value, found.full.verdict) == (numbers[lmax], "certain")
    assert found.rank.value == found.followed.value == 0 == found.defect
    assert found.stabiliser == {"so3": "SO(2)", "o3": "O(2)"}[symmetry]


def test_paths_with_one_factor_are_one_map_until_a_linear_layer_tells_them_apart():
    """1 x 1 -> 1 with Y_0, Y_1, Y_2: three maps, side by side or added, one weight or three."""
    sh = spherical_harmonics(2, V, "component")
    parts = [
        np.einsum("ijk,j->ki", wigner_3j(1, l2, 1), sh[l2**2 : (l2 + 1) ** 2]) for l2 in range(3)
    ]
    one, three = Irreps.parse("1"), Irreps.parse("3x1")
    draws = np.random.default_rng(0).standard_normal((6, 3))
    side_by_side = np.array([np.concatenate([w[0] * p for p in parts]) for w in draws])
    found = along(side_by_side, V, (one, three, one), inversion=False)
    assert (found.rank.value, found.followed.value, found.full.value) == (1, 3, 3)
    added = np.array([sum(w * p for w, p in zip(line, parts, strict=True)) for line in draws])
    found = along(added, V, (one, one, one), inversion=False)
    assert (found.rank.value, found.followed.value) == (3, 3) and found.defect < 1e-14
    tied = np.array([w[0] * sum(parts) for w in draws])
    found = along(tied, V, (one, one, one), inversion=False)
    assert (found.rank.value, found.followed.value) == (1, 1)
    # between polar vectors the cross product with v is lost under mirrors
    polar = Irreps.parse("1o")
    found = along(added, V, (polar, polar, polar), inversion=True)
    assert found.full.value == 2 and found.defect > 0.1


def test_maps_that_are_not_equivariant_have_a_defect():
    irreps = Irreps.parse("0+1")
    maps = np.random.default_rng(0).standard_normal((5, 4, 4))
    assert along(maps, V, (irreps,) * 3, inversion=False).defect > 0.1


@pytest.mark.parametrize(("lmax", "ranks"), [(1, (4, 6)), (2, (9, 17, 19))])
@pytest.mark.parametrize("algorithm", ["so2", "harmonics", "block", "padded"])
def test_escn_at_each_order(lmax, ranks, algorithm):
    asked = problem("full", lmax, "so3", **SMALL)
    for m_max, rank in enumerate(ranks):
        found, detail = read(f"escn.numpy_{algorithm}", asked, m_max=m_max)
        assert (found, detail["followed"], detail["full"]) == (rank, rank, ranks[-1])
        assert (detail["weights"], detail["kind"], detail["mixes"]) == (rank, "shared", True)
        assert detail["stabiliser"] == "SO(2)"


@pytest.mark.parametrize(("lmax", "ranks"), [(1, (4, 5)), (2, (9, 13, 14))])
def test_escn_that_keeps_inversion_at_each_order(lmax, ranks):
    asked = problem("full", lmax, "o3", **SMALL)
    for m_max, rank in enumerate(ranks):
        found, detail = read("escn_o3.numpy_so2", asked, m_max=m_max)
        assert (found, detail["full"], detail["stabiliser"]) == (rank, ranks[-1], "O(2)")
    free, detail = read("escn.numpy_so2", asked)
    assert free == detail["full"] == {1: 6, 2: 19}[lmax] and detail["stabiliser"] == "SO(2)"


@pytest.mark.parametrize(("lmax", "followed"), [(1, 5), (2, 12)])
@pytest.mark.parametrize("algorithm", ["frame", "lebedev", "kernel"])
def test_gaunt_convolution_has_a_map_for_each_degree_of_the_harmonics(lmax, followed, algorithm):
    """2 L + 1; a linear layer after it tells the outputs apart that each degree of them reaches."""
    asked = problem("full", lmax, "o3", **SMALL)
    found, detail = read(f"gaunt_convolution.numpy_{algorithm}", asked)
    assert found == detail["weights"] == 2 * lmax + 1 and detail["followed"] == followed
    assert (detail["full"], detail["stabiliser"]) == ({1: 5, 2: 14}[lmax], "O(2)")
    assert (detail["kind"], detail["mixes"]) == ("per edge", False)


@pytest.mark.parametrize(
    ("irreps", "full"),
    # squares of how often 0e, 0o and each m are in them
    [("0e+0o+1o+1e", 4 + 4 + 4), ("0e+0o+1o+1e+2e+2o", 9 + 9 + 16 + 4)],
)
def test_both_parities_have_all_that_inversion_allows(irreps, full):
    asked = ask(irreps_node=irreps, irreps_edge="0e+1o+2e+3o+4e", **SMALL)
    found, detail = read("escn_o3.numpy_so2", asked)
    assert found == detail["full"] == detail["weights"] == full and detail["stabiliser"] == "O(2)"


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("setting", "symmetry", "lmax", "rank", "full"),
    [
        ("full", "so3", 1, 6, 6),
        ("full", "so3", 2, 19, 19),
        ("full", "o3", 2, 14, 14),
        ("truncated", "so3", 1, 5, 6),  # without 1 x Y_2 -> 1
        ("truncated", "o3", 2, 11, 14),
    ],
)
def test_clebsch_gordan_and_solid_convolutions(framework, setting, symmetry, lmax, rank, full):
    asked = problem(setting, lmax, symmetry, **SMALL)
    each = {
        "channelwise": (rank, rank, "per edge", False),
        "mixing_convolution": (rank, rank, "shared", True),
        "solid_convolution": (1, 1, "per edge", False),
    }
    for operation, (reached, weights, kind, mixes) in each.items():
        name = "edge_wise" if operation == "solid_convolution" else "dense"
        found, detail = read(f"{operation}.{framework}_{name}", asked)
        assert (found, detail["followed"], detail["full"]) == (reached, rank, full)
        assert (detail["weights"], detail["kind"], detail["mixes"]) == (weights, kind, mixes)


def test_both_parities_and_copies_are_counted():
    """0e and 0o to 1o and 1e along an edge: mirrors leave 0e -> 1o and 0o -> 1e."""
    asked = ask(irreps_node="0e+0o", irreps_edge="1o", irreps_out="1o+1e", **SMALL)
    assert read("channelwise.numpy_dense", asked)[0] == 2
    copies = ask(irreps_node="0e+0e", irreps_edge="1o", irreps_out="1o", **SMALL)
    rank, detail = read("mixing_convolution.numpy_dense", copies)
    assert (rank, detail["full"]) == (2, 2)


def test_other_questions_and_passes_are_left_out():
    product = REGISTRY.family("product").examples[0]
    case = Case(product, "clebsch_gordan.numpy_dense", "fwd", "eager", Target())
    assert list(convolution(build(case, REGISTRY))) == []
    asked = problem("full", 1, **SMALL)
    case = Case(asked, "channelwise.torch_dense", "grad", "eager", Target())
    assert list(convolution(build(case, REGISTRY))) == []
