"""Solid convolution: the addition theorem, recoupling, equal algorithms, and where they fail."""

from dataclasses import replace
from itertools import product
from math import comb, sqrt

import numpy as np
import pytest

from impls.backends import load as backend
from impls.families.points import FAMILY, irreps_of, problem
from impls.implementation import Target
from impls.points.harmonics import Harmonics
from impls.points.solid_convolution.node_frame import BESIDE
from impls.points.solid_convolution.node_wise import recoupling
from impls.points.solid_convolution.operation import OPERATION, paths_of, solid_harmonics
from impls.points.solid_convolution.translated import translation
from impls.registry import load
from impls.so3.wigner import clebsch_gordan
from impls.streams import Streams

REGISTRY = load()
ALGORITHMS = ("edge_wise", "node_wise", "node_frame", "translated")
NAMES = [f"{framework}_{name}" for framework in ("torch", "jax") for name in ALGORITHMS]


SMALL = {"data": "lattice:9x4", "channels": 2, "dtype": "float64"}


def small(lmax, symmetry="o3", setting="truncated"):
    return problem(setting, lmax, symmetry, **SMALL)


PROBLEMS = {
    "truncated": small(2),
    "mimo": small(2, "so3", setting="mimo"),
    "degree 3": small(3),
    "scalars": small(0),
    "unsorted": small(2).with_sizes(
        irreps_node="1e+2e+0e+1o+1o", irreps_edge="2e+0e+3o", irreps_out="1o+0e+0o+2e"
    ),
    "one degree": small(1).with_sizes(irreps_edge="2e", irreps_out="1o+2o+3o"),
    "a node at the mean": problem("full", 2, data="edges:CH4@2", channels=2, dtype="float64"),
}


def implementation(name):
    return REGISTRY.implementation(f"solid_convolution.{name}")


def draw(asked, seed=0):
    return OPERATION.taken(FAMILY.draw(asked, Streams(seed)))


def with_numpy(algorithm, asked, arrays):
    """Return z of the algorithm in NumPy, in the problem's data type."""
    cast = {k: a.astype(asked.dtype) if a.dtype.kind == "f" else a for k, a in arrays.items()}
    built = implementation(f"numpy_{algorithm}").build(asked, Target(), {})
    return built.call(cast, {})["z"]


def relative(found, wanted):
    assert found.shape == wanted.shape
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def part_of(n):
    return slice(n * n, (n + 1) ** 2)


@pytest.mark.parametrize("degree", range(6))
def test_addition_theorem(degree):
    """R_l(p + q) = sum_u sqrt(binomial(2l, 2u)) [R_u(p) x R_(l-u)(q)]_l."""
    p, q = np.random.default_rng(degree).standard_normal((2, 20, 3))
    first, second, whole = (solid_harmonics(degree, v) for v in (p, q, p + q))
    found = sum(
        sqrt(comb(2 * degree, 2 * u))
        * np.einsum(
            "ijk,ni,nj->nk",
            clebsch_gordan(u, degree - u, degree),
            first[:, part_of(u)],
            second[:, part_of(degree - u)],
        )
        for u in range(degree + 1)
    )
    wanted = whole[:, part_of(degree)]
    assert np.abs(found - wanted).max() < 1e-13 * np.abs(wanted).max()


def test_translation_matrix_moves_the_origin():
    p, q = np.random.default_rng(7).standard_normal((2, 20, 3))
    matrix = (solid_harmonics(4, q) @ translation(4)).reshape(20, 25, 25)
    found = np.einsum("nij,nj->ni", matrix, solid_harmonics(4, p))
    assert relative(found, solid_harmonics(4, p + q)) < 1e-13


def test_recoupling_of_three_angular_momenta():
    """For any x: [x [R_v R_u]_l2]_l3 = sum_k c_k [[x R_v]_k R_u]_l3, sign included."""
    for l1, v, u in product(range(4), repeat=3):
        for l2 in range(abs(v - u), v + u + 1):
            for l3 in range(abs(l1 - l2), l1 + l2 + 1):
                inner, outer = clebsch_gordan(v, u, l2), clebsch_gordan(l1, l2, l3)
                rest = np.einsum("bcf,afm->abcm", inner, outer)
                size = 0.0
                for k in range(max(abs(l1 - v), abs(u - l3)), min(l1 + v, u + l3) + 1):
                    factor = recoupling(l1, v, u, l3, k, l2)
                    first, last = clebsch_gordan(l1, v, k), clebsch_gordan(k, u, l3)
                    rest = rest - factor * np.einsum("abe,ecm->abcm", first, last)
                    size += factor**2
                assert np.abs(rest).max() < 1e-13 and abs(size - 1) < 1e-13


def test_solid_harmonics_of_the_algorithms_are_polynomials():
    asked, v = small(5), np.random.default_rng(0).standard_normal((30, 3)) * 3
    b = backend("numpy", asked, Target())
    solid = Harmonics(range(6), b, solid=True)
    assert relative(solid(v), solid_harmonics(5, v)) < 1e-14
    np.testing.assert_array_equal(solid(np.zeros((1, 3))), np.eye(36)[:1])
    assert Harmonics([0], b, solid=True)(v).shape == (30, 1)


def test_oracle_is_the_sum_over_edges():
    asked = PROBLEMS["mimo"]
    arrays = draw(asked)
    x, r, a = (arrays[name] for name in ("x", "r", "a"))
    z = np.zeros(OPERATION.outputs(asked)["z"].shape)
    for e, (s, d) in enumerate(zip(arrays["src"], arrays["dst"], strict=True)):
        harmonics = solid_harmonics(2, r[s] - r[d])
        for c, path in product(range(2), paths_of(asked)):
            part = np.einsum(
                "ijk,i,j->k", path.tensor, x[s, c, path.in1], harmonics[part_of(path.ir2.l)]
            )
            z[d, c, path.out] += a[e, c] * part
    assert relative(OPERATION.oracle(asked, arrays, {})["z"], z) < 1e-13


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_algorithms_are_equal(algorithm, asked):
    assert FAMILY.check(asked) is None and OPERATION.supports(asked) is None
    arrays = draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]
    assert relative(with_numpy(algorithm, asked, arrays), wanted) < 1e-13


def test_all_symmetries_of_positions_are_claimed():
    assert OPERATION.exact == tuple(FAMILY.group(small(2)).subgroups)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_translations_change_nothing(algorithm):
    asked = PROBLEMS["mimo"]
    arrays = draw(asked)
    z = with_numpy(algorithm, asked, arrays)
    moved = arrays | {"r": arrays["r"] + [400.0, -300.0, 200.0]}
    assert relative(with_numpy(algorithm, asked, moved), z) < 1e-12


def apart(asked, distance):
    """Return two copies of the nodes, 2 `distance` apart; edges stay within each copy."""
    arrays, nodes = draw(asked), 9
    shift = np.array([distance, 0.0, 0.0])
    two = {k: np.concatenate([arrays[k]] * 2) for k in ("x", "a")}
    two["r"] = np.concatenate([arrays["r"] - shift, arrays["r"] + shift]).astype(np.float32)
    two["r"] = two["r"].astype(np.float64)  # exact in both data types
    for end in ("src", "dst"):
        two[end] = np.concatenate([arrays[end], arrays[end] + nodes])
    return replace(asked, data="lattice:18x4"), two


@pytest.mark.parametrize("algorithm", ALGORITHMS[1:])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_rounding_grows_like_the_distance_from_the_origin_to_the_power_l(algorithm, dtype, degree):
    """The pitfall of the factorised form: (|r| / |r_ij|)^l; the direct form has none."""
    asked = small(1).with_sizes(irreps_edge=f"{degree}{'oe'[degree % 2 == 0]}")
    asked = replace(asked.with_sizes(irreps_out="0e+1o+2e+3o+4e+1e+2o+3e+4o"), dtype=dtype)
    distances, eps = np.array([4.0, 16.0, 64.0]), np.finfo(dtype).eps
    errors, direct = [], []
    for distance in distances:
        larger, arrays = apart(asked, distance)
        arrays = {k: a.astype(dtype).astype(a.dtype) for k, a in arrays.items()}
        wanted = OPERATION.oracle(larger, arrays, {})["z"]
        errors.append(relative(with_numpy(algorithm, larger, arrays), wanted))
        direct.append(relative(with_numpy("edge_wise", larger, arrays), wanted))
    slope = np.polyfit(np.log(distances), np.log(errors), 1)[0]
    assert abs(slope - degree) < 0.4
    assert max(direct) < 10 * eps < errors[-1]


def test_a_node_in_the_frame_of_its_position_couples_within_an_order():
    """R_v(r) is |r|^v at m = 0: each component of a first product comes from one of x."""
    for l1, v in product(range(4), repeat=2):
        for k in range(abs(l1 - v), l1 + v + 1):
            table = clebsch_gordan(l1, v, k)[:, v]
            for m1, m in np.argwhere(np.abs(table) > 1e-12):
                assert m1 - l1 == (m - k) * (-1) ** (l1 + v + k)


def test_a_node_at_the_origin_has_no_frame():
    """It gives no number rather than a wrong one; the origin is beside the mean of positions."""
    asked = PROBLEMS["truncated"]
    arrays = draw(asked)
    r = arrays["r"] - arrays["r"].mean(0)
    r[3], r[4] = BESIDE, r[4] + r[3] - BESIDE
    r = np.round(r * 2.0**20) / 2.0**20  # so that sums are exact
    r[4] -= r.sum(0)
    assert not r.mean(0).any() and np.array_equal(r[3], BESIDE)
    receives = np.unique(arrays["dst"][(arrays["src"] == 3) | (arrays["dst"] == 3)])
    with np.errstate(invalid="ignore"):
        z = with_numpy("node_frame", asked, arrays | {"r": r})
    assert np.array_equal(np.flatnonzero(~np.isfinite(z).all((1, 2))), receives)


def test_sums_along_edges_are_of_uncoupled_size():
    """(L+1)^4 numbers for each channel pass along an edge, as many as the untruncated output."""
    asked = small(2, "so3", setting="mimo")
    node, edge, _ = irreps_of(asked)
    assert paths_of(asked)[-1].out.stop == node.dim * edge.dim == 3**4


def test_cost():
    asked = problem("truncated", 0, data="lattice:5x2", channels=3)
    assert OPERATION.cost(asked) == {
        "flops": 10.0 * (2 + 3 * 2 * 2),
        "bytes": (5 * 3 * 2 + 5 * 3 + 10 * 3) * 4.0 + 2 * 10 * 8,
    }


def test_refusals():
    asked = small(1).with_sizes(irreps_out="0o")
    assert str(OPERATION.supports(asked)).startswith("empty output: no path of 1x0e+1x1o x")
    assert OPERATION.supports(problem("full", 1, data="edges:CH4@2")) is None
    for data in ("edges:diamond@1.6", "isotropic:9x4"):
        assert f"data '{data}'" in str(OPERATION.supports(replace(small(1), data=data)))
    given = small(1).with_sizes(given="harmonics")
    assert "lengths and positions are needed" in str(OPERATION.supports(given))
    half = replace(small(1), dtype="bfloat16")
    for name in NAMES:
        refusal = implementation(name).supports(half, Target())
        assert (refusal is None) == name.endswith("edge_wise")
