"""FlashTP with a stand-in: what it is asked, and what is made of its answer.

The stand-in is written from its source: e3nn's product for channels with its usual normalisation,
couplings of float32, a warp of channels at a time, each path with an output of its own. Where the
package is, the tables that its kernels read are evaluated term by term in their place.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from impls.families.points import ask
from impls.implementation import Target
from impls.points.convolution import flashtp
from impls.points.convolution.flashtp import IMPLEMENTATION, flashtp_supports
from impls.registry import load
from impls.streams import Streams

torch = pytest.importorskip("torch")
pytest.importorskip("e3nn")

ASKED = ask(
    irreps_node="0e+0e+1o+1e", irreps_edge="0e+1o+2e", irreps_out="0e+1o+1e+2o",
    data="isotropic:6x3", channels=32,
)  # fmt: skip
CUDA = Target("cuda")


class UvuTP(torch.nn.Module):
    """A product that gathers and sums, by the names of its source."""

    def __init__(self, first, second, out, instructions, smem_size=None, device="cuda", dtype=None):
        from e3nn import o3

        super().__init__()
        assert all(mul % 32 == 0 for mul, _ in first) and (smem_size, device) == (227, "cpu")
        assert [line[2] for line in instructions] == list(range(len(out)))
        assert {line[0] for line in instructions} == set(range(len(first)))
        assert dtype is torch.float32
        self.product = o3.TensorProduct(
            first, second, out, instructions, shared_weights=False, internal_weights=False
        )

    def forward(self, x, sh, w, src, dst):
        assert all(a.is_contiguous() for a in (x, sh, w, src, dst))
        assert src.dtype is dst.dtype is torch.int32
        messages = self.product(x[src], sh, w)
        return messages.new_zeros(len(x), messages.shape[1]).index_add(0, dst, messages)


def by_tables(made):
    """Return the product by the tables that `made` gives to its kernels."""
    items, dims, starts, outs, paths, terms, scales, places, fibers, couplings, warps = (
        table.tolist() for table in made.metadata_list[:11]
    )

    def product(x, sh, w, src, dst):
        z = x.new_zeros(len(x), made.out_dim)
        for item, warp in zip(warps[::2], warps[1::2], strict=True):
            first = items[item] + 32 * warp * dims[item]
            left = x[src][:, first : first + 32 * dims[item]].reshape(len(sh), 32, -1)
            for path in range(starts[item], starts[item + 1]):
                dim, right = paths[path][0], sh[:, paths[path][1] :]
                found = x.new_zeros(len(sh), 32, dim)
                for i, j, k, place in fibers[slice(*terms[path])]:
                    found[:, :, k] += couplings[place] * left[:, :, i] * right[:, j, None]
                first = places[path] + 32 * warp
                found *= scales[path] * w[:, first : first + 32, None]
                first = outs[path][0] + 32 * warp * dim
                z[:, first : first + 32 * dim].index_add_(0, dst, found.flatten(1))
        return z

    return product


@pytest.fixture(params=["stand-in", "its own tables"])
def package(request, monkeypatch):
    monkeypatch.setattr(flashtp, "shared_memory", lambda device: 227)
    if request.param == "stand-in":
        monkeypatch.setitem(sys.modules, "flashTP_e3nn", SimpleNamespace(uvu_TP=UvuTP))
        monkeypatch.setattr(flashtp, "version", lambda name: "0")
        return
    flash = pytest.importorskip("flashTP_e3nn", reason="not installed: flashTP_e3nn")
    make = flash.uvu_TP

    class Read(torch.nn.Module):
        def __init__(self, *asked, **named):
            super().__init__()
            self.forward = by_tables(make(*asked, **named))

    monkeypatch.setattr(flash, "uvu_TP", Read)


@pytest.mark.parametrize("given", ["vectors", "harmonics"])
def test_what_it_answers_is_the_convolution(package, given):
    asked = ASKED.with_sizes(given=given)
    registry = load()
    operation = registry.operation("channelwise")
    inputs = operation.taken(registry.family("points").draw(asked, Streams(0, 0)))
    drawn = np.random.default_rng(0)
    weights = {n: drawn.standard_normal(s.shape) for n, s in operation.weights(asked).items()}
    code = flashtp.torch_flashtp(asked, Target(), {})
    put = [{n: torch.as_tensor(a, dtype=torch.float32 if a.dtype.kind == "f" else None)
            for n, a in part.items()} for part in (inputs, weights)]  # fmt: skip
    z = code.unpack(code.call(*code.pack(*put)))["z"].numpy()
    expected = operation.oracle(asked, inputs, weights)["z"]
    assert np.abs(z - expected).max() < 2e-6 * np.abs(expected).max()
    assert code.runs == ("flashtp_*_kernel::sptp_linear_fwd*",)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"channels": 48}, "32 channels at a time, not 48"),
        ({"irreps_node": "0e+1o+4e", "irreps_out": "0e+1o"}, "4e has none"),
        ({"irreps_edge": "0e+1o+6e"}, "degree 6"),
        ({"irreps_node": "+".join(["0e+1o"] * 16)}, "32 items"),
    ],
)
def test_what_its_kernels_do_not_take_is_refused_by_name(sizes, reason):
    refused = flashtp_supports(ASKED.with_sizes(**sizes), CUDA)
    assert reason in refused.reason and refused.remedy


def test_copies_of_an_item_fill_a_warp_together():
    asked = ASKED.with_sizes(irreps_node="0e+0e", irreps_out="0e", channels=16)
    assert flashtp_supports(asked, CUDA) is None


def test_where_it_does_not_run_is_refused_with_the_remedy():
    assert flashtp_supports(ASKED, CUDA) is None
    assert flashtp_supports(ASKED, Target("cpu")).remedy == "use --device cuda"
    for dtype in ("float64", "bfloat16"):
        refused = flashtp_supports(replace(ASKED, dtype=dtype), CUDA)
        assert refused.remedy == "use float32"
    assert "git+" in IMPLEMENTATION.remedy
