"""Tensor square: how many weights there are and that none can be spared."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from impls.families import weighted
from impls.families.feature import FAMILY, irreps_of, power
from impls.peers.e3nn import labels
from impls.powers.tensor_square.operation import OPERATION, reached, squares_of
from impls.products.channel_modes.modes import paths_of
from impls.registry import load
from impls.so3.wigner import wigner_3j
from impls.streams import Streams


def problem(lmax, lmax_out, symmetry="o3", *, mul, **rest):
    return power(2, lmax, lmax_out, symmetry, channels=mul[0], channels_out=mul[1], **rest)


PSEUDO = {"irreps_in": "1x1e+1x0e+1x1o", "irreps_out": "1x1o+1x1e+1x0o+1x2e"}
WHOLE = problem(2, 2, "so3", mul=(3, 2), batch=4, dtype="float64")
PROBLEMS = {
    "so3": problem(1, 2, "so3", mul=(3, 2), batch=4, dtype="float64"),
    "one": problem(2, 3, mul=(1, 2), batch=4, dtype="float64"),
    "own": problem(1, 2, mul=(2, 3), weights="per_sample", batch=4, dtype="float64").with_sizes(
        **PSEUDO
    ),
}


def weights_into(asked, degree):
    return sum(len(s.pairs) for s in squares_of(asked) if s.path.ir3.l == degree)


def maps(mul, items, out):
    """Return dim Hom(Sym^2(mul x irreps), out) by counting pairs of components of each order m."""
    components = [(m, ir.p) for _, ir in items for m in range(-ir.l, ir.l + 1) for _ in range(mul)]
    counts = {}
    for (m1, p1), (m2, p2) in combinations_with_replacement(components, 2):
        counts[m1 + m2, p1 * p2] = counts.get((m1 + m2, p1 * p2), 0) + 1
    return sum(counts.get((ir.l, ir.p), 0) - counts.get((ir.l + 1, ir.p), 0) for _, ir in out)


@pytest.mark.parametrize("mul", [1, 2, 3])
@pytest.mark.parametrize(
    ("irreps_in", "irreps_out"),
    [
        ("0e+1o+2e", "0e+1o+2e+3o+4e"),
        ("0+1+2", "0+1+2+3+4"),
        ("1e+0o+1o+2e", "0e+0o+1e+1o+2e+2o+3o"),
        ("3o", "0e+1e+2e+3e+4e+5e+6e"),
    ],
)
def test_weights_are_as_many_as_equivariant_maps_of_the_square(mul, irreps_in, irreps_out):
    sizes = {"irreps_in": irreps_in, "irreps_out": irreps_out, "channels": mul, "channels_out": 1}
    asked = WHOLE.with_sizes(**sizes)
    assert squares_of(asked)[-1].rows.stop == maps(mul, *irreps_of(asked))


@pytest.mark.parametrize(
    ("lmax", "natural", "pseudo"), [(1, (2, 1, 1), (0, 0, 0)), (2, (3, 2, 3), (0, 0, 1)),
                                    (3, (4, 3, 5), (0, 0, 2))]
)  # fmt: skip
def test_one_channel_has_the_weights_of_a_symmetric_contraction(lmax, natural, pseudo):
    for labels_out, counts in (("0e+1o+2e", natural), ("0o+1e+2o", pseudo)):
        asked = problem(lmax, 2, mul=(1, 1)).with_sizes(irreps_out=labels_out)
        assert tuple(weights_into(asked, degree) for degree in range(3)) == counts


def test_pairs_of_one_irrep_with_itself():
    asked = problem(0, 0, mul=(4, 1)).with_sizes(irreps_in="1x2e", irreps_out="0e+1e+2e+3e+4e")
    assert [len(s.pairs) for s in squares_of(asked)] == [10, 6, 10, 6, 10]
    assert all(u < v for s in squares_of(asked) if s.path.ir3.l % 2 for u, v in s.pairs)
    assert squares_of(asked)[0].pairs[:5] == ((0, 0), (0, 1), (0, 2), (0, 3), (1, 1))


def test_no_weight_can_be_spared():
    """As many independent functions of x as weights: the rank over random x."""
    asked = WHOLE.with_sizes(channels_out=1, batch=60)
    x = FAMILY.draw(asked, Streams(0))
    count = squares_of(asked)[-1].rows.stop
    columns = [
        OPERATION.oracle(asked, x, {"w": row[:, None]})["z"].ravel() for row in np.eye(count)
    ]
    values = np.linalg.svd(np.array(columns), compute_uv=False)
    assert count == 72 and values[-1] > 1e-3 * values[0]


def test_oracle_is_the_sum_over_pairs_written_out(judge):
    asked = WHOLE
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    x, w = inputs["x"], weights["w"]
    out = {ir: part for (_, ir), part in zip(reached(asked), reached(asked).slices(), strict=True)}
    wanted, row = np.zeros(OPERATION.outputs(asked)["z"].shape), 0
    for square in squares_of(asked):
        path = square.path
        tensor = np.sqrt(path.ir3.dim) * wigner_3j(path.ir1.l, path.ir2.l, path.ir3.l)
        for u in range(3):
            for v in range(3):
                same = path.i1 == path.i2
                if same and (u > v or (u == v and path.ir3.l % 2)):
                    continue
                coupled = np.einsum("ijk,bi,bj->bk", tensor, x[:, u, path.in1], x[:, v, path.in2])
                wanted[..., out[path.ir3]] += coupled[:, None] * w[row][:, None]
                row += 1
    assert row == len(w)
    np.testing.assert_allclose(OPERATION.oracle(asked, inputs, weights)["z"], wanted, atol=1e-12)


def test_fully_connected_product_of_x_with_itself_is_a_square():
    """Its weights fold onto those of the square: nothing else of them is left."""
    asked = WHOLE
    x = FAMILY.draw(asked, Streams(1))["x"]
    whole = weighted.problem("truncated", 2, "so3", mul=(3, 3, 2), batch=4, dtype="float64")
    operation = load().operation("uvw")
    w = operation.weights(whole)["w"].sample(np.random.default_rng(2))
    wanted = operation.oracle(whole, {"x": x, "y": x}, {"w": w})["z"]
    where = {(p.i1, p.i2, p.ir3): k for k, p in enumerate(paths_of(whole))}
    rows = []
    for square in squares_of(asked):
        p = square.path
        sign = (-1) ** (p.ir1.l + p.ir2.l + p.ir3.l)
        for u, v in square.pairs:
            row = w[where[p.i1, p.i2, p.ir3], u, v].copy()
            if (p.i1, u) != (p.i2, v):
                row += sign * w[where[p.i2, p.i1, p.ir3], v, u]
            rows.append(row)
    found = OPERATION.oracle(asked, {"x": x}, {"w": np.array(rows)})["z"]
    np.testing.assert_allclose(found, wanted, atol=1e-11)


def test_a_vector_has_no_cross_product_with_itself():
    alone = problem(1, 1, mul=(1, 1)).with_sizes(irreps_in="1x1o", irreps_out="1x1e")
    refusal = OPERATION.supports(alone)
    assert "empty output" in str(refusal) and "more channels" in str(refusal)
    assert OPERATION.supports(alone.with_sizes(channels=2)) is None
    assert OPERATION.weights(alone.with_sizes(channels=2, channels_out=1))["w"].shape == (1, 1)


def test_e3nn_has_as_many_weights():
    o3 = pytest.importorskip("e3nn.o3")
    for asked in PROBLEMS.values():
        inside = irreps_of(asked)[0]
        mul, mul3 = asked.sizes["channels"], asked.sizes["channels_out"]
        theirs = o3.TensorSquare(labels(inside, mul), labels(reached(asked), mul3))
        assert theirs.weight_numel == squares_of(asked)[-1].rows.stop * mul3


def test_cost_of_a_square_of_scalars():
    asked = problem(0, 0, mul=(2, 3), batch=5)
    assert OPERATION.cost(asked) == {
        "flops": 5.0 * (3 * 3 + 2 * 3 * 3),
        "bytes": 4.0 * (5 * (2 + 3) + 9),
    }


@pytest.mark.parametrize("name", PROBLEMS)
def test_of_any_irreps(name, agrees):
    agrees(OPERATION, PROBLEMS[name])
