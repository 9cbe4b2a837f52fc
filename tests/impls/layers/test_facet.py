"""The layer of Facet: its splines, its mixer by e3nn, and the mirror test as released."""

import numpy as np
import pytest

from impls.families.feature import layer as function
from impls.families.points import FAMILY, ask, problem
from impls.inputs.named import cutoff_of
from impls.layers import splines
from impls.layers.facet.operation import (
    OPERATIONS,
    RESOLUTION,
    mixings_of,
    seen_of,
    splines_of,
    with_scalars,
)
from impls.layers.splines import Splines
from impls.points.convolution.operation import paths_of
from impls.pointwise.grid_mlp.operation import OPERATION as GRID_MLP
from impls.so3.irreps import natural

LAYER, RELEASED = OPERATIONS
SMALL = problem("truncated", 2, data="lattice:9x4", channels=3, dtype="float64")


def of(operation, asked=SMALL, **knobs):
    return asked.at(**(operation.knobs_of(asked) | knobs))


def error(judge, operation, asked, subgroup):
    """Return |f(g x) - g f(x)| / |f(x)| of the oracle for one element."""
    inputs, weights = judge.draw(FAMILY, operation, asked)
    (g,) = FAMILY.group(asked).subgroups[subgroup].sample(np.random.default_rng(4), 1)
    spaces, (space,) = operation.taken(FAMILY.inputs(asked)), operation.outputs(asked).values()
    moved = {name: spaces[name].act(g, a) for name, a in inputs.items()}
    z, turned = (operation.oracle(asked, each, weights)["z"] for each in (inputs, moved))
    return np.linalg.norm(turned - space.act(g, z)) / np.linalg.norm(z)


def test_splines_are_one_where_all_rows_are_and_end_with_two_derivatives():
    asked, n = problem("truncated", 0, data="lattice:2x1", dtype="float64"), 16
    cutoff, table = cutoff_of(asked), {"C": np.ones((n, 1))}

    def value(x):
        v = np.stack([np.asarray(x) * cutoff, 0 * np.asarray(x), 0 * np.asarray(x)], axis=1)
        return splines.oracle(Splines(1, n), asked, {"v": v}, table)[:, 0]

    inside = np.linspace(0.01, (n - 3) / n, 50)
    np.testing.assert_allclose(value(inside), 1, atol=1e-14)
    rest = np.array([0.5, 0.25])  # in spacings from the cutoff
    np.testing.assert_allclose(value(1 - rest / n), rest**3 / 6, atol=1e-14)
    np.testing.assert_array_equal(value([1.0, 1.5]), 0)


def test_the_table_is_drawn_of_order_one_and_smooth():
    drawn = Splines(4000).weights()["C"].sample(np.random.default_rng(0))
    sizes = np.sqrt((drawn**2).mean(axis=1))
    assert 0.8 < sizes[:8].mean() < 1.3
    assert np.sqrt((np.diff(drawn, axis=0) ** 2).mean()) < 0.7


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_equal_to_blocks_of_e3nn(operation, e3nn, judge, distance):
    """o3.TensorProduct, o3.Linear, and the MLP between ToS2Grid and FromS2Grid, both grids fine."""
    import torch
    from e3nn.o3 import FromS2Grid, ToS2Grid

    asked = of(operation, resolution=24)
    inputs, weights = judge.draw(FAMILY, operation, asked)
    seen = seen_of(operation is LAYER, asked)
    before, after, own, down = mixings_of(seen)
    w = e3nn.tensor(splines.oracle(splines_of(seen), seen, inputs, weights))
    h = e3nn.linear(before, inputs["x"], weights)
    m = e3nn.convolution(seen, h, inputs["v"], w, inputs["src"], inputs["dst"])
    s = e3nn.linear(after, m, weights) + e3nn.linear(own, inputs["x"], weights)
    grid = {"lmax": 2, "res": (64, 63), "normalization": "integral", "dtype": torch.float64}
    values = ToS2Grid(**grid)(e3nn.tensor(s))
    hidden = torch.einsum("kc,ncab->nkab", e3nn.tensor(weights["G1"]), values)
    said = torch.einsum(
        "ck,nkab->ncab", e3nn.tensor(weights["G2"]), torch.nn.functional.silu(hidden)
    )
    g = FromS2Grid(**grid)(said).numpy()
    found = e3nn.linear(down, with_scalars(seen, g, s), weights)
    assert distance(found, operation.oracle(asked, inputs, weights)["z"]) < 1e-6


def test_a_mirror_breaks_the_layer_as_released_and_not_that_by_parity(judge):
    assert error(judge, LAYER, of(LAYER), "inversion") < 1e-13
    assert error(judge, RELEASED, of(RELEASED), "inversion") > 0.1
    for operation in OPERATIONS:
        assert error(judge, operation, of(operation, resolution=24), "rotation") < 1e-6


def test_without_parity_there_is_one_layer_and_what_differs_are_paths():
    degrees = problem("truncated", 2, "so3", data="lattice:9x4", channels=3, dtype="float64")
    assert "facet_layer" in str(RELEASED.supports(degrees)) and LAYER.supports(degrees) is None
    assert [len(paths_of(seen_of(parity, SMALL))) for parity in (True, False)] == [11, 15]
    assert RELEASED.supports(SMALL) is None and LAYER.exact[0] == "inversion"
    assert not {"inversion", "rotation"} & set(RELEASED.exact)


@pytest.mark.parametrize("rings", [3, 5, 10])
def test_the_mixer_alone_passes_the_mirror_test(rings):
    """Inversion of features of natural parity: (-1)^l; of the map on the sphere, n -> -n."""
    asked = function(natural(range(3)), channels=3, batch=4, dtype="float64").at(resolution=rings)
    rng = np.random.default_rng(0)
    weights = {name: space.sample(rng) for name, space in GRID_MLP.weights(asked).items()}
    x, signs = rng.standard_normal((4, 3, 9)), np.repeat([1, -1, 1], [1, 3, 5])
    z, turned = (GRID_MLP.oracle(asked, {"x": a}, weights)["z"] for a in (x, x * signs))
    np.testing.assert_allclose(turned, z * signs, atol=1e-13)


def test_the_released_grid_of_16_by_15_points_is_no_mirror_image_of_itself():
    """With an odd number of azimuths, n -> -n leads between the points; with an even one it is."""
    torch, o3 = pytest.importorskip("torch"), pytest.importorskip("e3nn.o3")
    x = torch.tensor(2 * np.random.default_rng(0).standard_normal((8, 9)))
    signs = torch.tensor(np.repeat([1.0, -1.0, 1.0], [1, 3, 5]))

    def broken(azimuths):
        grid = {"lmax": 2, "res": (16, azimuths), "normalization": "integral"}
        to_grid = o3.ToS2Grid(**grid, dtype=torch.float64)
        from_grid = o3.FromS2Grid(**grid, dtype=torch.float64)
        z, turned = (from_grid(torch.nn.functional.silu(to_grid(a))) for a in (x, x * signs))
        return float((turned - z * signs).norm() / z.norm())

    assert broken(15) > 1e-4
    assert broken(16) < 1e-6  # its points are where single precision puts them


def test_more_rings_turn_better(judge):
    errors = [error(judge, LAYER, of(LAYER, resolution=r), "rotation") for r in (4, 8, 16)]
    assert errors[1] < errors[0] / 5 and errors[2] < errors[1] / 50


def test_what_it_cannot_do_is_refused():
    assert RESOLUTION.default(SMALL) == 10 and len(RESOLUTION.values(SMALL)) == 4
    bad = {
        "identically zero": ask(irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="0e+3o"),
        "natural parity": ask(irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="0e+1e"),
        "lengths": problem("truncated", 1, given="harmonics"),
    }
    for said, asked in bad.items():
        refused = LAYER.supports(of(LAYER, asked))
        assert refused is not None and refused.remedy, said
        assert said in str(refused), refused
    assert "rings" in str(LAYER.supports(of(LAYER, resolution=2)))
