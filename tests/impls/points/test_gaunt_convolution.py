"""Gaunt convolution: channelwise ones with these weights, products at points, what it lacks."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import quadrature
from impls.families.points import FAMILY, ask, edge_harmonics, irreps_of, model, problem
from impls.implementation import Target
from impls.points.convolution.operation import CHANNELWISE, paths_of
from impls.points.gaunt_convolution.operation import OPERATION, at_points, of_one_edge
from impls.products.gaunt.operation import OPERATION as GAUNT
from impls.registry import load
from impls.so3.wigner import gaunt_coefficient

REGISTRY = load()
SMALL = {"data": "isotropic:6x3", "channels": 2, "dtype": "float64"}
PROBLEMS = {
    "o3": problem("full", 2, **SMALL),
    "degrees only": problem("full", 2, "so3", **SMALL),
    "poles": problem("full", 3, data="poles:9x4", channels=2, dtype="float64"),
    "pseudo": ask(
        irreps_node="0o+1e+2o", irreps_edge="0e+1o+2e", irreps_out="2e+0o+1e+3e", **SMALL
    ),
    "gaps": ask(irreps_node="3o+1o", irreps_edge="4e+1o", irreps_out="2e+0e+5o", **SMALL),
    "no edges": problem("full", 1, data="loose:3x0", channels=2, dtype="float64"),
}


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "no edges"])
def test_of_any_irreps(name, agrees):
    agrees(OPERATION, PROBLEMS[name])


def test_harmonics_may_be_given_but_to_a_frame(agrees):
    asked = PROBLEMS["o3"].with_sizes(given="harmonics")
    agrees(OPERATION, asked, but=("frame",))
    (frame,) = (i for i in REGISTRY.implementations_of(OPERATION.name) if i.name == "numpy_frame")
    assert "given=vectors" in str(frame.supports(asked, Target()))


def test_without_edges_it_is_zero(judge):
    asked = PROBLEMS["no edges"]
    arrays = judge.draw(FAMILY, OPERATION, asked)
    assert not OPERATION.oracle(asked, *arrays)["z"].any()
    for implementation in REGISTRY.implementations_of(OPERATION.name):
        if implementation.framework == "numpy":
            assert not judge.value(implementation, asked, *arrays)["z"].any()


def test_it_is_the_channelwise_convolution_with_these_weights(judge, distance):
    """The weight of a path is the Gaunt coefficient times that of its l2; paths are then summed."""
    asked = PROBLEMS["poles"]
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    paths, out = paths_of(asked), irreps_of(asked)[2]
    scales = [gaunt_coefficient(p.ir1.l, p.ir2.l, p.ir3.l) / np.sqrt(p.ir3.dim) for p in paths]
    w = weights["w"][:, [p.i2 for p in paths]] * np.array(scales)[:, None]
    apart = CHANNELWISE.oracle(asked, inputs, {"w": w})["z"]
    z = np.zeros((*apart.shape[:-1], out.dim))
    ends = {ir: part for (_, ir), part in zip(out, out.slices(), strict=True)}
    for path in paths:
        z[..., ends[path.ir3]] += apart[..., path.out]
    assert distance(OPERATION.oracle(asked, inputs, weights)["z"], z) < 1e-13


def test_one_edge_is_the_gaunt_product_with_its_harmonics(judge, distance):
    asked = problem("full", 2, data="loose:2x1", channels=3, dtype="float64")
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    sizes = [ir.dim for _, ir in irreps_of(asked)[1]]
    y = np.repeat(weights["w"], sizes, axis=1)[0].T * edge_harmonics(asked, inputs)
    x = inputs["x"][inputs["src"]]
    wanted = GAUNT.oracle(of_one_edge(asked), {"x": x, "y": y[None]}, {})["z"]
    found = OPERATION.oracle(asked, inputs, weights)["z"]
    assert distance(found[inputs["dst"]], wanted) < 1e-14


def test_a_cross_product_with_the_edge_is_out_of_reach():
    """Of degrees only, 1 x 1 -> 1 is the cross product, which the product of functions lacks."""
    alone = {"irreps_node": "1", "irreps_edge": "1", "irreps_out": "1", **SMALL}
    assert "identically zero" in str(OPERATION.supports(ask(**alone)))
    assert CHANNELWISE.supports(ask(**alone)) is None


@pytest.mark.parametrize(("lmax", "points"), [(1, 14), (2, 38), (3, 86)])
def test_points_are_the_smallest_rule_that_is_exact(lmax, points):
    """All harmonics up to 2L make functions of degree 4L: Lebedev rules of these sizes."""
    met = at_points(problem("full", lmax))
    degrees = [[ir.l for _, ir in factor] for factor in met.factors]
    advice = quadrature.smallest("lebedev", degrees, [ir.l for _, ir in met.out])
    built = REGISTRY.implementation("gaunt_convolution.numpy_lebedev").build(
        problem("full", lmax, **SMALL), Target(), {}
    )
    assert built.kernel.startswith(f"{points} points") and len(advice.rule) == points


def test_refusals():
    mixed = ask(irreps_node="0e+1e", irreps_edge="0e+1o", irreps_out="0e", **SMALL)
    assert "is not one function on the sphere" in str(OPERATION.supports(mixed))
    assert "has each degree once" in str(OPERATION.supports(model("sevennet-0")))
    twice = PROBLEMS["o3"].with_sizes(irreps_out="0e+0e")
    assert "irreps_out=1x0e+1x0e" in str(OPERATION.supports(twice))
    wrong = PROBLEMS["o3"].with_sizes(irreps_out="0o+1e")
    assert "identically zero" in str(OPERATION.supports(wrong))
    half = replace(PROBLEMS["o3"], dtype="bfloat16")
    for implementation in REGISTRY.implementations_of(OPERATION.name):
        assert "bfloat16" in str(implementation.supports(half, Target()))
