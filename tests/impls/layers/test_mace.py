"""The layer of MACE: its blocks by e3nn and by mace-torch, its knob, and what is refused."""

import contextlib
import warnings

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, channels_of, irreps_of, problem
from impls.layers.mace.operation import (
    CORRELATION,
    OPERATION,
    basis,
    collected_of,
    convolution_of,
    kept_of,
    made_of,
    mixings_of,
    powers_of,
    radial_of,
)
from impls.peers.e3nn import labels, torch_module
from impls.points.convolution.operation import paths_of
from impls.so3.irreps import Irreps

SMALL = ask(
    irreps_node="0e+1o", irreps_edge="0e+1o+2e", irreps_out="0e+1o", data="lattice:9x4",
    channels=2, dtype="float64",
)  # fmt: skip
PROBLEMS = {
    "two degrees": SMALL,
    "degrees": problem("truncated", 1, "so3", data="edges:CH4+H2O@2", channels=3, dtype="float64"),
}


def seen(asked, correlation=3):
    return asked.at(correlation=correlation)


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_interaction_is_that_of_e3nn_modules(asked, e3nn, judge, distance):
    """o3.Linear and o3.TensorProduct up to A; then the basis, o3.Linear and the self-connection."""
    asked = seen(asked)
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    before, collected, after, own = mixings_of(asked)
    x, v = inputs["x"], inputs["v"]
    w = e3nn.radial(asked, radial_of(asked), v, weights)
    h = e3nn.linear(before, x, weights)
    sums = e3nn.convolution(convolution_of(asked), h, v, w, inputs["src"], inputs["dst"])
    a = e3nn.linear(collected, sums, weights)
    found = e3nn.linear(after, basis(asked, a, weights), weights) + e3nn.linear(own, x, weights)
    assert distance(found, OPERATION.oracle(asked, inputs, weights)["z"]) < 1e-12


def test_each_degree_of_the_basis_matters_and_is_of_its_degree():
    """Of 2 A it is 2^nu times: 2, 4 and 8."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((5, 2, collected_of(SMALL).dim))
    weights = {n: space.sample(rng) for n, space in OPERATION.weights(seen(SMALL)).items()}
    for nu in (1, 2, 3):
        only = {n: w if n == f"W{nu}" else np.zeros_like(w) for n, w in weights.items()}
        one, two = (basis(seen(SMALL), scale * a, only) for scale in (1, 2))
        assert np.abs(one).max() > 0.1
        np.testing.assert_allclose(two, 2.0**nu * one, atol=1e-12)


@contextlib.contextmanager
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_equal_to_mace_torch(judge, e3nn, distance):
    """Its interaction and product basis, one element; weights of its contraction are fitted.

    The nested basis of mace-torch has more weights than there are maps: what it gives is a
    combination of the minimal basis of each degree.
    """
    with quiet():
        blocks = pytest.importorskip("mace.modules.blocks")
    import torch
    from e3nn import o3

    asked, channels = seen(SMALL), channels_of(SMALL)
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    node, edge, out = irreps_of(asked)
    before, collected, after, own = mixings_of(asked)
    named = {n: o3.Irreps(labels(irreps, channels)) for n, irreps in
             {"node": node, "out": out, "target": collected.out}.items()}  # fmt: skip
    with quiet():
        interaction = torch_module(
            lambda: blocks.RealAgnosticResidualInteractionBlock(
                o3.Irreps("1x0e"), named["node"], o3.Irreps(labels(edge)), o3.Irreps("8x0e"),
                named["target"], named["out"], avg_num_neighbors=1.0,
            ),
            "float64", "cpu", "eager",
        )  # fmt: skip
        product = torch_module(
            lambda: blocks.EquivariantProductBasisBlock(
                named["target"], named["out"], correlation=3, num_elements=1, use_reduced_cg=False
            ),
            "float64", "cpu", "eager",
        )  # fmt: skip
    interaction.conv_tp_weights = torch.nn.Identity()
    paths = {(p.i1, p.i2, p.ir3): k for k, p in enumerate(paths_of(convolution_of(asked)))}

    def path_of(instruction):
        ir = interaction.conv_tp.irreps_out[instruction.i_out].ir
        (found,) = (k for (i1, i2, ir3), k in paths.items()
                    if (i1, i2) == (instruction.i_in1, instruction.i_in2)
                    and (ir3.l, ir3.p) == (ir.l, ir.p))  # fmt: skip
        return found

    def fill(module, pair_of, w, factor=lambda instruction: 1.0):
        with torch.no_grad():
            for _, instruction, view in module.weight_views(yield_instruction=True):
                given = e3nn.tensor(w[pair_of(instruction)]) * factor(instruction)
                view.copy_(given.reshape(view.shape) / instruction.path_weight)

    def pairs(mixing):
        return {pair: weights[mixing.name][k] for k, pair in enumerate(mixing.pairs)}

    native = [path_of(i) for i in interaction.conv_tp.instructions]
    fill(interaction.linear_up, lambda i: (i.i_out, i.i_in), pairs(before))
    fill(interaction.skip_tp, lambda i: (i.i_out, i.i_in1), pairs(own),
         lambda i: out.items[i.i_out][1].dim ** 0.5)  # fmt: skip
    fill(interaction.linear, lambda i: (i.i_out, native[i.i_in]), pairs(collected))
    fill(product.linear, lambda i: (i.i_out, i.i_in), pairs(after))
    for k, instruction in enumerate(interaction.conv_tp.instructions):
        dim = interaction.conv_tp.irreps_out[instruction.i_out].ir.dim
        assert instruction.path_weight == pytest.approx(dim**0.5), k

    w = e3nn.radial(asked, radial_of(asked), inputs["v"], weights)
    w = w.reshape(-1, len(paths), channels)[:, native].reshape(len(w), -1)
    sh = o3.spherical_harmonics(
        [ir.l for _, ir in edge], e3nn.tensor(inputs["v"]), True, normalization="component"
    )
    ends = torch.tensor(np.stack([inputs["src"], inputs["dst"]]))
    ones = torch.ones((len(inputs["x"]), 1), dtype=torch.float64)
    message, own_part = interaction(ones, e3nn.flat(inputs["x"], node), sh, w, ends)
    found = e3nn.features(product(message, own_part, ones), out)

    rng = np.random.default_rng(0)  # its contraction, on what nodes could collect
    a = rng.standard_normal((60, channels, collected.out.dim))
    wanted = e3nn.features(
        product.symmetric_contractions(e3nn.tensor(a), ones[:1].expand(60, 1)), out
    )
    fitted = {**weights, **{n: np.zeros_like(m) for n, m in weights.items() if n[0] == "W"}}
    columns, names = [], [(n, k) for n in fitted if n[0] == "W" for k in range(len(fitted[n]))]
    for name, k in names:
        unit = {n: np.zeros_like(m) for n, m in fitted.items()}
        unit[name][k] = 1
        columns.append(basis(asked, a, unit))
    table = np.stack(columns, axis=-1)
    for c in range(channels):
        flat = table[:, c].reshape(-1, len(names))
        solved, residual, rank, _ = np.linalg.lstsq(flat, wanted[:, c].ravel())
        assert rank == len(names) and np.sqrt(residual.sum()) < 1e-10
        for (name, k), value in zip(names, solved, strict=True):
            fitted[name][k, c] = value
    assert distance(found, OPERATION.oracle(asked, inputs, fitted)["z"]) < 1e-11


def test_the_knob_decides_which_degrees_there_are():
    assert CORRELATION.of(SMALL) == 3 and CORRELATION.values(SMALL) == (1, 2, 3)
    named = [set(OPERATION.weights(seen(SMALL, n))) & {"W1", "W2", "W3"} for n in (1, 2, 3)]
    assert named == [{"W1"}, {"W1", "W2"}, {"W1", "W2", "W3"}]
    counts = {nu: OPERATION.weights(seen(SMALL))[f"W{nu}"].shape[0] for nu in (1, 2, 3)}
    assert counts == {1: 2, 2: 3 + 2, 3: 5 + 5}
    costs = [OPERATION.cost(seen(SMALL, n))["flops"] for n in (1, 2, 3)]
    assert costs == sorted(costs)
    for bad in (0, 4, True, "3"):
        refused = OPERATION.supports(seen(SMALL, bad))
        assert refused is not None and "correlation" in refused.reason and refused.remedy


def test_an_irrep_of_the_output_may_come_from_one_degree_alone():
    asked = ask(
        irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="0e+1e+2e", channels=2,
        data="lattice:9x4", dtype="float64",
    )  # fmt: skip
    assert kept_of(asked) == (0,)
    assert made_of(seen(asked, 2)) == (0, 2) and made_of(seen(asked)) == (0, 2)
    assert [items for _, items in powers_of(seen(asked)).values()] == [(0, 2), (0, 2)]
    assert "identically zero" in str(OPERATION.supports(seen(asked)))
    fewer = asked.with_sizes(irreps_out="0e+2e")
    assert OPERATION.supports(seen(fewer)) is None
    assert "2e" in str(OPERATION.supports(seen(fewer, 1)))
    large = problem("truncated", 8, "so3", channels=1)
    assert "monomials" in str(OPERATION.supports(seen(large)))
    assert Irreps.parse("0e+1o") == collected_of(asked)
