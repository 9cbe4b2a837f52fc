"""The layer of Allegro: its blocks by e3nn, what an edge hears of, and what is refused."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, channels_of, irreps_of, problem
from impls.inputs.named import cutoff_of
from impls.layers.allegro.operation import OPERATION, mixing_of, paths_of, scalars_of
from impls.peers.e3nn import labels, torch_module
from impls.products.paths import output_irreps

PROBLEMS = {
    "natural": problem("truncated", 2, data="lattice:9x4", channels=3, dtype="float64"),
    "degrees": problem("mimo", 1, "so3", data="edges:CH4@2", channels=2, dtype="float64"),
    "no invariant out": ask(
        irreps_node="0e+1o+1e", irreps_edge="0e+1o", irreps_out="1o+1e", data="lattice:9x4",
        channels=2, dtype="float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_equal_to_the_layer_of_e3nn_modules(asked, e3nn, judge, distance):
    """Outer products with the harmonics, a sum by centre, o3.TensorProduct (uuu), o3.Linear."""
    import torch
    from e3nn import o3
    from scipy.special import betainc
    from torch.nn.functional import silu

    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    (node, edge, _), channels, paths = irreps_of(asked), channels_of(asked), paths_of(asked)
    v, a, dst = e3nn.tensor(inputs["v"]), e3nn.tensor(inputs["a"]), torch.tensor(inputs["dst"])
    x = np.minimum(np.linalg.norm(inputs["v"], axis=1) / cutoff_of(asked), 1)
    f = e3nn.tensor(1 - betainc(6, 3, x))[:, None]

    each = []
    for (_, ir), w in zip(edge, weights["E"], strict=True):
        sh = o3.spherical_harmonics(ir.l, v, normalize=True, normalization="component")
        each.append(((f * (a @ e3nn.tensor(w)))[:, :, None] * sh[:, None]).flatten(1))
    sent = torch.cat(each, 1)
    around = torch.zeros(int(dst.max()) + 1, sent.shape[1], dtype=torch.float64)
    around.index_add_(0, dst, sent)
    product = torch_module(
        lambda: o3.TensorProduct(
            labels(node, channels), labels(edge, channels), labels(output_irreps(paths), channels),
            [(p.i1, p.i2, k, "uuu", False) for k, p in enumerate(paths)], path_normalization="none",
        ),
        "float64", "cpu", "eager",
    )  # fmt: skip
    p = e3nn.features(product(e3nn.flat(inputs["t"], node), around[dst]), output_irreps(paths))
    read = [inputs["a"], *(p[..., part][..., 0] for part in scalars_of(asked))]
    latent = silu(e3nn.tensor(np.concatenate(read, 1)) @ e3nn.tensor(weights["L1"]))
    latent = latent @ e3nn.tensor(weights["L2"])

    wanted = OPERATION.oracle(asked, inputs, weights)
    assert len(read) > 1 and np.abs(wanted["t"]).max() > 1e-2
    assert distance(e3nn.linear(mixing_of(asked), p, weights), wanted["t"]) < 1e-12
    assert distance(((a + f * latent) / 2**0.5).numpy(), wanted["a"]) < 1e-12


def test_an_edge_hears_of_the_edges_at_its_centre_alone(judge):
    """Not of those at its other end: layers do not widen the view."""
    asked = PROBLEMS["natural"]
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    other = inputs["dst"] == 3
    moved = {n: np.array(inputs[n]) for n in inputs}
    for name in ("t", "a", "v"):
        moved[name][other] += 0.3
    before, after = (OPERATION.oracle(asked, each, weights) for each in (inputs, moved))
    for name in ("t", "a"):
        assert np.array_equal(before[name][~other], after[name][~other])
        changed = np.abs(before[name] - after[name])[other]
        assert (changed.reshape(len(changed), -1).max(axis=1) > 1e-3).all()
    one = {n: np.array(inputs[n]) for n in inputs}
    one["a"][np.flatnonzero(other)[0]] += 0.3  # each edge there is heard of by all others there
    heard = np.abs(OPERATION.oracle(asked, one, weights)["t"] - before["t"])[other]
    assert (heard.reshape(len(heard), -1).max(axis=1) > 1e-6).all()


def test_what_would_be_zero_is_refused():
    asked = ask(irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="0e+2o", channels=2)
    refused = OPERATION.supports(asked)
    assert refused is not None and refused.remedy and "2o" in refused.reason
    assert "lengths" in str(OPERATION.supports(problem("truncated", 1, given="harmonics")))
    assert "repeated" in str(OPERATION.supports(asked.with_sizes(irreps_out="0e+0e")))
