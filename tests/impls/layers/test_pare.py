"""PARE-Conv: one edge at a time, mirror images, constants that no rotation keeps, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.implementation import Target
from impls.inputs.named import counts_of
from impls.layers.pare.operation import BANK, LAYER, LIFT
from impls.pointwise.activations import activate
from impls.registry import load

REGISTRY = load()
BLOCKS = pytest.mark.parametrize("operation", [LIFT, LAYER], ids=lambda o: o.name)


def implementation(operation, framework="numpy"):
    return REGISTRY.implementation(f"{operation.name}.{framework}_messages")


def asked(data="lattice:16x6", channels=4, node="1o"):
    return ask(irreps_node=node, data=data, channels=channels, dtype="float64")


def neurons(name, rows, weights):
    """Return what a layer of vector neurons makes of one list of vectors."""
    found = []
    for o in range(weights[f"{name}_D"].shape[1]):
        d = weights[f"{name}_D"][:, o] @ rows
        y = weights[f"{name}_W"][:, o] @ rows if f"{name}_W" in weights else rows[o]
        n = d / np.sqrt(d @ d + 1e-6)
        found.append(y - 0.8 * (y @ n) / (1 + np.exp(y @ n)) * n)
    return np.array(found)


def edge_by_edge(inputs, weights, nodes):
    """Return z from the list of neighbours of each node."""
    channels = weights["out_W"].shape[1]
    z = inputs["x"].copy() if "x" in inputs else np.zeros((nodes, channels, 3))
    for i in range(nodes):
        edges = np.flatnonzero(inputs["dst"] == i)
        if not len(edges):
            continue
        centre, sums = inputs["v"][edges].mean(axis=0), 0
        for e in edges:
            p = inputs["v"][e]
            known = place = np.array([p, centre, np.cross(p, centre)])
            if "x" in inputs:
                sent = inputs["x"][inputs["src"][e]]
                known = np.vstack([sent - inputs["x"][i], sent, p])
            lengths = np.linalg.norm(neurons("place", place, weights), axis=1)
            hidden = activate("silu", lengths @ weights["weigh_W1"] + weights["weigh_b1"])
            powers = np.exp(hidden @ weights["weigh_W2"] + weights["weigh_b2"])
            m = np.tensordot(powers / powers.sum(), weights["B"], 1).T @ known
            sums = sums + m / np.sqrt((m**2).sum(axis=1) + 1e-6)[:, None]
        z[i] += neurons("out", neurons("bent", sums / len(edges), weights), weights)
    return z


@BLOCKS
@pytest.mark.parametrize("data", ["lattice:16x6", "loose:5x17", "edges:CH4@2"])
@pytest.mark.parametrize("channels", [1, 4, 5])
def test_the_oracle_is_the_formula_edge_by_edge(operation, data, channels, judge, distance):
    question = asked(data, channels)
    inputs, weights = judge.draw(FAMILY, operation, question)
    wanted = edge_by_edge(inputs, weights, counts_of(question)[0])
    assert distance(operation.oracle(question, inputs, weights)["z"], wanted) < 1e-13


@pytest.mark.parametrize("data", ["loose:5x17", "loose:4x0", "edges:diamond@1.6", "poles:9x4"])
@pytest.mark.parametrize("node", ["1o", "1"])
@pytest.mark.parametrize("bank", ["nodes", "edges"])
def test_on_graphs_of_all_kinds(data, node, bank, agrees):
    agrees(LAYER, asked(data, node=node, channels=5), options={"bank": bank})


@pytest.mark.parametrize("data", ["loose:5x17", "edges:CH4@2", "poles:9x4"])
def test_the_first_block_on_graphs(data, agrees):
    agrees(LIFT, asked(data, channels=5))


def broken(operation, subgroup, judge, by=None, **changed):
    """Return the error under elements of a subgroup; `changed` are weights by name."""
    inputs, weights = judge.draw(FAMILY, operation, asked())
    elements = FAMILY.group(asked()).subgroups[subgroup].sample(np.random.default_rng(1), 4)
    weights = {name: changed[name](w) if name in changed else w for name, w in weights.items()}
    by = by or implementation(operation)
    return max(judge.symmetry(FAMILY, operation, by, asked(), inputs, weights, elements))


def without_cross(bank):
    """The third of the vectors that meet the bank of the first block is the cross product."""
    return bank * np.array([[1.0], [1.0], [0.0]])


def test_mirrors_are_broken_where_the_cross_product_is_added_and_there_alone(judge):
    """Shares see lengths of sums with it, and it is perpendicular to all else in them."""
    for operation in (LIFT, LAYER):
        assert broken(operation, "rotation", judge) < 1e-13
    assert broken(LAYER, "inversion", judge) < 1e-13
    assert broken(LIFT, "inversion", judge) > 1e-2
    assert broken(LIFT, "inversion", judge, B=without_cross) < 1e-13
    inputs, weights = judge.draw(FAMILY, LAYER, asked())
    blind = {**weights, **{name: without_cross(weights[name]) for name in ("place_W", "place_D")}}
    one, other = (LAYER.oracle(asked(), inputs, w)["z"] for w in (weights, blind))
    assert np.abs(one - other).max() > 1e-3, "the shares do depend on it"


def test_mirror_images_get_other_lengths_by_both_blocks_together(judge, distance):
    """By the first block alone they do not: each of its vectors meets a mirror on its own."""
    inputs, weights = judge.draw(FAMILY, LAYER, asked())
    first, lifting = judge.draw(FAMILY, LIFT, asked())
    mirror = np.diag([1.0, 1.0, -1.0])

    def lengths(v, lifting):
        f = LIFT.oracle(asked(), {**first, "v": v}, lifting)["z"]
        z = LAYER.oracle(asked(), {**inputs, "x": f, "v": v}, weights)["z"]
        return np.linalg.norm(z, axis=2)

    def apart(lifting):
        return distance(lengths(inputs["v"], lifting), lengths(inputs["v"] @ mirror, lifting))

    assert apart(lifting) > 1e-3
    assert apart({**lifting, "B": without_cross(lifting["B"])}) < 1e-13


@BLOCKS
def test_a_constant_added_to_each_component_is_found(operation, judge):
    """As in a norm that adds it below a fraction, to keep away from zero."""
    numpy = implementation(operation)

    def build(problem, target, options):
        built = numpy.build(problem, target, options)
        return replace(built, call=lambda i, w: {"z": built.call(i, w)["z"] + 1e-9})

    found = broken(operation, "rotation", judge, replace(numpy, build=build))
    assert 1e-10 < found < 1e-7


def test_numbers_of_the_bank_are_shares(judge, distance):
    """All matrices of it alike, it is one matrix, whatever the places say."""
    inputs, weights = judge.draw(FAMILY, LAYER, asked())
    alike = {**weights, "B": np.stack([weights["B"][0]] * BANK)}
    other = {**alike, "weigh_W1": -3 * weights["weigh_W1"]}
    one, two = (LAYER.oracle(asked(), inputs, w)["z"] for w in (alike, other))
    assert distance(one, two) < 1e-13
    assert distance(one, LAYER.oracle(asked(), inputs, weights)["z"]) > 1e-2


@BLOCKS
def test_what_they_do_not_answer_is_refused_by_name(operation):
    assert operation.supports(asked()) is None
    two = ask(irreps_node="1o+1o")
    for other in (problem("truncated", 1), two, ask(irreps_node="1e")):
        assert "has a vector in each channel" in str(operation.supports(other))
    given = asked().with_sizes(given="harmonics")
    assert "weights need places" in str(operation.supports(given))
    half = implementation(operation, "torch").supports(replace(asked(), dtype="bfloat16"), Target())
    assert "bfloat16" in str(half)


@BLOCKS
def test_cost_is_linear_in_neighbours(operation):
    flops = [operation.cost(asked(f"lattice:64x{n}", 32))["flops"] for n in (8, 16, 24)]
    assert flops[1] - flops[0] == pytest.approx(flops[2] - flops[1])
