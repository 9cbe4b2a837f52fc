"""Geometric products of Cl(3,0), with a weight for each triple of grades and without."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import labels
from impls.families.product import FAMILY, MULTIVECTORS, ask
from impls.implementation import Built, Target
from impls.products.clifford import operation as clifford
from impls.products.clifford.algebra import dense, table, triples
from impls.products.clifford.operation import CLIFFORD, GEOMETRIC_PRODUCT, GRADES
from impls.registry import load
from impls.so3.irreps import Irreps
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

REGISTRY = load()
WEIGHTED = ("torch_blades", "jax_blades", "torch_dense", "jax_dense")
PLAIN = ("torch_blades", "jax_blades")
TRIPLES = clifford.TRIPLES
ASKED = ask(irreps_in1=MULTIVECTORS, irreps_out=MULTIVECTORS, channels=3, batch=5, dtype="float64")
CASES = [("clifford", n) for n in WEIGHTED] + [("geometric_product", n) for n in PLAIN]


def weights_of(asked, seed=4):
    rng = np.random.default_rng(seed)
    space = CLIFFORD.weights(asked)["w"]
    return {"w": space.sample(rng)}


def bound(operation, name, weights):
    """Return an implementation and its operation with the weights inside, as maps of x and y."""
    implementation = REGISTRY.implementation(f"{operation}.{name}")
    declared = REGISTRY.operation(operation)
    if operation == "geometric_product":
        return implementation, declared

    def build(asked, target, options):
        built = implementation.build(asked, target, options)
        if name.startswith("torch"):
            import torch

            w = torch.tensor(weights["w"], dtype=getattr(torch, asked.dtype))
        else:
            import jax.numpy as jnp

            w = jnp.asarray(weights["w"], asked.dtype)
        return Built(lambda inputs, _: built.call(inputs, {"w": w}))

    def oracle(asked, inputs, _):
        return declared.oracle(asked, inputs, weights)

    return replace(implementation, build=build), replace(declared, oracle=oracle)


def draw(asked):
    return FAMILY.draw(asked, Streams(asked.seed))


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    return bound(*request.param, weights_of(ASKED))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_is_the_oracle(case, dtype, runner, distance):
    implementation, operation = case
    asked, arrays = replace(ASKED, dtype=dtype), draw(ASKED)
    wanted = operation.oracle(asked, arrays, {})["z"]
    found = runner.value(implementation, asked, arrays)
    assert found.dtype == dtype and found.shape == operation.outputs(asked)["z"].shape
    assert distance(found, wanted) < {"float64": 1e-13, "float32": 2e-6}[dtype]


@pytest.mark.parametrize("name", WEIGHTED)
def test_each_weight_scales_its_triple_alone(name, runner, distance):
    arrays = draw(ASKED)
    for number, triple in enumerate(TRIPLES):
        w = np.zeros((20, 3))
        w[number] = 1.0, 2.0, 3.0
        found = runner.value(bound("clifford", name, {"w": w})[0], ASKED, arrays)
        part = clifford.product_of_grades(arrays["x"], arrays["y"], triple)
        wanted = np.zeros_like(found)
        wanted[..., GRADES[triple[2]]] = part * np.array([[1.0], [2.0], [3.0]])
        assert distance(found, wanted) < 1e-13


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


@pytest.mark.parametrize("name", WEIGHTED)
def test_gradient_in_the_weights(name, distance):
    arrays, weights = draw(ASKED), weights_of(ASKED)
    c = np.random.default_rng(6).standard_normal(arrays["x"].shape)
    found = weight_gradient(name, arrays, weights["w"], c)
    wanted = np.zeros((20, 3))
    for number, triple in enumerate(TRIPLES):
        part = clifford.product_of_grades(arrays["x"], arrays["y"], triple)
        wanted[number] = (part * c[..., GRADES[triple[2]]]).sum((0, 2))
    assert distance(found, wanted) < 1e-13


def weight_gradient(name, arrays, w, c):
    implementation = REGISTRY.implementation(f"clifford.{name}")
    if name.startswith("torch"):
        import torch

        call = implementation.build(ASKED, Target(), {}).call
        tensors = {k: torch.tensor(a) for k, a in arrays.items()}
        leaf = torch.tensor(w, requires_grad=True)
        value = (call(tensors, {"w": leaf})["z"] * torch.tensor(c)).sum()
        return torch.autograd.grad(value, leaf)[0].numpy()
    import jax

    with jax.enable_x64(True):
        call = implementation.build(ASKED, Target(), {}).call
        tensors = {k: jax.numpy.asarray(a) for k, a in arrays.items()}
        gradient = jax.grad(lambda w: (call(tensors, {"w": w})["z"] * c).sum())
        return np.asarray(gradient(jax.numpy.asarray(w)))


def test_other_irreps_are_refused():
    for name in ("irreps_in1", "irreps_out"):
        other = ASKED.with_sizes(**{name: "1x0e+1x1o"})
        for operation in (CLIFFORD, GEOMETRIC_PRODUCT):
            assert "are not multivectors of Cl(3,0)" in str(operation.supports(other))
            assert operation.supports(ASKED) is None
