"""Family signal: what is drawn, its order and parities, how the group moves it, what is refused."""

import numpy as np
import pytest

from impls.families.field import (
    CROSS,
    DOT,
    FAMILY,
    SCALARS,
    SCALE,
    fields_of,
    harmonics_of,
    irreps_of,
    problem,
)
from impls.problem import Problem
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irrep, natural
from impls.so3.rotations import random_rotations, representation
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

ASKED = problem(CROSS, 1, channels=2, batch=3, dtype="float64")


def test_order_of_the_harmonics_and_their_parities():
    assert str(irreps_of(ASKED)[0]) == "1x1o+1x0e+1x1e+1x2e"
    assert str(irreps_of(ASKED)[2]) == "1x1e+1x0o+1x1o+1x2o+1x1e+1x2e+1x3e"
    assert [(n, ir.l) for n, ir in fields_of(ASKED)[0]] == [(0, 1), (1, 0), (1, 1), (1, 2)]
    assert irreps_of(problem(SCALARS, 3))[0] == natural(range(4))


def test_each_field_has_the_numbers_of_its_components():
    for spin in range(4):
        for cutoff in range(4):
            dim = sum(ir.dim for _, ir in harmonics_of(Irrep(spin, 0), cutoff))
            assert dim == (2 * spin + 1) * (cutoff + 1) ** 2


@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_arrays_have_the_shapes_of_their_spaces(symmetry):
    asked = problem(SCALE, 2, symmetry, channels=2, batch=3)
    spaces, arrays = FAMILY.inputs(asked), FAMILY.draw(asked, Streams(0))
    assert {k: a.shape for k, a in arrays.items()} == {"x": (3, 2, 9), "y": (3, 2, 27)}
    assert all(arrays[k].shape == space.shape for k, space in spaces.items())
    inversion = "inversion" in FAMILY.group(asked).subgroups
    assert inversion == (symmetry == "o3")


@pytest.mark.parametrize("value", ["0e", "1o", "1e", "2e"])
def test_coefficients_move_as_the_field_does(value):
    """(g f)(r) = D(g) f(g^-1 r), inversion included."""
    rng, (lmax, ir) = np.random.default_rng(1), (2, Irrep.parse(value))
    asked = problem((value, "0e", value), lmax, batch=1, dtype="float64")
    x, space = FAMILY.draw(asked, Streams(0))["x"], FAMILY.inputs(asked)["x"]
    points = rng.standard_normal((5, 3))

    def field(coefficients, at):
        harmonics, out, start = spherical_harmonics(lmax, at), 0.0, 0
        for n, part in fields_of(asked)[0]:
            tensor = np.sqrt(part.dim) * wigner_3j(n, ir.l, part.l)
            a = coefficients[0, 0, start : start + part.dim]
            out += np.einsum("mak,pm,k->pa", tensor, harmonics[:, n * n : (n + 1) ** 2], a)
            start += part.dim
        return out

    rotation = random_rotations(rng, 1)[0]
    for g in (rotation, -np.eye(3), -rotation):
        wanted = field(x, points @ g) @ representation(value, g).T
        np.testing.assert_allclose(field(space.act(g, x), points), wanted, atol=1e-12)


def test_facets():
    assert FAMILY.facets(problem(DOT, 2, batch=5)) == {
        "setting": "mimo",
        "symmetry": "o3",
        "lmax": 2,
        "values": "1o | 1o | 0e",
        "channels": 1,
        "batch": 5,
    }
    assert FAMILY.facets(problem(DOT, 2, setting="truncated"))["setting"] == "truncated"
    other = FAMILY.facets(problem(DOT, 2, "so3").with_sizes(lout=3))
    assert (other["setting"], other["lout"], other["symmetry"]) == ("custom", 3, "so3")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"batch": 0}, "size batch=0"),
        ({"lmax": -1}, "size lmax=-1"),
        ({"lout": True}, "size lout=True"),
        ({"lout": 3}, "lout=3: the product of two fields with orbital degrees up to 1 has none"),
        ({"value1": "1y"}, "size value1: cannot read irrep '1y'"),
        ({"value1": "1"}, "irreps with and without parity are mixed"),
        ({"spin1": 1}, "sizes of family field: unknown ['spin1']"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    assert FAMILY.check(ASKED) is None
    assert str(FAMILY.check(ASKED.with_sizes(**changes))).startswith(reason)


def test_bad_data_and_arguments():
    assert "unknown data 'uniform'" in str(
        FAMILY.check(Problem("field", ASKED.sizes, data="uniform"))
    )
    for arguments, reason in (
        ((CROSS, 1, "su2"), "symmetry"),
        ((CROSS, -1), "lmax"),
        ((("1o", "1o", "one"), 1), "irrep"),
    ):
        with pytest.raises(ValueError, match=reason):
            problem(*arguments)
    with pytest.raises(ValueError, match="unknown setting 'siso'"):
        FAMILY.pose(1, setting="siso", symmetry="so3")


def test_settings_of_pose():
    """mimo and truncated are of the cross product, dot and scale of the others with all degrees."""
    for setting, values, lout in (
        ("mimo", "1o | 1o | 1e", 4),
        ("truncated", "1o | 1o | 1e", 2),
        ("dot", "1o | 1o | 0e", 4),
        ("scale", "0e | 1o | 1o", 4),
    ):
        posed = FAMILY.pose(2, setting=setting, symmetry="o3")
        assert FAMILY.facets(posed)["values"] == values and posed.sizes["lout"] == lout
