"""What layers with a cutoff have in common: edges come into sight without a jump, or not at all."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.inputs.named import cutoff_of
from impls.layers.allegro.operation import OPERATION as ALLEGRO
from impls.layers.facet.operation import OPERATIONS as FACET
from impls.layers.mace.operation import OPERATION as MACE
from impls.layers.nequip.operation import OPERATION as NEQUIP
from impls.layers.tensornet.operation import OPERATION as TENSORNET
from impls.registry import load

OPERATIONS = (NEQUIP, MACE, ALLEGRO, TENSORNET, *FACET)
POWERS = {
    "nequip_layer": 4, "mace_layer": 4, "allegro_layer": 3, "tensornet_layer": 4,
    "facet_layer": 3, "facet_released_layer": 3,
}  # fmt: skip
"""With which power of the distance from the cutoff an edge comes into sight."""
REGISTRY = load()


def question(operation, data):
    """Return one that an operation answers, at its knobs."""
    asked = problem("truncated", 2, data=data, channels=2, dtype="float64")
    if operation.supports(asked) is not None:
        asked = ask(
            irreps_node="0e+1o+2e", irreps_edge="0e", data=data, channels=2, dtype="float64"
        )
    return asked.at(**operation.knobs_of(asked))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_edge_comes_into_sight_without_a_jump(operation, judge):
    """Beyond the cutoff it is as if it were not there, and it begins with two derivatives zero."""
    asked = question(operation, "loose:6x20")
    inputs, weights = judge.draw(FAMILY, operation, asked)
    edge = int(np.flatnonzero(np.bincount(inputs["dst"])[inputs["dst"]] > 1)[0])

    def seen(length):
        v = inputs["v"].copy()
        v[edge] *= length / np.linalg.norm(v[edge])
        out = operation.oracle(asked, {**inputs, "v": v}, weights)
        spaces = operation.outputs(asked)
        others = [np.delete(a, edge, 0) if spaces[n].axis == "edges" else a for n, a in out.items()]
        return np.concatenate([a.ravel() for a in others])

    cutoff = cutoff_of(asked)
    beyond = seen(1.2 * cutoff)
    edges = {n for n, space in FAMILY.inputs(asked).items() if space.axis == "edges"}
    kept = {n: np.delete(a, edge, 0) if n in edges else a for n, a in inputs.items()}
    without = operation.oracle(asked, kept, weights)
    gone = np.concatenate([a.ravel() for a in without.values()])
    np.testing.assert_allclose(beyond, gone, atol=1e-13)
    near, nearer = (np.abs(seen(cutoff * (1 - h)) - beyond).max() for h in (1e-2, 1e-3))
    assert np.abs(seen(0.5 * cutoff) - beyond).max() > 1e-2
    assert np.log10(near / nearer) == pytest.approx(POWERS[operation.name], abs=0.1)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_graph_without_edges_is_a_question_too(operation, framework, judge):
    asked = question(operation, "loose:4x0")
    inputs, weights = judge.draw(FAMILY, operation, asked)
    wanted = operation.oracle(asked, inputs, weights)
    for implementation in REGISTRY.implementations_of(operation.name):
        if implementation.framework == framework and implementation.missing() is None:
            found = judge.value(implementation, asked, inputs, weights)
            for name, a in wanted.items():
                np.testing.assert_allclose(found[name], a, atol=1e-12)
