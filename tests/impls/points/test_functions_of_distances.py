"""Functions of distances: how they end, that they are orthonormal, the spline and its network."""

import itertools

import numpy as np
import pytest

from impls.backends import load as backend
from impls.families.distances import FAMILY, ask
from impls.implementation import FRAMEWORKS, Target
from impls.layers.radial import envelope as polynomial
from impls.points.bessel_basis.operation import OPERATION as BESSEL
from impls.points.envelope.operation import OPERATION as ENVELOPE
from impls.points.envelopes import envelope
from impls.points.gaussian_basis.operation import OPERATION as GAUSSIAN
from impls.points.radial_network.operation import OPERATION as NETWORK
from impls.points.radial_spline.operation import KNOTS
from impls.points.radial_spline.operation import OPERATION as SPLINE
from impls.points.radial_spline.table import solution
from impls.registry import load
from impls.streams import Streams

REGISTRY = load()
OPERATIONS = (ENVELOPE, BESSEL, GAUSSIAN, NETWORK, SPLINE)
ENVELOPES = ("polynomial", "cosine", "exponential")
CUTOFF = 2.0


def asked(operation=BESSEL, **changes):
    functions = 1 if operation is ENVELOPE else 5
    found = {"functions": functions, "cutoff": CUTOFF, "batch": 40, "dtype": "float64", **changes}
    return ask(**found)


def at(operation, x, **changes):
    """Return an operation's oracle at lengths x [n], in units of the cutoff."""
    problem = asked(operation, batch=len(x), **changes)
    v = np.outer(x * CUTOFF, [2 / 3, -1 / 3, 2 / 3])
    rng = np.random.default_rng(0)
    weights = {k: s.sample(rng) for k, s in operation.weights(problem).items()}
    return operation.oracle(problem, {"v": v}, weights)["z"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
@pytest.mark.parametrize("data", FAMILY.data)
def test_every_algorithm_is_the_formula(operation, data, agrees):
    for name in ENVELOPES:
        problem = asked(operation, data=data, envelope=name)
        if operation.supports(problem) is None:
            agrees(operation, problem)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_beyond_the_cutoff_nothing_is_left(operation):
    for name in ENVELOPES:
        if operation.supports(asked(operation, envelope=name)) is None:
            found = at(operation, np.array([0.47, 1.0, 1.001, 7.0]), envelope=name)
            assert np.abs(found[0]).min() > 1e-6 and not found[1:].any()


@pytest.mark.parametrize(("name", "order"), [("cosine", 2), ("polynomial", 3)])
def test_an_envelope_ends_with_as_many_derivatives_as_it_says(name, order):
    """u(1 - h) is of order h^2 where one vanishes, and h^3 where two do."""
    first, second = at(ENVELOPE, 1 - np.array([1e-2, 1e-3]), envelope=name)[:, 0]
    assert np.log10(first / second) == pytest.approx(order, abs=0.05)
    assert at(ENVELOPE, np.array([1e-9]), envelope=name) == pytest.approx(1)


def test_the_exponential_ends_faster_than_every_power():
    h = np.array([4e-2, 2e-2, 1e-2])
    logs = np.log(at(ENVELOPE, 1 - h, envelope="exponential")[:, 0])
    powers = np.diff(logs) / np.diff(np.log(h))
    assert powers[1] > 1.8 * powers[0] > 30


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", ENVELOPES)
def test_gradients_of_envelopes_are_numbers_everywhere(framework, name, precision):
    """At the cutoff, beyond it, and just inside, where the exponential divides by nearly zero."""
    x = np.array([[1e-6], [0.5], [1 - 2**-53], [1.0], [1 + 1e-9], [3.0]])
    with precision(framework, "float64"):
        b = backend(framework, asked(), Target())
        u = envelope(name, b)
        found = np.asarray(u(b.table(x)))
        slopes = found * 0
        if framework == "torch":
            import torch

            leaf = b.table(x).requires_grad_()
            slopes = torch.autograd.grad(u(leaf).sum(), leaf)[0].numpy()
        if framework == "jax":
            import jax

            slopes = np.asarray(jax.grad(lambda a: u(a).sum())(b.table(x)))
    assert np.isfinite(found).all() and np.isfinite(slopes).all()
    assert not found[3:].any() and not slopes[3:].any()


def test_unknown_envelopes_are_named():
    with pytest.raises(ValueError, match="unknown envelope 'hat': choose polynomial, cosine, exp"):
        envelope("hat", backend("numpy", asked(), Target()))


def test_bessel_functions_are_orthonormal_but_for_the_envelope():
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x, weights = (nodes + 1) / 2, weights / 2 * CUTOFF
    waves = at(BESSEL, x, functions=8) / polynomial(x, 6)[:, None]
    gram = np.einsum("n,nj,nk->jk", weights * (x * CUTOFF) ** 2, waves, waves)
    np.testing.assert_allclose(gram, np.eye(8), atol=1e-12)


def test_gaussians_peak_at_even_distances():
    found = at(GAUSSIAN, np.arange(1, 4) / 4, envelope="cosine")
    own = np.diag(found[:, 1:4]) / at(ENVELOPE, np.arange(1, 4) / 4, envelope="cosine")[:, 0]
    np.testing.assert_allclose(own, 1)
    np.testing.assert_allclose(found[1, 1:4] / found[1, 2], np.exp([-0.5, 0, -0.5]), rtol=1e-12)


# ---- the spline ---------------------------------------------------------------------------------


def with_knots(knots, functions=7, batch=500):
    problem = asked(SPLINE, functions=functions, batch=batch, cutoff=5.0).at(knots=knots)
    rng = np.random.default_rng(1)
    weights = {k: s.sample(rng) for k, s in SPLINE.weights(problem).items()}
    return problem, FAMILY.draw(problem, Streams(0)), weights


def apart(knots):
    problem, inputs, weights = with_knots(knots)
    found, wanted = (o.oracle(problem, inputs, weights)["z"] for o in (SPLINE, NETWORK))
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def test_the_spline_is_the_network_at_its_knots():
    x = np.linspace(0, 1, 32)[1:]
    np.testing.assert_allclose(at(SPLINE, x), at(NETWORK, x), atol=1e-12)


def test_the_spline_comes_near_to_the_network_with_the_fourth_power_of_the_spacing():
    errors = [apart(knots) for knots in (16, 31, 61, 121, 241)]
    rates = [np.log2(a / b) for a, b in itertools.pairwise(errors[1:])]
    assert errors[0] > 0.1 and errors[-1] < 1e-5
    assert 3.8 < min(rates) and max(rates) < 4.8, (errors, rates)


@pytest.mark.parametrize("knots", [4, 8, 33])
@pytest.mark.parametrize("data", FAMILY.data)
def test_of_any_number_of_knots(knots, data, agrees):
    agrees(SPLINE, asked(SPLINE, data=data).at(knots=knots))


def test_coefficients_of_a_straight_table_make_it_straight_and_flat_at_the_ends():
    c = solution(9) @ np.ones(9)
    np.testing.assert_allclose(c, 1, atol=1e-13)
    values = np.cos(np.linspace(0, np.pi, 9))
    c = solution(9) @ values
    np.testing.assert_allclose((c[:-2] + 4 * c[1:-1] + c[2:]) / 6, values, atol=1e-13)
    np.testing.assert_allclose([c[2] - c[0], c[-1] - c[-3]], 0, atol=1e-13)


def test_a_length_that_rounds_to_the_last_knot_reads_no_row_that_is_not_there(judge):
    implementation = REGISTRY.implementation("radial_spline.numpy_rows")
    problem = ask(3, cutoff=1.0, batch=3, dtype="float32")
    last = np.nextafter(np.float32(1), np.float32(0))
    v = np.array([[last, 0, 0], [0, 1.0, 0], [0.5, 0, 0]])
    rng = np.random.default_rng(0)
    weights = {k: s.sample(rng) for k, s in SPLINE.weights(problem).items()}
    z = judge.value(implementation, problem, {"v": v}, weights)["z"]
    assert np.abs(z[:2]).max() < 1e-6 < np.abs(z[2]).min()


@pytest.mark.parametrize("knots", [3, 0, 2.5, True, "many"])
def test_knots_that_are_none_are_refused(knots):
    assert "is not an integer >= 4" in str(SPLINE.supports(asked(SPLINE).at(knots=knots)))
    assert KNOTS.of(asked(SPLINE)) == 32


def test_what_is_not_answered_is_refused_by_name():
    assert "an envelope is one function" in str(ENVELOPE.supports(ask(2)))
    assert "the width of a bell" in str(GAUSSIAN.supports(ask(1)))
    for operation in (NETWORK, SPLINE):
        assert "have the polynomial one" in str(operation.supports(ask(envelope="cosine")))
