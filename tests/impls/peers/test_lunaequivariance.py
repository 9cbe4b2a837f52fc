"""LunaEquivariance: what it is asked, with a stand-in, and what it would write its kernels from.

The stand-in is written from its source: e3nn's products with its normalisation of paths switched
off, and a graph that wants edges sorted by receivers. Where the package is, its own plan of each
product is evaluated term by term in place of its kernels, which need CUDA.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from impls.families import weighted
from impls.families.points import ask
from impls.implementation import Target
from impls.peers.lunaequivariance import supports
from impls.points.convolution import lunaequivariance as convolution
from impls.products.channel_modes import lunaequivariance as product
from impls.registry import load
from impls.streams import Streams

torch = pytest.importorskip("torch")
pytest.importorskip("e3nn")

ASKED = ask(
    irreps_node="0e+0e+1o+1e", irreps_edge="0e+1o+2e", irreps_out="0e+1o+1e+2o",
    data="isotropic:6x3", channels=3, dtype="float64",
)  # fmt: skip


def prepare_tensor_product(*asked, dtype, convolution=False, **named):
    from e3nn import o3

    assert dtype is torch.float64 and named.pop("path_normalization") == "none"
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    made = o3.TensorProduct(*asked, path_normalization="none", internal_weights=False, **named)
    torch.set_default_dtype(before)
    return SimpleNamespace(run=made, convolution=convolution)


def tensor_product(x, y, w, *, config):
    assert not config.convolution
    return config.run(x, y, w)


def make_graph(src, dst, num_nodes):
    assert bool((dst[1:] >= dst[:-1]).all()), "dst must be ascending"
    return SimpleNamespace(src=src, dst=dst, num_nodes=num_nodes)


def tensor_product_conv(x, y, w, *, graph, config):
    assert config.convolution
    messages = config.run(x[graph.src], y, w)
    zeros = messages.new_zeros(graph.num_nodes, messages.shape[1])
    return zeros.index_add(0, graph.dst, messages)


STAND_IN = SimpleNamespace(
    prepare_tensor_product=prepare_tensor_product,
    tensor_product=tensor_product,
    make_graph=make_graph,
    tensor_product_conv=tensor_product_conv,
)


def by_terms(config, x, y, w):
    """Return the product by the terms, offsets and weights of the package's own plan."""
    plan = config.meta
    found = x.new_zeros(len(x), plan["out_dim"])
    for spec in plan["generated_specs"]:
        # uvw spells its letters' ranges apart; a path of uvu is one channel of y
        u, v, out = (spec.get(f"{name}_channels") for name in ("in", "edge", "out"))
        uvw, uuu = u is not None, "has_weight" in spec
        u, v, out = (u, v, out) if uvw else (spec["channels"], 1, spec["channels"])
        left = part(x, spec["x_offset"], u, spec["d1"])
        right = part(y, spec["y_offset"], u if uuu else v, spec["d2"])
        stride, count = spec.get("weight_stride", 1), u * v * out if uvw else u
        places = spec["weight_offset"] + torch.arange(count) * stride
        weights = w.expand(len(x), -1)[:, places]
        coupling = x.new_zeros(spec["d1"], spec["d2"], spec["d3"])
        for i, j, k, value in spec["terms"]:
            coupling[i, j, k] = value
        if uvw:
            weights = weights.reshape(-1, u, v, out)
            z = torch.einsum("nui,nvj,ijk,nuvw->nwk", left, right, coupling, weights)
        elif uuu:
            z = torch.einsum("nui,nuj,ijk,nu->nuk", left, right, coupling, weights)
        else:
            z = torch.einsum("nui,nj,ijk,nu->nuk", left, right[:, 0], coupling, weights)
        found[:, spec["out_offset"] : spec["out_offset"] + out * spec["d3"]] += z.flatten(1)
    return found


def part(a, offset, channels, dim):
    return a[:, offset : offset + channels * dim].reshape(len(a), channels, dim)


def summed(x, y, w, *, graph, config):
    messages = by_terms(config, x[graph.src.long()], y, w)
    return messages.new_zeros(graph.num_nodes, messages.shape[1]).index_add(
        0, graph.dst.long(), messages
    )


@pytest.fixture(params=["stand-in", "its own plan"])
def package(request, monkeypatch):
    if request.param == "stand-in":
        monkeypatch.setitem(sys.modules, "LunaEquivariance", STAND_IN)
        for adapter in (convolution, product):
            monkeypatch.setattr(adapter, "version", lambda name: "0")
        return
    luna = pytest.importorskip("LunaEquivariance", reason="not installed: LunaEquivariance")
    from LunaEquivariance.lunatp.utils.layout import TensorProductPaths
    from LunaEquivariance.lunatp.uvu_conv.kernels.utils import build_uvu_conv_metadata

    prepare = luna.prepare_tensor_product

    def planned(*asked, dtype, convolution=False, **named):
        if not convolution:
            return prepare(*asked, dtype=dtype, **named)
        paths = TensorProductPaths(*asked, internal_weights=False, **named)
        return SimpleNamespace(meta=build_uvu_conv_metadata(paths, dtype))

    monkeypatch.setattr(luna, "prepare_tensor_product", planned)
    monkeypatch.setattr(luna, "tensor_product", lambda x, y, w, config: by_terms(config, x, y, w))
    monkeypatch.setattr(luna, "tensor_product_conv", summed)


def agrees(build, asked, operation, order=None):
    """Compare an answer with the oracle, with edges in another order where one is given."""
    registry = load()
    operation = registry.operation(operation)
    family = registry.family(operation.family)
    inputs = operation.taken(family.draw(asked, Streams(0, 0)))
    drawn = np.random.default_rng(0)
    weights = {n: drawn.standard_normal(s.shape) for n, s in operation.weights(asked).items()}
    if order is not None:
        inputs = {n: a if n == "x" else a[order] for n, a in inputs.items()}
        weights = {n: a[order] for n, a in weights.items()}
    code = build(asked, Target(), {})
    put = [{n: torch.as_tensor(a) for n, a in part.items()} for part in (inputs, weights)]
    z = code.unpack(code.call(*code.pack(*put)))["z"].numpy()
    expected = operation.oracle(asked, inputs, weights)["z"]
    assert np.abs(z - expected).max() < 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("order", [None, np.random.default_rng(1).permutation(18)])
def test_what_it_answers_is_the_convolution_of_edges_in_any_order(package, order):
    agrees(convolution.torch_lunaequivariance, ASKED, "channelwise", order)


@pytest.mark.parametrize("weights", ["shared", "per_sample"])
@pytest.mark.parametrize("implementation", product.IMPLEMENTATIONS, ids=lambda i: i.operation)
def test_what_it_answers_is_the_product(package, implementation, weights):
    paired = implementation.operation.startswith("uuu")
    asked = weighted.ask(
        irreps_in1="1e+0e", irreps_in2="1o+0o", irreps_out="1o+2o+0o",
        mul1=3, mul2=3 if paired else 2, mul3=3 if paired else 4, weights=weights, batch=5,
        dtype="float64",
    )  # fmt: skip
    agrees(implementation.build, asked, implementation.operation)


def test_where_it_does_not_run_is_refused_with_the_remedy():
    assert supports(ASKED, Target("cpu")).remedy == "use --device cuda"
    half = replace(ASKED, dtype="bfloat16")
    assert "bfloat16" in supports(half, Target("cuda")).reason
    assert supports(ASKED, Target("cuda")) is None
