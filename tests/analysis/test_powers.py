"""Equivariant polynomials of a feature, counted by averages over the group: by quadrature."""

from __future__ import annotations

import json
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy.special import sph_harm_y

import analysis.__main__ as analysis_line
from analysis.powers import Count, count, up_to
from impls.so3.irreps import Irrep, Irreps

NATURAL = {1: "0e+1o", 2: "0e+1o+2e", 3: "0e+1o+2e+3o"}


def harmonics(degree, points):
    """Return real harmonics [points, 2l+1] of scipy's complex ones."""
    polar = np.arccos(np.clip(points[:, 2], -1, 1))
    around = np.arctan2(points[:, 1], points[:, 0])
    parts = [
        part
        for m in range(degree + 1)
        for part in (np.real, np.imag)[: 1 + (m > 0)]
        for part in [part(sph_harm_y(degree, m, polar, around))]
    ]
    return np.stack(parts, -1) * np.r_[1, np.full(2 * degree, np.sqrt(2))]


@cache
def elements(exact):
    """Return rotations by Euler angles and their weights: exact for products of that degree."""
    around = 2 * np.pi * np.arange(exact + 1) / (exact + 1)
    cosines, weights = np.polynomial.legendre.leggauss(exact // 2 + 1)
    matrices, shares = [], []
    for (a, (cosine, weight)), c in product(
        product(around, zip(cosines, weights, strict=True)), around
    ):
        sine = np.sqrt(1 - cosine**2)
        first, last = (
            np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
            for t in (a, c)
        )
        middle = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        matrices.append(first @ middle @ last)
        shares.append(weight / 2 / (exact + 1) ** 2)
    return np.array(matrices), np.array(shares)


@cache
def matrices_of(degree, exact):
    """Return D [elements, 2l+1, 2l+1]: the harmonics of rotated points are D times harmonics."""
    points = np.random.default_rng(1).standard_normal((3 * (2 * degree + 1), 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    inverse = np.linalg.pinv(harmonics(degree, points))
    rotated = [harmonics(degree, points @ r.T) for r in elements(exact)[0]]
    return np.array([(inverse @ moved).T for moved in rotated])


def averaged(irreps, out, nu, same, draws):
    """Return the rank of group averages of random products of nu linear forms, on random points.

    With the `same` vector in all slots they are polynomials; else multilinear maps.
    """
    rng = np.random.default_rng(0)
    exact = nu * irreps.lmax + out.l
    rotations = [matrices_of(ir.l, exact) for _, ir in irreps]
    of_out, shares = matrices_of(out.l, exact), elements(exact)[1]
    slots = 1 if same else nu
    points = rng.standard_normal((slots, draws, irreps.dim))
    rows = np.zeros((draws, draws * out.dim))
    signs = (1, -1) if out.p else (1,)
    for sign in signs:
        moved = [  # rho(g) x: [elements, points, dim]
            np.concatenate(
                [
                    (ir.p if sign < 0 else 1) * np.einsum("gij,nj->gni", d, x[:, place])
                    for (_, ir), place, d in zip(irreps, irreps.slices(), rotations, strict=True)
                ],
                -1,
            )
            for x in points
        ]
        back = np.einsum("g,gji->gij", shares, of_out) * (out.p if sign < 0 else 1)
        forms = np.random.default_rng(2)
        for row in rows:
            values = 1.0
            for slot in range(nu):
                values = values * (moved[0 if same else slot] @ forms.standard_normal(irreps.dim))
            constant = forms.standard_normal(out.dim)
            row += np.einsum("gn,gij,j->ni", values, back, constant).ravel() / len(signs)
    found = np.linalg.svd(rows, compute_uv=False)
    return int(np.count_nonzero(found > 1e-9 * found[0]))


@pytest.mark.parametrize(
    ("irreps", "out", "nu"),
    [
        ("0e+1o", "0e", 3),
        ("0e+1o", "1o", 4),
        ("0+1+2", "1", 2),
        ("0+1+2", "2", 3),
        ("0e+1o+2e", "1e", 3),
        ("0e+1e+1o", "1o", 2),
        ("0e+1o+2e+3o", "0e", 2),
        ("0e+1o+2e+3o", "1o", 2),
    ],
)
def test_counts_are_the_ranks_of_averages_over_the_group(irreps, out, nu):
    irreps, out = Irreps.parse(irreps), Irrep.parse(out)
    found = count(irreps, out, nu)
    draws = found.nested + 4
    assert averaged(irreps, out, nu, True, draws) == found.minimal
    assert averaged(irreps, out, nu, False, draws) == found.nested


@pytest.mark.slow
def test_the_weights_of_mace():
    """Degrees up to 3 into scalars and vectors, three factors: 86 are stored, 29 independent."""
    irreps, total = Irreps.parse(NATURAL[3]), Count(0, 0)
    for out in map(Irrep.parse, ("0e", "1o")):
        for nu in (1, 2, 3):
            found = count(irreps, out, nu)
            draws = found.nested + 2
            ranks = (averaged(irreps, out, nu, same, draws) for same in (True, False))
            assert Count(*ranks) == found
            total += found
    assert total == Count(29, 86)
    assert total == up_to(irreps, Irrep.parse("0e"), 3) + up_to(irreps, Irrep.parse("1o"), 3)


@pytest.mark.parametrize(("irreps", "out", "nu"), [("0e+1o", "0", 2), ("0+1", "1o", 2)])
def test_parity_is_that_of_all_or_of_none(irreps, out, nu):
    with pytest.raises(ValueError, match="write all with a parity"):
        count(Irreps.parse(irreps), Irrep.parse(out), nu)


def test_a_degree_below_one_is_refused():
    with pytest.raises(ValueError, match="nu=0"):
        count(Irreps.parse("0e"), Irrep.parse("0e"), 0)


IDLE = '''
"""Scalars of x squared by the sum of two weights: one does nothing that the other cannot."""
from impls.families.feature import irreps_of, output_space
from impls.implementation import Built, Implementation
from impls.operation import Operation, exact
from impls.problem import Refusal
from impls.spaces import Space


def oracle(problem, inputs, weights):
    x, (first, second) = inputs["x"], weights["w"]
    return {"z": (first + second) * (x**2).sum(-1, keepdims=True)}


def supports(problem):
    scalar = str(irreps_of(problem)[1]) == "1x0e" and problem.sizes["nu"] == 2
    return None if scalar else Refusal("it makes one scalar of two factors", "ask for 0e")


OPERATION = Operation(
    name="idle", family="feature", summary="a scalar", papers=(),
    claims=exact("rotation", "inversion"),
    outputs=lambda problem: {"z": output_space(problem, irreps_of(problem)[1])},
    weights=lambda problem: {"w": Space((2,))},
    oracle=oracle, cost=lambda problem: {}, supports=supports, linear_in=(("w", 1),),
)
MINE = Implementation(
    "idle", "mine", "numpy",
    lambda problem, target, options: Built(lambda x, w: oracle(problem, x, w)),
)
'''


@pytest.mark.slow
def test_weights_that_do_what_others_do_are_found(tmp_path, capsys):
    file = tmp_path / "idle.py"
    file.write_text(IDLE, encoding="utf-8")
    words = "--family feature --nu 2 --irreps-in 0e+1o --irreps-out 0e --plain --format json"
    line = ["weights", "--operation", "idle", "--with", str(file), "--out", str(tmp_path / "out")]
    assert analysis_line.main([*line, *words.split()]) == 0
    for row in json.loads(capsys.readouterr().out):
        counts = [row[name] for name in ("weights", "independent", "minimal", "nested")]
        assert counts == [2, 1, 2, 2] and row["verdict"] == "certain"


@pytest.mark.slow
def test_the_running_implementation_has_no_idle_weight(tmp_path, capsys):
    words = "--implementation numpy_monomials --family feature --nu 3 --irreps-in 0e+1o+2e+3o"
    words += " --irreps-out 0e+1o --plain --format json"
    line = ["weights", "--operation", "symmetric_contraction", "--out", str(tmp_path)]
    assert analysis_line.main([*line, *words.split()]) == 0
    rows = {row["irrep"]: row for row in json.loads(capsys.readouterr().out)}
    counts = ("weights", "independent", "nested")
    assert {name: tuple(row[c] for c in counts) for name, row in rows.items()} == {
        "0e": (8, 8, 23), "1o": (12, 12, 51), "all": (20, 20, 74),
    }  # fmt: skip
    assert (rows["all"]["minimal_up_to_nu"], rows["all"]["nested_up_to_nu"]) == (29, 86)
