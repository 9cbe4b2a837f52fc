"""The interaction of NequIP: its blocks by e3nn, its gates, and what is refused."""

import re

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, irreps_of, model, problem
from impls.layers.nequip.operation import (
    OPERATION,
    convolution_of,
    gated_of,
    mixings_of,
    radial_of,
)
from impls.so3.irreps import Irreps

BOTH = model("nequip", "edges:H2O+CH4@2", channels=3, dtype="float64")
PROBLEMS = {
    "natural": problem("truncated", 2, data="lattice:9x4", channels=3, dtype="float64"),
    "degrees": problem("mimo", 1, "so3", data="edges:CH4@2", channels=2, dtype="float64"),
    "both parities": BOTH,
    "vectors alone": ask(
        irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="1o", data="lattice:9x4",
        channels=2, dtype="float64",
    ),
}  # fmt: skip


def gated(asked, s, every, e3nn):
    """Return z of s by nn.Gate, whose input is sorted, without its constants."""
    import torch
    from e3nn.math import normalize2mom
    from e3nn.nn import Gate

    from impls.peers.e3nn import labels, torch_module

    out, silu = irreps_of(asked)[2], torch.nn.functional.silu
    behind = gated_of(asked)
    scalars = [i for i in range(len(out)) if i not in behind]
    phis = [torch.tanh if out.items[i][1].p < 0 else silu for i in scalars]

    def named(items):
        return labels(Irreps(tuple(every.items[i] for i in items)), s.shape[1]) if items else ""

    gates = list(range(len(out), len(every)))
    module = torch_module(
        lambda: Gate(named(scalars), phis, named(gates), [silu] * len(gates), named(behind)),
        "float64", "cpu", "eager",
    )  # fmt: skip
    order = sorted([*scalars, *gates, *behind], key=lambda i: every.items[i][1])
    parts = every.slices()
    given = np.concatenate([s[..., parts[i]] for i in order], axis=2)
    flat = e3nn.flat(given, Irreps(tuple(every.items[i] for i in order)))
    left = Irreps(tuple(out.items[i] for i in (*scalars, *behind)))
    found, z = e3nn.features(module(flat), left), np.empty((*s.shape[:2], out.dim))
    constants = [normalize2mom(phi).cst for phi in (*phis, *[silu] * len(behind))]
    for i, part, constant in zip((*scalars, *behind), left.slices(), constants, strict=True):
        z[..., out.slices()[i]] = found[..., part] / constant
    return z


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_equal_to_the_layer_of_e3nn_modules(asked, e3nn, judge, distance):
    """o3.Linear, o3.TensorProduct and nn.Gate, after a change of layout and of constants."""
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    before, after, own = mixings_of(asked)
    x, v = inputs["x"], inputs["v"]
    w = e3nn.radial(asked, radial_of(asked), v, weights)
    h = e3nn.linear(before, x, weights)
    m = e3nn.convolution(convolution_of(asked), h, v, w, inputs["src"], inputs["dst"])
    s = e3nn.linear(after, m, weights) + e3nn.linear(own, x, weights)
    wanted = OPERATION.oracle(asked, inputs, weights)["z"]
    assert distance(gated(asked, s, after.out, e3nn), wanted) < 1e-12
    for part in irreps_of(asked)[2].slices():
        assert np.abs(wanted[..., part]).max() > 1e-2


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
