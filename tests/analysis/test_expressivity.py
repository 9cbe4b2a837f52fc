"""Pins: dimensions and spans of the products of the literature, computed and published."""

import time

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.rank import Rank
from analysis.reduced import allowed_triples, bilinear_blocks, compare, interactability, labels
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irrep, degrees, natural
from impls.so3.quadrature import gauss_legendre
from impls.so3.wigner import gaunt_coefficient, matrix_coefficient, wigner_3j, wigner_3j_symbol


def setting(name, lmax, kind=degrees):
    one, two = range(lmax, lmax + 1), range(lmax + 1)
    inputs, outputs = {
        "siso": (one, one),
        "simo": (one, range(2 * lmax + 1)),
        "mimo": (two, range(2 * lmax + 1)),
        "truncated": (two, two),
    }[name]
    first, out = labels(kind(inputs)), labels(kind(outputs))
    return first, first, out


def collapsed(coefficient, parts):
    """Return the coefficients of a product that sums its paths into one irrep per degree."""
    found = {}
    for i1, a in enumerate(parts[0]):
        for i2, b in enumerate(parts[1]):
            for i3, c in enumerate(parts[2]):
                if abs(a.l - b.l) <= c.l <= a.l + b.l:
                    k = coefficient(a.l, b.l, c.l)
                    if k != 0:
                        found[i1, i2, i3] = k
    return found


def clebsch_gordan(parts):
    """Return (coefficients, labels): each allowed path ends in an output of its own."""
    wanted, out, found = set(parts[2]), [], {}
    for i1, a in enumerate(parts[0]):
        for i2, b in enumerate(parts[1]):
            for c in a * b:
                if c in wanted:
                    found[i1, i2, len(out)] = np.sqrt(c.dim)
                    out.append(c)
    return found, (parts[0], parts[1], tuple(out))


def gaunt(parts):
    return collapsed(gaunt_coefficient, parts)


def poisson(parts):
    def coefficient(l1, l2, l3):
        if (l1 + l2 + l3) % 2 == 0 or 0 in (l1, l2, l3):
            return 0.0
        return l1 * l2 * abs(wigner_3j_symbol(l1, l2, l3, 1, -1, 0))

    return collapsed(coefficient, parts)


def matrix(parts):
    j = -(-max(ir.l for part in parts for ir in part) // 2)
    return collapsed(lambda *degrees: matrix_coefficient(*degrees, 2 * j), parts)


def dimension(coefficients, parts, **options):
    rank = reachable_dimension(coefficients, *parts, **options)
    assert rank.verdict == "certain"
    assert rank.value <= span_dimension(coefficients, *parts, **options)
    return rank.value


def evaluator(coefficients, parts):
    """Return the map with these coefficients as a black box."""
    starts = [np.cumsum([0] + [ir.dim for ir in part]) for part in parts]
    tensor = np.zeros([start[-1] for start in starts])
    for path, k in coefficients.items():
        irs = [part[i] for part, i in zip(parts, path, strict=True)]
        where = tuple(slice(s[i], s[i + 1]) for s, i in zip(starts, path, strict=True))
        tensor[where] += k * wigner_3j(*(ir.l for ir in irs))
    return lambda x, y: np.einsum("ni,nj,ijk->nk", x, y, tensor, optimize=True)


def sphere_product(lmax1, lmax2, lmax3):
    """Return the pointwise product of two functions on the sphere as a black box."""
    grid = gauss_legendre(lmax1 + lmax2 + lmax3)
    points, weights = grid.points().reshape(-1, 3), grid.weights().reshape(-1)
    first, second, out = (spherical_harmonics(lmax, points) for lmax in (lmax1, lmax2, lmax3))
    return lambda x, y: ((x @ first.T) * (y @ second.T)) @ (weights[:, None] * out)


@pytest.mark.parametrize(
    ("lmax", "so3", "o3", "truncated"),
    [(1, 6, 5, 5), (2, 19, 14, 15), (3, 44, 30, 34), (4, 85, 55, 65), (5, 146, 91, 111)],
)
def test_clebsch_gordan_reaches_everything(lmax, so3, o3, truncated):
    for name, kind, expected in (
        ("mimo", degrees, so3),
        ("mimo", natural, o3),
        ("truncated", degrees, truncated),
    ):
        wanted = setting(name, lmax, kind)
        coefficients, parts = clebsch_gordan(wanted)
        assert dimension(coefficients, parts) == expected
        assert span_dimension(coefficients, *parts) == expected
        assert len(allowed_triples(*wanted)) == expected


@pytest.mark.parametrize(
    ("lmax", "mimo", "truncated"),
    [
        (1, (5, 5), (4, 4)),
        (2, (9, 14), (7, 11)),
        (3, (13, 30), (10, 23)),
        (4, (17, 55), (13, 42)),
        (5, (21, 91), (16, 69)),
    ],
)
def test_gaunt(lmax, mimo, truncated):
    for name, expected in (("mimo", mimo), ("truncated", truncated)):
        for kind in (degrees, natural):
            parts = setting(name, lmax, kind)
            found = gaunt(parts)
            assert (dimension(found, parts), span_dimension(found, *parts)) == expected


@pytest.mark.parametrize(
    ("lmax", "dim", "span"), [(1, 1, 1), (2, 5, 5), (3, 9, 14), (4, 13, 30), (5, 17, 55)]
)
def test_poisson_bracket(lmax, dim, span):
    parts = setting("mimo", lmax)
    found = poisson(parts)
    assert (dimension(found, parts), span_dimension(found, *parts)) == (dim, span)


@pytest.mark.parametrize(
    ("lmax", "mimo", "truncated"), [(1, 5, 4), (2, 9, 7), (3, 13, 10), (4, 17, 13), (5, 21, 16)]
)
def test_matrix(lmax, mimo, truncated):
    for name, expected in (("mimo", mimo), ("truncated", truncated)):
        parts = setting(name, lmax)
        found = matrix(parts)
        assert dimension(found, parts) == expected
        missed = [v for v in interactability(found, *parts).values() if v is not True]
        assert len(missed) == (3 if (name, lmax) == ("truncated", 5) else 0)


def test_matrix_has_accidental_zeros():
    parts = setting("truncated", 5)
    found = matrix(parts)
    assert dimension(found, parts) == 16
    verdicts = interactability(found, *parts)
    zeros = {tuple(ir.l for ir in triple) for triple, v in verdicts.items() if v is False}
    assert zeros == {(3, 5, 5), (5, 3, 5), (5, 5, 3)}
    assert "ambiguous" not in verdicts.values()
    measured = bilinear_blocks(evaluator(found, parts), *parts)
    assert measured.interactability() == verdicts
    assert compare(measured, found).agree


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
def test_single_inputs(degree):
    siso, simo = setting("siso", degree), setting("simo", degree)
    even = int(degree % 2 == 0)
    assert dimension(*clebsch_gordan(siso)) == 1
    assert dimension(gaunt(siso), siso) == even
    assert dimension(matrix(siso), siso) == 1
    counts = []
    for product in (gaunt, poisson, matrix):
        verdicts = interactability(product(simo), *simo)
        counts.append(sum(v is True for v in verdicts.values()))
    assert counts == [degree + 1, degree, 2 * degree + 1]
    assert span_dimension(*unpack(clebsch_gordan(simo))) == 2 * degree + 1


def unpack(pair):
    return pair[0], *pair[1]


def test_nothing_reached_is_rank_zero():
    assert reachable_dimension({}, *setting("siso", 1)) == Rank(0, float("inf"))


@pytest.mark.parametrize(("copies", "lmax", "dim"), [(2, 2, 20), (3, 1, 19)])
def test_multiplicity(copies, lmax, dim):
    parts = setting("mimo", lmax)
    found = gaunt(parts)
    assert dimension(found, parts, copies=copies) == dim
    full = len(allowed_triples(*setting("mimo", lmax, natural))) * copies**3
    assert span_dimension(found, *parts, copies=copies) == full
    # the Clebsch-Gordan product takes all copies at once and keeps every pair of them apart
    first, second, out = setting("mimo", lmax, natural)
    coefficients, own = clebsch_gordan((first * copies, second * copies, out))
    assert dimension(coefficients, own, copies=copies) == full


def channels(coefficients, parts, count):
    """Return `count` independent copies of a product beside each other."""
    sizes = [len(part) for part in parts]
    found = {
        tuple(i + c * n for i, n in zip(path, sizes, strict=True)): k
        for path, k in coefficients.items()
        for c in range(count)
    }
    return found, tuple(part * count for part in parts)


@pytest.mark.parametrize(
    ("product", "lmax", "expected"),
    [(gaunt, 3, [13, 25, 30]), (poisson, 3, [9, 14]), (matrix, 3, [13, 25, 37, 44])],
)
def test_parallel_channels(product, lmax, expected):
    parts = setting("mimo", lmax)
    found = product(parts)
    for count, dim in enumerate(expected, start=1):
        assert dimension(*channels(found, parts, count)) == dim


def test_channels_with_multiplicity():
    parts = setting("mimo", 2)
    assert dimension(*channels(gaunt(parts), parts, 2), copies=2) == 40


def test_span_is_the_rank_of_samples():
    # brute force: stack w(theta) for random theta
    parts = setting("mimo", 2)
    found = gaunt(parts)
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(40):
        a, b, c = (rng.standard_normal(len(part)) for part in parts)
        samples.append([k * a[i] * b[j] * c[m] for (i, j, m), k in found.items()])
    assert np.linalg.matrix_rank(np.array(samples)) == span_dimension(found, *parts) == 14


def test_black_box_gaunt_is_the_derived_one():
    lmax = 3
    parts = setting("mimo", lmax)
    measured = bilinear_blocks(sphere_product(lmax, lmax, 2 * lmax), *parts)
    assert measured.defect < 1e-13 and measured.bilinearity < 1e-13
    result = compare(measured, gaunt(parts))
    assert result.agree and result.difference < 1e-13
    assert dimension(measured.coefficients, parts) == 13
    assert measured.interactability() == interactability(gaunt(parts), *parts)
    wrong = {path: 1.01 * k for path, k in gaunt(parts).items()}
    wrong.popitem()
    result = compare(measured, wrong)
    assert not result.agree and len(result.extra) == 1 and result.difference > 1e-3


@pytest.mark.alone
def test_degree_eight_takes_seconds():
    start = time.perf_counter()
    parts = setting("mimo", 8)
    measured = bilinear_blocks(sphere_product(8, 8, 16), *parts)
    assert dimension(measured.coefficients, parts) == 33
    assert compare(measured, gaunt(parts)).agree
    assert time.perf_counter() - start < 15


def test_several_outputs_of_one_irrep():
    wanted = setting("mimo", 2, natural)
    found, parts = clebsch_gordan(wanted)
    measured = bilinear_blocks(evaluator(found, parts), *parts)
    assert compare(measured, found).agree
    assert dimension(measured.coefficients, parts) == 14


def test_a_planted_deficiency_is_found():
    # T: (two vectors) x (one vector) -> two scalars is a matrix k[copy in, copy out], here of
    # rank one: w[s1, s2, t] are the tensors of rank one in 2x2x2
    parts = labels("2x1"), labels("1"), labels("2x0")
    deficient = {(0, 0, 0): 1.0, (1, 0, 0): 2.0, (0, 0, 1): 3.0, (1, 0, 1): 6.0}
    assert dimension(deficient, parts, copies=2) == 2 + 2 + 2 - 2
    measured = bilinear_blocks(evaluator(deficient, parts), *parts)
    assert dimension(measured.coefficients, parts, copies=2) == 4
    # of rank two: any 2x2 matrix times a vector
    assert dimension({(0, 0, 0): 1.0, (1, 0, 1): 1.0}, parts, copies=2) == 4 + 2 - 1


def test_weights_that_factorise_lose_dimension():
    # every path has an output of its own: removing a path removes one dimension
    wanted = setting("mimo", 2)
    found, parts = clebsch_gordan(wanted)
    removed = dict(list(found.items())[3:])
    assert dimension(removed, parts) == 16
    tied = {path: k for path, k in gaunt(wanted).items() if path[2] in (0, 2)}
    # seven paths, 3 + 3 + 2 factors, two overall scales; factors of 1 appear as a product only
    assert dimension(tied, wanted) == 8 - 2 - 1 and span_dimension(tied, *wanted) == 7


@pytest.mark.parametrize("change", ["rescale", "mix"])
def test_invariant_under_a_change_of_basis(change):
    found, parts = channels(*(lambda p: (gaunt(p), p))(setting("mimo", 2)), 2)
    rng = np.random.default_rng(0)
    inner = evaluator(found, parts)

    def mixer(part):
        dim = sum(ir.dim for ir in part)
        matrix = np.zeros((dim, dim))
        starts = np.cumsum([0] + [ir.dim for ir in part])
        for ir in set(part):
            places = [starts[i] for i, label in enumerate(part) if label == ir]
            if change == "rescale":
                factors = np.diag(rng.uniform(0.1, 10, len(places)))
            else:
                factors = np.linalg.qr(rng.standard_normal((len(places), len(places))))[0]
            for (p, q), factor in np.ndenumerate(factors):
                rows = places[p] + np.arange(ir.dim)
                matrix[rows, places[q] + np.arange(ir.dim)] = factor
        return matrix

    first, second, out = (mixer(part) for part in parts)
    measured = bilinear_blocks(lambda x, y: inner(x @ first, y @ second) @ out, *parts)
    assert measured.defect < 1e-13
    assert measured.interactability() == interactability(found, *parts)
    for copies in (1, 2):
        expected = dimension(found, parts, copies=copies)
        assert dimension(measured.coefficients, parts, copies=copies) == expected


def test_maps_that_are_not_bilinear_are_caught():
    parts = setting("mimo", 1)
    good = sphere_product(1, 1, 2)
    for bad in (
        lambda x, y: good(x, y) + 1e-6,
        lambda x, y: np.tanh(good(x, y)),
        lambda x, y: good(np.abs(x), y),
        lambda x, y: good(x, y * np.linalg.norm(y, axis=1, keepdims=True)),
        lambda x, y: good(x, y) * np.nan,
    ):
        with pytest.raises(ValueError, match="not bilinear"):
            bilinear_blocks(bad, *parts)
    with pytest.raises(ValueError, match="shape"):
        bilinear_blocks(lambda x, y: good(x, y)[:, 1:], *parts)


def test_symmetry_breaking_is_a_defect_of_known_size():
    parts = setting("mimo", 1)
    good = evaluator(gaunt(parts), parts)
    norm = np.linalg.norm(list(gaunt(parts).values()))

    def broken(x, y):  # one forbidden entry: scalar times scalar leaks into a vector component
        z = good(x, y)
        z[:, 2] += 0.1 * x[:, 0] * y[:, 0]
        return z

    measured = bilinear_blocks(broken, *parts)
    assert measured.defect == pytest.approx(0.1 / np.hypot(norm, 0.1), rel=1e-12)
    assert measured.norm == pytest.approx(np.hypot(norm, 0.1), rel=1e-12)


def test_parity_is_part_of_the_group_only_when_claimed():
    parts = setting("mimo", 2, natural)
    forgotten = tuple(tuple(Irrep(ir.l, 0) for ir in part) for part in parts)
    assert forgotten[0] == labels(natural(range(3)), parity=False)
    found = matrix(forgotten)
    run = evaluator(found, forgotten)
    rotations_only = bilinear_blocks(run, *forgotten)
    assert rotations_only.defect < 1e-13
    assert dimension(rotations_only.coefficients, forgotten) == 9
    odd = np.linalg.norm([k for p, k in found.items() if sum(p) % 2])
    with_parity = bilinear_blocks(run, *parts)
    assert with_parity.defect == pytest.approx(odd / rotations_only.norm, rel=1e-12)
    with pytest.raises(ValueError, match="forbids"):
        reachable_dimension(found, *parts)
    with pytest.raises(ValueError, match="forbids"):
        interactability(found, *parts)


def test_coefficients_near_the_noise_are_ambiguous():
    parts = setting("mimo", 1)
    found = gaunt(parts)
    weak = dict(found)
    weak[1, 1, 2] = 1e-5
    noise = np.random.default_rng(0).standard_normal((4, 4, 9)) * 1e-7
    inner = evaluator(weak, parts)
    measured = bilinear_blocks(
        lambda x, y: inner(x, y) + np.einsum("ni,nj,ijk->nk", x, y, noise), *parts
    )
    assert measured.interactability()[Irrep(1, 0), Irrep(1, 0), Irrep(2, 0)] == "ambiguous"
    assert measured.interactability()[Irrep(0, 0), Irrep(1, 0), Irrep(1, 0)] is True


def test_single_precision_is_measured_with_its_own_tolerance():
    parts = setting("mimo", 2)
    product = sphere_product(2, 2, 4)

    def rounded(x, y):
        return product(x, y).astype(np.float32)

    measured = bilinear_blocks(rounded, *parts, tolerance=1e-5)
    assert 1e-9 < measured.defect < 1e-6
    assert dimension(measured.coefficients, parts) == 9
    assert compare(measured, gaunt(parts), tolerance=1e-6).agree
