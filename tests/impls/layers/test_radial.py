"""Radial functions: orthonormal waves, an envelope without a jump, a network in each framework."""

import numpy as np
import pytest

from impls.backends import load
from impls.families.points import problem
from impls.implementation import FRAMEWORKS, Target
from impls.layers import radial
from impls.layers.radial import Envelope, Radial, RadialNetwork, bessel, envelope, matrix

CUTOFF = 2.0
ASKED = problem("truncated", 1, data=f"edges:CH4@{CUTOFF}", dtype="float64")
NETWORKS = [Radial(5), Radial(3, p=5, basis=6, hidden=()), Radial(4, hidden=(7,))]


def network(framework, spec, r, weights):
    """Return the radial functions [n, outputs] of lengths [n] in a framework."""
    b = load(framework, ASKED, Target())
    tables = {name: b.table(w) for name, w in weights.items()}
    return np.asarray(RadialNetwork(spec, ASKED, b)(b.table(r[:, None]), tables))


def drawn(spec):
    rng = np.random.default_rng(0)
    return {name: space.sample(rng) for name, space in spec.weights().items()}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("spec", NETWORKS)
def test_equal_to_the_formula(framework, spec, precision):
    v = np.array([[0.3, 0.1, 0], [0, 1.1, 0.4], [1.2, -1.2, 1.0], [0, 0, 2.5]])
    weights = drawn(spec)
    want = radial.oracle(spec, ASKED, {"v": v}, weights)
    with precision(framework, "float64"):
        found = network(framework, spec, np.linalg.norm(v, axis=1), weights)
    assert want.shape == (4, spec.outputs) and np.abs(want[:2]).min() > 1e-5
    np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-13)
    assert not want[3].any() and not found[3].any()  # beyond the cutoff


def test_bessel_functions_are_orthonormal_in_a_ball():
    nodes, w = np.polynomial.legendre.leggauss(60)
    r = (nodes + 1) / 2 * CUTOFF
    functions = bessel(r, CUTOFF, 8)
    gram = np.einsum("nk,nj,n->kj", functions, functions, w * CUTOFF / 2 * r**2)
    np.testing.assert_allclose(gram, np.eye(8), atol=1e-12)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("p", [2, 5, 6])
def test_an_envelope_meets_the_cutoff_with_two_derivatives(framework, p, precision):
    x = np.linspace(0, 1.3, 40)
    with precision(framework, "float64"):
        b = load(framework, ASKED, Target())
        found = np.asarray(Envelope(p, b)(b.table(x)))
    np.testing.assert_allclose(found, envelope(x, p), atol=1e-13)
    assert envelope(np.zeros(1), p) == 1
    near = 1 - np.array([1e-2, 1e-3])  # f(1 - h) is of order h^3
    first, second = envelope(near, p)
    assert 900 < first / second < 1100
    assert (np.diff(envelope(np.linspace(0, 1, 50), p)) < 0).all()


def test_derivatives_of_the_network_vanish_at_the_cutoff():
    import torch

    spec = Radial(4)
    b = load("torch", ASKED, Target())
    weights = {name: b.table(w) for name, w in drawn(spec).items()}
    ours = RadialNetwork(spec, ASKED, b)
    sizes = []
    for r in (CUTOFF / 2, CUTOFF * (1 - 1e-5)):
        at = torch.tensor([[r]], dtype=torch.float64, requires_grad=True)
        value = ours(at, weights)[0, 0]
        (slope,) = torch.autograd.grad(value, at, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), at)
        sizes.append([abs(float(a.detach())) for a in (value, slope, bend)])
    inside, edge = np.array(sizes)
    assert (inside > 1e-3).all()
    assert (edge < [1e-12, 1e-7, 2e-2]).all()


def test_weights_are_drawn_for_sums():
    w = matrix((400, 30), 400).sample(np.random.default_rng(0))
    assert abs(w.std() * 20 - 1) < 0.05
    assert [s.shape for s in Radial(5).weights().values()] == [(8, 64), (64, 64), (64, 5)]
    assert Radial(5).numbers == 8 * 64 + 64 * 64 + 64 * 5
