"""Dimensions of equivariant maps against counting, characters and e3nn; what layers span."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from analysis.homs import defect, hom_dimension, intertwiners, representation, spanned
from analysis.reduced import allowed_triples, labels
from impls.families.product import irreps_space
from impls.groups import Group, direct_product, inversion, orthogonal, rotations, symmetric
from impls.so3.irreps import Irreps, natural
from impls.so3.wigner import wigner_3j
from impls.spaces import Space

ROOT = Path(__file__).parents[2]


def so3(irreps, channels=1):
    return irreps_space((channels, Irreps.parse(irreps).dim), irreps)


def counted(first, second):
    """Return dim Hom of direct sums: the pairs of equal irreps (Schur)."""
    one, two = (Counter(labels(str(irreps))) for irreps in (first, second))
    return sum(number * two[ir] for ir, number in one.items())


def plane_rotations():
    """Return SO(2); an element is an angle."""

    def sample(rng, n):
        return list(rng.uniform(0, 2 * np.pi, n))

    return Group("SO(2)", 0.0, sample, lambda g, h: g + h, lambda g: -g)


def frequencies(*values):
    """Return the Space of real representations of SO(2) with these frequencies; 0 is trivial."""

    def act(angle, a):
        parts, start = [], 0
        for m in values:
            width = 2 if m else 1
            c, s = np.cos(m * angle), np.sin(m * angle)
            turn = np.array([[c, -s], [s, c]]) if m else np.eye(1)
            parts.append(turn @ a[start : start + width])
            start += width
        return np.concatenate(parts)

    return Space((sum(2 if m else 1 for m in values),), act)


@pytest.mark.parametrize(
    ("first", "second"),
    [("0+1+2", "2x0+1+3"), ("2x1+2", "3x1"), ("1", "2"), ("3", "3")],
)
def test_maps_of_irreps_of_rotations_count_equal_pairs(first, second):
    found = hom_dimension([so3(first)], so3(second), [rotations()])
    assert (found.value, found.verdict) == (counted(first, second), "certain")
    assert found.gap > 1e6


def test_channels_multiply():
    found = hom_dimension([so3("0+1", 3)], so3("1+2", 2), [rotations()])
    assert found.value == 3 * 2


@pytest.mark.parametrize(
    ("first", "second", "expected"), [("1o", "1e", 0), ("1o+1e", "2x1e+0o", 2), ("0e", "0o", 0)]
)
def test_inversion_separates_parities(first, second, expected):
    spaces = [so3(first)], so3(second)
    assert hom_dimension(*spaces, [orthogonal()]).value == expected
    assert hom_dimension(*spaces, [rotations(), inversion()]).value == expected
    degrees_only = counted(
        first.translate({101: "", 111: ""}), second.translate({101: "", 111: ""})
    )
    assert hom_dimension(*spaces, [rotations()]).value == degrees_only >= expected


@pytest.mark.parametrize(("lmax", "out", "paths"), [(1, 2, 5), (2, 1, 7)])
def test_bilinear_maps_of_rotations_count_the_triangles(lmax, out, paths):
    kinds = str(natural(range(lmax + 1))), str(natural(range(out + 1)))
    found = hom_dimension([so3(kinds[0])] * 2, so3(kinds[1]), [orthogonal()])
    parts = labels(kinds[0]), labels(kinds[0]), labels(kinds[1])
    assert found.value == len(allowed_triples(*parts)) == paths
    assert found.verdict == "certain"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0,), (0,), 1),
        ((1,), (1,), 2),
        ((0, 1, 1), (1, 2), 4),
        ((1,), (2,), 0),
        ((0, 2), (0, 2), 3),
    ],
)
def test_plane_rotations_commute_with_complex_scaling(first, second, expected):
    found = hom_dimension([frequencies(*first)], frequencies(*second), [plane_rotations()])
    assert (found.value, found.verdict) == (expected, "certain")


def test_restriction_to_the_circle():
    # dim Hom_SO(2)(V_m, Res V_l): 1 for m = 0, 2 for 1 <= m <= l, 0 beyond (Frobenius)
    for degree in range(3):
        sphere = so3(str(degree))

        def act(angle, a, sphere=sphere):
            c, s = np.cos(angle), np.sin(angle)
            return sphere.act(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]), a)

        restricted = Space(sphere.shape, act)
        for m in range(4):
            found = hom_dimension([frequencies(m)], restricted, [plane_rotations()])
            assert found.value == (0 if m > degree else 2 if m else 1)


def entries(n, power):
    """Return the Space of arrays [n, ...] with `power` axes, permuted alike."""

    def act(p, a):
        moved = np.empty_like(a)
        moved[np.ix_(*[p] * power)] = a
        return moved

    return Space((n,) * power, act)


@pytest.mark.parametrize(("power", "bell"), [((1, 1), 2), ((1, 2), 5), ((2, 2), 15)])
def test_permutation_layers_count_set_partitions(power, bell):
    # Bell numbers, for n at least the number of axes
    found = hom_dimension([entries(4, power[0])], entries(4, power[1]), [symmetric(4)])
    assert (found.value, found.verdict) == (bell, "certain")


def test_bilinear_maps_of_sets():
    found = hom_dimension([entries(4, 1)] * 2, entries(4, 1), [symmetric(4)])
    assert found.value == 5


def test_too_few_elements_are_ambiguous():
    found = hom_dimension([entries(5, 1)], entries(5, 2), [symmetric(5)], elements=1)
    assert found.value > 5 and found.verdict == "ambiguous"


def polyphase():
    file = ROOT / "tests/plugins/polyphase.py"
    spec = importlib.util.spec_from_file_location("polyphase_of_homs", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_circular_shifts_leave_the_convolutions():
    plugin = polyphase()
    asked = plugin.problem(4, patch=2, channels=2, embed=1, batch=1, dtype="float64", data="normal")
    image = plugin.FAMILY.inputs(asked)["image"]
    circular = plugin.FAMILY.group(asked).subgroups["circular_shift"]
    found = hom_dimension([image], image, [circular])
    assert (found.value, found.verdict) == (2 * 2 * 4 * 4, "certain")
    kernels = np.random.default_rng(0).standard_normal((20, 4, 4))
    basis = np.eye(16).reshape(16, 4, 4)
    maps = np.array(
        [
            [np.ravel(np.fft.ifft2(np.fft.fft2(k) * np.fft.fft2(e)).real) for e in basis]
            for k in kernels
        ]
    ).transpose(0, 2, 1)
    assert spanned(maps).value == 16


def test_products_of_groups():
    # S_3 on nodes, rotations on vectors: (R + R) (x) Hom(1, 1)
    group = direct_product(nodes=symmetric(3), space=rotations())

    def act(g, a):
        moved = np.empty_like(a)
        moved[g["nodes"]] = a @ g["space"].T
        return moved

    vectors = Space((3, 3), act)
    assert hom_dimension([vectors], vectors, [group]).value == 2


def test_a_finite_group_against_its_characters():
    group = symmetric(3)
    everyone = [
        np.array(p) for p in ([0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1])
    ]
    for powers in ((1, 1), (1, 2), (2, 2)):
        first, second = (representation(entries(3, power), everyone) for power in powers)
        traces = [np.trace(a, axis1=1, axis2=2) for a in (first, second)]
        assert hom_dimension([entries(3, powers[0])], entries(3, powers[1]), [group]).value == (
            round(float(np.mean(traces[0] * traces[1])))
        )


def test_an_orthogonal_change_of_basis_changes_nothing():
    rng = np.random.default_rng(3)
    elements = rotations().sample(rng, 6)
    first, second = (representation(so3(irreps), elements) for irreps in ("0+1+1", "1+2"))
    expected = intertwiners([first], second)
    turns = [np.linalg.qr(rng.standard_normal((len(a[0]),) * 2))[0] for a in (first, second)]
    turned = [turn @ a @ turn.T for turn, a in zip(turns, (first, second), strict=True)]
    found = intertwiners([turned[0]], turned[1])
    assert found.value == expected.value == 2
    assert found.gap > 1e6


def test_a_linear_layer_of_e3nn_spans_all_that_commutes():
    torch = pytest.importorskip("torch")
    o3 = pytest.importorskip("e3nn.o3")
    first, second = "2x0e+1x1o+1x2e", "1x0e+2x1o+1x1e"
    layer = o3.Linear(first, second).to(torch.float64)
    rng = np.random.default_rng(0)
    maps = []
    for _ in range(layer.weight_numel + 3):
        weights = torch.tensor(rng.standard_normal(layer.weight_numel))
        maps.append(layer(torch.eye(layer.irreps_in.dim, dtype=torch.float64), weights).numpy().T)
    full = hom_dimension([so3(first)], so3(second), [orthogonal()])
    assert full.value == layer.weight_numel == spanned(np.array(maps)).value == 4
    # our irreps in e3nn's frame: the group acts through e3nn's own matrices
    rotation = o3.rand_matrix().to(torch.float64)
    ours = [
        irreps.D_from_matrix(rotation).numpy()[None]
        for irreps in (layer.irreps_in, layer.irreps_out)
    ]
    assert defect(np.array(maps), [ours[0]], ours[1]) < 1e-6


def test_what_a_bilinear_layer_lacks():
    kinds = "0+1", "0+1+2"
    elements = rotations().sample(np.random.default_rng(0), 4)
    actions = [representation(so3(kind), elements) for kind in (kinds[0], *kinds)]
    places = {0: slice(0, 1), 1: slice(1, 4), 2: slice(4, 9)}
    triples = [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1), (1, 1, 2)]
    rng = np.random.default_rng(1)

    def draw(kept):
        tensor = np.zeros((9, 4, 4))
        for a, b, c in kept:
            block = wigner_3j(a, b, c).transpose(2, 0, 1)
            tensor[places[c], places[a], places[b]] = rng.standard_normal() * block
        return tensor

    full = hom_dimension([so3(kinds[0])] * 2, so3(kinds[1]), [rotations()])
    for kept in (triples, triples[:4]):
        maps = np.array([draw(kept) for _ in range(9)])
        assert spanned(maps).value == len(kept) <= full.value == 6
        assert defect(maps, actions[:2], actions[2]) < 1e-12
    maps[0, 0, 0, 1] += 1.0
    assert defect(maps, actions[:2], actions[2]) > 1e-2


def test_refusals():
    bent = Space((2,), lambda g, a: np.abs(a))
    with pytest.raises(ValueError, match="not linear"):
        hom_dimension([bent], bent, [rotations()])
    with pytest.raises(ValueError, match="one or two inputs"):
        hom_dimension([], so3("0"), [rotations()])


def test_nothing_in_common_is_dimension_zero():
    found = hom_dimension([so3("1")], so3("2"), [rotations()])
    assert (found.value, found.verdict) == (0, "certain")
