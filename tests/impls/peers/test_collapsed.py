"""E3x and Allegro for products whose paths are summed: which features they have.

The values of what they answer of the family's examples are those of the conformance tests.
"""

from __future__ import annotations

import numpy as np
import pytest

from impls.families.weighted import ask
from impls.implementation import Target
from impls.products.channel_modes import allegro, e3x
from impls.products.channel_modes.modes import COLLAPSED, paths_of
from impls.registry import load

GIVEN = {"channels": 2, "batch": 3, "dtype": "float64"}
NATURAL = {"irreps_in1": "0e+1o+2e", "irreps_in2": "0e+1o"}


@pytest.mark.parametrize("module", [allegro, e3x], ids=["allegro", "e3x"])
@pytest.mark.parametrize("out", ["2e+0e", "0e+1o+2e+3o"])
def test_natural_parity_in_any_order_of_outputs(module, out, precision):
    implementation = module.IMPLEMENTATION
    if implementation.missing():
        pytest.skip(str(implementation.missing()))
    asked = ask(**NATURAL, irreps_out=out, **GIVEN)
    assert implementation.supports(asked, Target()) is None
    operation = load().operation(COLLAPSED.operation)
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((3, 2, 9)), "y": rng.standard_normal((3, 2, 4))}
    weights = {"w": rng.standard_normal((len(paths_of(asked)), 2))}
    expected = operation.oracle(asked, inputs, weights)["z"]
    with precision(implementation.framework, "float64"):
        if implementation.framework == "jax":
            from jax.numpy import asarray
        else:
            from torch import asarray
        code = implementation.build(asked, Target(), {})
        put = [{name: asarray(a) for name, a in part.items()} for part in (inputs, weights)]
        found = code.call(*code.pack(*put))
        z = np.asarray((code.unpack or dict)(found)["z"])
    assert np.abs(z - expected).max() < 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("irreps", "reason"),
    [
        ({"irreps_in1": "0e+2e", "irreps_in2": "0e+1o", "irreps_out": "1o"}, "irreps_in1"),
        ({"irreps_in1": "0e+1o", "irreps_in2": "0e+1e", "irreps_out": "1o"}, "irreps_in2"),
        ({**NATURAL, "irreps_out": "1e+1o"}, "1e is not of natural parity"),
        ({**NATURAL, "irreps_out": "0e+1o", "weights": "per_sample"}, "share"),
    ],
)
def test_features_that_e3x_does_not_have_are_refused_by_name(irreps, reason):
    refused = e3x.IMPLEMENTATION.supports(ask(**irreps, **GIVEN), Target())
    assert reason in refused.reason and refused.remedy


def test_allegro_has_weights_that_samples_share():
    asked = ask(**NATURAL, irreps_out="0e+1o", weights="per_sample", **GIVEN)
    assert "share" in allegro.IMPLEMENTATION.supports(asked, Target()).reason
