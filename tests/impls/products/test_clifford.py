"""Geometric products of Cl(3,0), with a weight for each triple of grades and without."""

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import labels
from impls.families import weighted
from impls.families.product import FAMILY, MULTIVECTORS, ask
from impls.implementation import Target
from impls.products.channel_modes import blades
from impls.products.channel_modes.modes import paths_of
from impls.products.clifford import operation as clifford
from impls.products.clifford.algebra import dense, table, triples
from impls.products.clifford.operation import CLIFFORD, GEOMETRIC_PRODUCT, GRADES
from impls.registry import load
from impls.so3.irreps import Irreps
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

TRIPLES = clifford.TRIPLES
ASKED = ask(irreps_in1=MULTIVECTORS, irreps_out=MULTIVECTORS, channels=3, batch=5, dtype="float64")


def draw(asked):
    return FAMILY.draw(asked, Streams(asked.seed))


@pytest.mark.parametrize("name", ["numpy_blades", "numpy_dense"])
def test_each_weight_scales_its_triple_alone(name, distance):
    arrays = draw(ASKED)
    built = load().implementation(f"clifford.{name}").build(ASKED, Target(), {})
    for number, triple in enumerate(TRIPLES):
        w = np.zeros((20, 3))
        w[number] = 1.0, 2.0, 3.0
        part = clifford.product_of_grades(arrays["x"], arrays["y"], triple)
        wanted = np.zeros(arrays["x"].shape)
        wanted[..., GRADES[triple[2]]] = part * np.array([[1.0], [2.0], [3.0]])
        for found in (built.call(arrays, {"w": w}), CLIFFORD.oracle(ASKED, arrays, {"w": w})):
            assert distance(found["z"], wanted) < 1e-13


def test_oracle_is_the_formula_in_components():
    arrays = draw(ASKED)
    (s, v, b, p), (t, u, c, q) = ([a[..., g] for g in GRADES] for a in arrays.values())

    def dot(a, b):
        return (a * b).sum(-1, keepdims=True)

    cross = np.cross
    wanted = [
        s * t + dot(v, u) - dot(b, c) - p * q,
        s * u + t * v - cross(v, c) - cross(b, u) - p * c - q * b,
        s * c + t * b + cross(v, u) - cross(b, c) + p * u + q * v,
        s * q + p * t + dot(v, c) + dot(b, u),
    ]
    found = GEOMETRIC_PRODUCT.oracle(ASKED, arrays, {})["z"]
    np.testing.assert_allclose(found, np.concatenate(wanted, -1), atol=1e-13)


def test_weights_of_one_give_the_geometric_product():
    arrays = draw(ASKED)
    found = CLIFFORD.oracle(ASKED, arrays, {"w": np.ones((20, 3))})["z"]
    wanted = GEOMETRIC_PRODUCT.oracle(ASKED, arrays, {})["z"]
    np.testing.assert_allclose(found, wanted, atol=1e-13)


def test_table_is_associative_and_has_64_entries():
    full = dense()
    assert np.count_nonzero(full) == 64 and set(np.unique(full)) == {-1.0, 0.0, 1.0}
    left = np.einsum("ijm,mkl->ijkl", full, full)
    np.testing.assert_array_equal(left, np.einsum("jkm,iml->ijkl", full, full))
    _, _, numbers = table()
    assert sorted(set(numbers.ravel())) == list(range(20))
    assert triples().shape == (8, 8, 8)


def test_the_triples_are_the_20_paths_of_o3_and_equal_clebsch_gordan():
    """Each triple of grades is one path, up to the constant in REDUCED."""
    irreps = [ir for _, ir in Irreps.parse(MULTIVECTORS)]
    paths = {
        (i, j, k)
        for i in range(4)
        for j in range(4)
        for k in range(4)
        if irreps[k] in irreps[i] * irreps[j]
    }
    assert len(TRIPLES) == 20 and set(TRIPLES) == paths
    x, y = np.repeat(np.eye(8), 8, axis=0), np.tile(np.eye(8), (8, 1))
    for i, j, k in TRIPLES:
        full = clifford.product_of_grades(x, y, (i, j, k)).reshape(8, 8, -1)
        wanted = clifford.REDUCED[i, j, k] * wigner_3j(irreps[i].l, irreps[j].l, irreps[k].l)
        np.testing.assert_allclose(full[GRADES[i], GRADES[j]], wanted, atol=1e-14)


def test_dimension_20_with_weights_and_10_without():
    parts = (labels(MULTIVECTORS),) * 3
    fixed = GEOMETRIC_PRODUCT.coefficients(ASKED)
    assert reachable_dimension(fixed, *parts).value == 10
    assert span_dimension(fixed, *parts) == 20
    # One weight for each triple: the Jacobian in the weights alone has full rank.
    rng = np.random.default_rng(5)
    asked = ASKED.with_sizes(channels=1, batch=40)
    arrays = {name: rng.standard_normal((40, 1, 8)) for name in "xy"}
    columns = [
        CLIFFORD.oracle(asked, arrays, {"w": row[:, None]})["z"].ravel() for row in np.eye(20)
    ]
    assert np.linalg.matrix_rank(np.stack(columns)) == 20


SAME = weighted.ask(
    irreps_in1=MULTIVECTORS, irreps_out=MULTIVECTORS, channels=3, batch=5, dtype="float64"
)


@pytest.mark.parametrize("weights", ["shared", "per_sample"])
def test_it_is_the_elementwise_product_with_paths_summed(weights, agrees):
    """As an algorithm of `uuu_collapsed` it has the same weights, of samples too."""
    assert len(paths_of(SAME)) == 20
    agrees(load().operation("uuu_collapsed"), SAME.with_sizes(weights=weights),
           but=("strided",) if weights == "per_sample" else ())  # fmt: skip


def test_its_weights_are_those_of_paths_by_known_factors(distance):
    """Each triple is its path times REDUCED / sqrt(2 l3 + 1): spans are equal, one to one."""
    arrays, w = draw(ASKED), np.random.default_rng(2).standard_normal((20, 3))
    number, scale = blades.of_triples(SAME)
    assert sorted(number) == list(range(20))
    found = CLIFFORD.oracle(ASKED, arrays, {"w": w[number] * scale[:, None]})["z"]
    wanted = load().operation("uuu_collapsed").oracle(SAME, arrays, {"w": w})["z"]
    assert distance(found, wanted) < 1e-13


def test_other_irreps_are_refused():
    implementation = load().implementation("uuu_collapsed.numpy_blades")
    assert implementation.supports(SAME, Target()) is None
    bare = SAME.with_sizes(irreps_out="1x0e+1x1o")
    assert "are not multivectors of Cl(3,0)" in str(implementation.supports(bare, Target()))
    for name in ("irreps_in1", "irreps_out"):
        other = ASKED.with_sizes(**{name: "1x0e+1x1o"})
        for operation in (CLIFFORD, GEOMETRIC_PRODUCT):
            assert "are not multivectors of Cl(3,0)" in str(operation.supports(other))
            assert operation.supports(ASKED) is None
