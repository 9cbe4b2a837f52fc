"""Blocks of layers by e3nn and SciPy, with the channels of each irrep as its multiplicities."""

import numpy as np
import pytest

from impls.families.points import channels_of, irreps_of
from impls.inputs.named import cutoff_of
from impls.peers.e3nn import labels, torch_module
from impls.points.convolution.operation import paths_of
from impls.products.paths import output_irreps


class Library:
    """Torch arrays in float64; features go in and out as [n, channels, dim]."""

    def flat(self, x, irreps):
        """Return [n, channels dim] as e3nn has them."""
        parts = [np.asarray(x)[..., part].reshape(len(x), -1) for part in irreps.slices()]
        return self.tensor(np.concatenate(parts, axis=1))

    def features(self, flat, irreps):
        """Return [n, channels, dim]."""
        n, channels = len(flat), flat.shape[1] // irreps.dim
        parts = np.split(flat.detach().numpy(), [channels * s.stop for s in irreps.slices()], 1)
        return np.concatenate(
            [p.reshape(n, channels, ir.dim) for p, (_, ir) in zip(parts, irreps, strict=False)], 2
        )

    def tensor(self, a):
        import torch

        return torch.tensor(np.asarray(a, np.float64))

    def linear(self, mixing, x, weights):
        """Return o3.Linear from the items of a mixing to its others, each its own."""
        import torch
        from e3nn import o3

        channels, w = x.shape[1], weights[mixing.name]
        module = torch_module(
            lambda: o3.Linear(labels(mixing.inside, channels), labels(mixing.out, channels)),
            "float64", "cpu", "eager",
        )  # fmt: skip
        given = dict(zip(mixing.pairs, w, strict=True))
        with torch.no_grad():
            for _, instruction, view in module.weight_views(yield_instruction=True):
                pair = instruction.i_out, instruction.i_in
                view.copy_(self.tensor(given.pop(pair)) / instruction.path_weight)
        assert not given, "e3nn has every pair"
        return self.features(module(self.flat(x, mixing.inside)), mixing.out)

    def radial(self, asked, spec, v, weights):
        """Return R(|v|) [edges, outputs], the envelope as a regularised beta function."""
        from e3nn.math import soft_one_hot_linspace
        from scipy.special import betainc
        from torch.nn.functional import silu

        r, cutoff = np.linalg.norm(v, axis=1), cutoff_of(asked)
        found = soft_one_hot_linspace(
            self.tensor(r), 0.0, cutoff, spec.basis, basis="bessel", cutoff=False
        )
        envelope = 1 - betainc(spec.p, 3, np.minimum(r / cutoff, 1))
        found = found * self.tensor(envelope)[:, None]
        for n in range(1, len(spec.hidden) + 1):
            found = silu(found @ self.tensor(weights[f"R{n}"]))
        return found @ self.tensor(weights[f"R{len(spec.hidden) + 1}"])

    def convolution(self, asked, h, v, w, src, dst):
        """Return the sums of all paths, by o3.TensorProduct between a gather and a scatter."""
        import torch
        from e3nn import o3

        node, edge, _ = irreps_of(asked)
        paths, channels = paths_of(asked), channels_of(asked)
        lines = [(p.i1, p.i2, k, "uvu", True) for k, p in enumerate(paths)]
        product = torch_module(
            lambda: o3.TensorProduct(
                labels(node, channels), labels(edge), labels(output_irreps(paths), channels), lines,
                path_normalization="none", shared_weights=False, internal_weights=False,
            ),
            "float64", "cpu", "eager",
        )  # fmt: skip
        sh = o3.spherical_harmonics(
            [ir.l for _, ir in edge], self.tensor(v), normalize=True, normalization="component"
        )
        messages = product(self.flat(h, node)[src], sh, w)
        sums = torch.zeros(len(h), messages.shape[1], dtype=torch.float64)
        sums.index_add_(0, torch.tensor(dst), messages)
        return self.features(sums, output_irreps(paths))


@pytest.fixture(scope="session")
def e3nn():
    pytest.importorskip("e3nn")
    return Library()
