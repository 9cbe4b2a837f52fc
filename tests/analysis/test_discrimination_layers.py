"""What layers of the family points tell apart: pairs that they must, and that they must not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from analysis.discrimination import chains, compare_structures, complete, pairs, star
from impls.families.feature import invariant
from impls.families.points import FAMILY, ask, irreps_of
from impls.registry import load

PAIRS = {pair.name: pair for pair in pairs()}
OPERATIONS = load(()).operations
CHANNELS = 2


def invariants(name, layers, lmax, knobs, out, structure):
    """Return the scalars of all nodes after layers of an operation, from equal scalars, summed."""
    operation, nodes = OPERATIONS[name], len(structure.r)
    natural = [f"{degree}{'eo'[degree % 2]}" for degree in range(lmax + 1)]
    egnn = name == "egnn_layer"
    x = None
    for step in range(layers):
        last = step == layers - 1
        asked = ask(
            irreps_node="0e" if egnn else "+".join(natural),
            irreps_edge="0e+1o" if egnn else "+".join(natural),
            irreps_out="0e+1o" if egnn else (out if last and out else "+".join(natural)),
            data=f"placed:{nodes}x{len(structure.src)}", channels=CHANNELS, dtype="float64",
        ).at(**knobs)  # fmt: skip
        assert operation.supports(asked) is None, operation.supports(asked)
        if x is None:
            x = np.zeros((nodes, CHANNELS, irreps_of(asked)[0].dim))
            x[..., 0] = np.arange(1, CHANNELS + 1)
        inputs = {"x": x, "v": structure.r[structure.src] - structure.r[structure.dst],
                  "src": structure.src, "dst": structure.dst, "r": structure.r}  # fmt: skip
        rng = np.random.default_rng(step)
        weights = {n: space.sample(rng) for n, space in operation.weights(asked).items()}
        x = operation.oracle(asked, operation.taken(inputs), weights)["h" if egnn else "z"]
    assert set(operation.taken(FAMILY.inputs(asked))) <= set(inputs)
    assert egnn or invariant(irreps_of(asked)[2].items[0][1])
    return x[..., 0].sum(axis=0)


def tells(name, structures, what, layers=1, lmax=2, out="", **knobs):
    """Return whether so many layers tell two structures apart; the control must be equal."""
    network = partial(invariants, name, layers, lmax, knobs, out)
    found = compare_structures(network, *structures, what, layers)
    assert found.sound, found
    return found.distinguishes


def stars(name):
    return star(PAIRS[name].first), star(PAIRS[name].second)


@pytest.mark.parametrize("name", ["homometric", "degenerate"])
def test_equal_distances_need_products_of_three_neighbours(name):
    """MACE has these at correlation 3; pairs of neighbours, and distances alone, do not do."""
    assert tells("mace_layer", stars(name), name, out="0e", correlation=3)
    assert not tells("mace_layer", stars(name), name, out="0e", correlation=2)
    assert not tells("mace_layer", stars(name), name, lmax=1, out="0e", correlation=3)
    assert not tells("nequip_layer", stars(name), name)
    assert not tells("egnn_layer", stars(name), name, layers=3)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_rotor_of_n_arms_needs_the_degree_n(n):
    """Below, not even products of three neighbours see it turn."""
    rotor = stars(f"rotor_{n}")
    for correlation in (2, 3):
        knobs = {"out": "0e", "correlation": correlation}
        assert tells("mace_layer", rotor, "rotor", lmax=n, **knobs)
        assert not tells("mace_layer", rotor, "rotor", lmax=n - 1, **knobs)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_chain_needs_half_its_length_of_layers_and_one_more(length):
    """Of a layer that multiplies what a node has heard; distances of neighbours never do."""
    needed = length // 2 + 1
    for layers in range(1, needed + 1):
        found = tells("mace_layer", chains(length), "chain", layers=layers, lmax=1, correlation=2)
        assert found is (layers >= needed), layers
    assert not tells("egnn_layer", chains(length), "chain", layers=needed + 1)


def test_mirror_images_are_told_by_a_layer_that_takes_cross_products_for_vectors():
    """The layer of Facet as released; with paths by parity, and for MACE, they are one."""
    for name in ("chiral_tetrahedron", "chiral_tetris"):
        structures = complete(PAIRS[name].first), complete(PAIRS[name].second)
        assert tells("facet_released_layer", structures, name, layers=3, lmax=1, resolution=24)
        assert not tells("facet_layer", structures, name, layers=3, lmax=1, resolution=24)
        assert not tells("mace_layer", structures, name, layers=2, correlation=3)
        assert not tells("egnn_layer", structures, name, layers=3)


def test_structures_of_no_length_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        chains(0)
