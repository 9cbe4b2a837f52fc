"""What layers with a cutoff have in common: edges come into sight without a jump."""

import numpy as np
import pytest

from impls.families.points import FAMILY, problem
from impls.inputs.named import cutoff_of
from impls.layers.allegro.operation import OPERATION as ALLEGRO
from impls.layers.mace.operation import OPERATION as MACE
from impls.layers.nequip.operation import OPERATION as NEQUIP

OPERATIONS = (NEQUIP, MACE, ALLEGRO)
POWERS = {"nequip_layer": 4, "mace_layer": 4, "allegro_layer": 3}
"""With which power of the distance from the cutoff an edge comes into sight."""
ASKED = problem("truncated", 2, data="loose:6x20", channels=2, dtype="float64")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_edge_comes_into_sight_without_a_jump(operation, judge):
    """Beyond the cutoff it is as if it were not there, and it begins with two derivatives zero."""
    asked = ASKED.at(**operation.knobs_of(ASKED))
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
