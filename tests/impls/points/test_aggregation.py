"""Aggregation: sums by hand, the convolution that it is, and what it refuses."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.inputs.named import graph_of
from impls.points.aggregation.operation import OPERATION
from impls.registry import load

REGISTRY = load()
SIZE = {"irreps_edge": "0e", "channels": 3, "dtype": "float64"}
LOOSE = ask(irreps_node="2e+0e+1o+1o", data="loose:9x40", **SIZE)
CRYSTAL = ask(irreps_node="1e+3o", structures="diamond", cutoff=1.6, **SIZE)
EMPTY = ask(irreps_node="0e+1o", data="loose:4x0", **SIZE)


@pytest.mark.parametrize("asked", [LOOSE, CRYSTAL], ids=str)
def test_of_any_irreps_and_order_of_the_edges(asked, agrees):
    agrees(OPERATION, asked)


def test_it_is_the_sum_over_edges_one_after_another(judge):
    inputs, _ = judge.draw(FAMILY, OPERATION, LOOSE)
    wanted = np.zeros(inputs["x"].shape)
    for src, dst, a in zip(inputs["src"], inputs["dst"], inputs["a"], strict=True):
        wanted[dst] += a[:, None] * inputs["x"][src]
    ends = list(zip(inputs["src"], inputs["dst"], strict=True))
    assert len(set(ends)) < len(ends), "an edge that is there twice counts twice"
    np.testing.assert_allclose(OPERATION.oracle(LOOSE, inputs, {})["z"], wanted, atol=1e-13)


def test_it_is_the_convolution_with_the_harmonic_of_degree_0(judge):
    """Which has a weight for each irrep of its own: here the same for all."""
    channelwise = REGISTRY.operation("channelwise")
    asked = ask(irreps_node="0e+1o+2e", data="loose:9x40", **SIZE)
    inputs, weights = judge.draw(FAMILY, channelwise, asked)
    a = weights["w"][:, 0]
    same = {"w": np.repeat(a[:, None], weights["w"].shape[1], axis=1)}
    wanted = channelwise.oracle(asked, inputs, same)["z"]
    np.testing.assert_allclose(OPERATION.oracle(asked, inputs | {"a": a}, {})["z"], wanted)


def test_nodes_that_receive_nothing_are_zero(judge):
    assert len(graph_of(EMPTY).src) == 0
    inputs, _ = judge.draw(FAMILY, OPERATION, EMPTY)
    for implementation in REGISTRY.implementations_of("aggregation"):
        if implementation.framework == "numpy":
            assert not judge.value(implementation, EMPTY, inputs, {})["z"].any()


def test_directions_and_other_outputs_are_refused_by_name():
    assert "knows no direction" in str(OPERATION.supports(problem("truncated", 1)))
    other = ask(irreps_node="0e+1o", irreps_edge="0e", irreps_out="0e")
    assert "has the irreps of nodes" in str(OPERATION.supports(other))
    assert OPERATION.supports(LOOSE.with_sizes(given="harmonics")) is None


def test_cost_counts_edges_and_moves_nodes_once():
    cost = OPERATION.cost(LOOSE)
    assert cost["flops"] == 2 * 40 * 3 * 12
    assert cost["bytes"] == 8 * (2 * 9 * 3 * 12 + 40 * 3) + 2 * 40 * 8
