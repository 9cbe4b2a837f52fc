"""Attention of Equiformer: its blocks by e3nn, what the softmax is told, and what is refused."""

import re

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, channels_of, irreps_of, problem
from impls.inputs.named import cutoff_of
from impls.layers.equiformer.operation import (
    OPERATION,
    first_of,
    gated_of,
    heads_of,
    mixings_of,
    radial_of,
)
from impls.peers.e3nn import labels, torch_module
from impls.points.convolution.operation import paths_of
from impls.so3.irreps import Irreps

PROBLEMS = {
    "natural": problem("truncated", 2, data="lattice:9x4", channels=4, dtype="float64"),
    "degrees": problem("mimo", 1, "so3", data="edges:CH4@2", channels=2, dtype="float64"),
    "both parities": ask(
        irreps_node="0e+1o+1e", irreps_edge="0e+1o", irreps_out="1o+0e", data="lattice:9x4",
        channels=3, dtype="float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_equal_to_the_layer_of_e3nn_modules(asked, e3nn, judge, distance):
    """o3.Linear, o3.TensorProduct of each edge, nn.Gate, and the softmax of each receiver."""
    import torch
    from e3nn.math import normalize2mom
    from e3nn.nn import Gate
    from torch.nn.functional import silu

    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    x, v, src, dst = (inputs[n] for n in ("x", "v", "src", "dst"))
    mixings, first, channels = mixings_of(asked), first_of(asked), channels_of(asked)
    own = np.arange(len(v))

    ends = {n: e3nn.linear(mixings[n], x, weights) for n in "AB"}
    r = e3nn.radial(asked, radial_of(asked), v, weights)
    p = e3nn.convolution(first, ends["A"][dst] + ends["B"][src], v, r, own, own)
    read = e3nn.tensor(e3nn.linear(mixings["S"], p, weights)[..., 0])
    read = (0.2 * read + 0.8 * silu(read)).reshape(len(v), heads_of(asked), -1)
    scores = torch.einsum("ehc,hc->eh", read, e3nn.tensor(weights["w"]))
    alpha = torch.zeros_like(scores)
    for node in np.unique(dst):
        mine = torch.tensor(np.flatnonzero(dst == node))
        alpha[mine] = torch.softmax(scores[mine], 0)

    s, gated = e3nn.linear(mixings["M"], p, weights), gated_of(asked)
    scalars = [i for i, (_, ir) in enumerate(gated.irreps) if ir.l == 0]
    gates = tuple(range(len(gated.irreps), len(gated.every)))

    def chosen(items):
        return Irreps(tuple(gated.every.items[i] for i in items))

    gate = torch_module(
        lambda: Gate(
            labels(chosen(scalars), channels), [silu] * len(scalars),
            labels(chosen(gates), channels), [torch.sigmoid] * len(gates),
            labels(chosen(gated.items), channels),
        ),
        "float64", "cpu", "eager",
    )  # fmt: skip
    order = (*scalars, *gates, *gated.items)
    parts = [gated.every.slices()[i] for i in order]
    arranged = np.concatenate([s[..., part] for part in parts], axis=-1)
    left = chosen((*scalars, *gated.items))
    opened = e3nn.features(gate(e3nn.flat(arranged, chosen(order))), left)
    y = np.zeros((len(v), channels, gated.irreps.dim))
    constants = [normalize2mom(phi).cst for phi in (silu, torch.sigmoid)]
    for i, place in zip((*scalars, *gated.items), left.slices(), strict=True):
        y[..., gated.irreps.slices()[i]] = opened[..., place] / constants[i in gated.items]

    c = e3nn.tensor(np.tile(weights["c"].ravel(), (len(v), 1)))
    value = e3nn.linear(mixings["V"], e3nn.convolution(asked, y, v, c, own, own), weights)
    z = np.zeros((len(x), channels, value.shape[2]))
    wide = np.repeat(alpha.numpy(), channels // heads_of(asked), axis=1)
    np.add.at(z, dst, wide[..., None] * value)
    wanted = OPERATION.oracle(asked, inputs, weights)["z"]
    assert distance(e3nn.linear(mixings["O"], z, weights), wanted) < 1e-11
    assert np.abs(wanted).max() > 1e-2


def test_a_receiver_of_one_edge_is_told_nothing_by_its_score(judge):
    """Its weight is one: with another score the atoms of hydrogen stay, and carbon does not."""
    asked = problem("truncated", 1, data="edges:CH4@1.2", channels=4, dtype="float64")
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    edges = np.bincount(inputs["dst"])
    assert sorted(edges) == [1, 1, 1, 1, 4]
    before, after = (
        OPERATION.oracle(asked, inputs, {**weights, "w": factor * weights["w"]})["z"]
        for factor in (1, -2)
    )
    moved = np.abs(after - before).max(axis=(1, 2))
    assert moved[edges == 4] > 1e-3 and moved[edges == 1].max() < 1e-14


def test_an_edge_at_the_cutoff_takes_its_share(judge):
    """Its message is zero there, its weight is not: what it is given is missing from the others."""
    asked = problem("truncated", 1, data="loose:4x12", channels=4, dtype="float64")
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    edge = int(np.flatnonzero(np.bincount(inputs["dst"])[inputs["dst"]] > 1)[0])
    v = inputs["v"].copy()
    v[edge] *= 0.999999 * cutoff_of(asked) / np.linalg.norm(v[edge])
    here = OPERATION.oracle(asked, {**inputs, "v": v}, weights)["z"]
    kept = {n: a if n == "x" else np.delete(a, edge, 0) for n, a in inputs.items()}
    gone = OPERATION.oracle(asked, kept, weights)["z"]
    node = inputs["dst"][edge]
    assert np.abs(here - gone)[node].max() > 1e-2 * np.abs(gone[node]).max()
    others = np.delete(np.abs(here - gone), node, 0)
    assert others.max() < 1e-14


@pytest.mark.parametrize(("channels", "heads"), [(1, 1), (3, 3), (5, 1), (6, 3), (32, 4)])
def test_heads_divide_the_channels(channels, heads):
    assert heads_of(problem("truncated", 1, channels=channels)) == heads


def test_the_shape_of_the_paper_has_its_paths():
    """0..2 of nodes, edges and outputs, natural parity: 11 paths in each product."""
    asked = problem("truncated", 2, channels=32)
    assert len(paths_of(first_of(asked))) == len(paths_of(asked)) == 11
    assert irreps_of(first_of(asked))[2] == irreps_of(asked)[0]


@pytest.mark.parametrize(
    ("irreps", "reason"),
    [
        (("0e+1o", "0e+1o", "3o"), "empty output"),
        (("1o", "2e", "1o"), "nothing to read"),
        (("0e+1o+2o", "1o", "0e"), "identically zero: .* 2o"),
        (("0e+0e", "0e", "0e"), "repeated"),
    ],
)
def test_what_would_be_zero_is_refused(irreps, reason):
    names = dict(zip(("irreps_node", "irreps_edge", "irreps_out"), irreps, strict=True))
    refused = OPERATION.supports(ask(**names, channels=2))
    assert refused is not None and refused.remedy
    assert re.search(reason, refused.reason), refused
    assert "lengths" in str(OPERATION.supports(problem("truncated", 1, given="harmonics")))
