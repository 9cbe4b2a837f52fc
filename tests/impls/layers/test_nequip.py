"""The interaction of NequIP: by e3nn, its pseudoscalars, and what is refused."""

import re

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, irreps_of, model, problem
from impls.layers.nequip.operation import (
    OPERATION,
    convolution_of,
    gate,
    mixings_of,
    radial_of,
)
from impls.registry import load

BOTH = model("nequip", "edges:H2O+CH4@2", channels=3, dtype="float64")
PROBLEMS = {
    "natural": problem("truncated", 2, data="lattice:9x4", channels=3, dtype="float64"),
    "degrees": problem("mimo", 1, "so3", data="edges:CH4@2", channels=2, dtype="float64"),
    "both parities": BOTH,
    "vectors alone": ask(
        irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="1o", data="lattice:9x4",
        channels=2, dtype="float64",
    ),
    "scalars alone": ask(
        irreps_node="0e+0o+1o", irreps_edge="0e+1o", irreps_out="0o+0e", data="lattice:9x4",
        channels=2, dtype="float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_equal_to_the_layer_of_e3nn_modules(asked, judge, distance):
    """o3.Linear, o3.TensorProduct and nn.Gate, after a change of layout and of constants."""
    e3nn = load().implementation("nequip_layer.torch_e3nn")
    if e3nn.missing():
        pytest.skip(str(e3nn.missing()))
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    wanted = OPERATION.oracle(asked, inputs, weights)["z"]
    assert distance(judge.value(e3nn, asked, inputs, weights)["z"], wanted) < 1e-12
    for part in irreps_of(asked)[2].slices():
        assert np.abs(wanted[..., part]).max() > 1e-2


def test_messages_are_those_of_e3nn_with_its_bessel_functions(e3nn, judge, distance):
    """Before the gate: R by soft_one_hot_linspace, and an envelope by SciPy."""
    asked = BOTH
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    before, after, own = mixings_of(asked)
    w = e3nn.radial(asked, radial_of(asked), inputs["v"], weights)
    h = e3nn.linear(before, inputs["x"], weights)
    ends = inputs["src"], inputs["dst"]
    m = e3nn.convolution(convolution_of(asked), h, inputs["v"], w, *ends)
    s = e3nn.linear(after, m, weights) + e3nn.linear(own, inputs["x"], weights)
    assert distance(gate(asked, s), OPERATION.oracle(asked, inputs, weights)["z"]) < 1e-12


def test_a_pseudoscalar_changes_sign_in_a_mirror(judge):
    """A silu in place of its tanh would break this."""
    rng = np.random.default_rng(0)
    inputs, weights = judge.draw(FAMILY, OPERATION, BOTH)
    (g,) = FAMILY.group(BOTH).subgroups["inversion"].sample(rng, 1)
    spaces = OPERATION.taken(FAMILY.inputs(BOTH))
    mirrored = {name: space.act(g, inputs[name]) for name, space in spaces.items()}
    z, turned = (OPERATION.oracle(BOTH, each, weights)["z"] for each in (inputs, mirrored))
    pseudo = irreps_of(BOTH)[2].slices()[1]
    assert str(irreps_of(BOTH)[2].items[1][1]) == "0o" and np.abs(z[..., pseudo]).max() > 1e-2
    np.testing.assert_allclose(turned[..., pseudo], -z[..., pseudo], atol=1e-12)


@pytest.mark.parametrize(
    ("irreps", "reason"),
    [
        (("0e+1o", "0e+1o", "3o"), "identically zero: .* 3o"),
        (("1o", "2e", "1o"), "identically zero: .* 0e"),
        (("1o", "0e", "2e"), "empty output"),
        (("0e+0e", "0e", "0e"), "repeated"),
    ],
)
def test_what_would_be_zero_is_refused(irreps, reason):
    names = dict(zip(("irreps_node", "irreps_edge", "irreps_out"), irreps, strict=True))
    refused = OPERATION.supports(ask(**names, channels=2))
    assert refused is not None and refused.remedy
    assert re.search(reason, refused.reason), refused
    assert "lengths" in str(OPERATION.supports(problem("truncated", 1, given="harmonics")))
