r"""Layer of Allegro [@musaelian2023]: features live on edges, and no node is ever heard of twice.

An edge e into its centre n = dst[e] carries invariants a[e] and an equivariant feature t[e]. The
edges of a centre make its environment, each multiplies it, and linear maps follow:

    G[n, l]    = sum_{e: dst[e] = n} f(|v[e]|) (E_l a[e]) Y_l(v[e])
    p[e, path] = CG_path(t[e], G[dst[e]])
    t'[e]      = M p[e]
    a'[e]      = (a[e] + f(|v[e]|) L_2 silu(L_1 (a[e], p[e, paths to invariants]))) / sqrt(2)

channel by channel in the first two lines. E has a weight for each degree l of the harmonics and
pair of channels, M mixes paths and channels of each irrep (`impls.layers.mixing`), f is the
envelope of order 6 (`impls.layers.radial`), L_1 has 2 neurons a channel. What is sent is nothing:
the feature of the node at the other end of an edge is not read, only the direction and length, so
that layers can be stacked without a receptive field that grows.

As published but for constants, which belong to how weights are drawn, and the number of channels,
which is the same for invariants and features. a and a' are what the network sees before the
envelope of the edge, which stands where they are used.

An edge comes into sight of the others at its centre with two derivatives of f zero. Cost: O(L^5 C)
and O(L^4 C^2) for each edge: the product is as in `clebsch_gordan`, of two whole features.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families import product
from impls.families.feature import invariant
from impls.families.points import channels_of, edge_feature_space, edge_harmonics, irreps_of
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.features import no_layer, with_invariants
from impls.layers.mixing import Mixing
from impls.layers.radial import envelope, lengths_of, matrix
from impls.operation import Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.products.clebsch_gordan.operation import OPERATION as PRODUCT
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.spaces import Arrays, Space

ORDER = 6
"""Of the envelope, as published."""
NEURONS = 2
"""Of the perceptron of invariants, a channel."""


def product_of(problem: Problem) -> Problem:
    """Return the product inside: an edge is a sample, and paths to invariants are among it."""
    node, edge, out = irreps_of(with_invariants(problem))
    return product.ask(
        irreps_in1=node,
        irreps_in2=edge,
        irreps_out=out,
        channels=channels_of(problem),
        batch=max(counts_of(problem)[1], 1),
    )


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths of the product in canonical order."""
    return coupled_paths(*irreps_of(with_invariants(problem)))


def scalars_of(problem: Problem) -> tuple[slice, ...]:
    """Return where the paths to invariants lie among all."""
    return tuple(path.out for path in paths_of(problem) if invariant(path.ir3))


def mixing_of(problem: Problem) -> Mixing:
    """Return M."""
    return Mixing("M", output_irreps(paths_of(problem)), irreps_of(problem)[2])


def _outputs(problem: Problem) -> Mapping[str, Space]:
    edges, channels = counts_of(problem)[1], channels_of(problem)
    return {
        "t": edge_feature_space(problem, irreps_of(problem)[2]),
        "a": Space((edges, channels), axis="edges"),
    }


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    degrees, read = len(irreps_of(problem)[1]), channels * (1 + len(scalars_of(problem)))
    near = max(edges / nodes, 1.0)
    return {
        "E": matrix((degrees, channels, channels), channels * near),
        **mixing_of(problem).weights(channels),
        "L1": matrix((read, NEURONS * channels), read),
        "L2": matrix((NEURONS * channels, channels), NEURONS * channels),
    }


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    t, a, dst = inputs["t"], inputs["a"], inputs["dst"]
    edge, sh = irreps_of(problem)[1], edge_harmonics(problem, inputs)
    f = envelope(lengths_of(inputs) / cutoff_of(problem), ORDER)[:, None]
    around = np.zeros((*t.shape[:2], edge.dim))
    for part, w in zip(edge.slices(), weights["E"], strict=True):
        sent = (f * (a @ w))[:, :, None] * sh[:, None, part]
        for n in np.unique(dst):
            mine = dst == n
            around[mine, :, part] = sent[mine].sum(axis=0)
    p = PRODUCT.oracle(product_of(problem), {"x": t, "y": around}, {})["z"]
    invariants = [p[..., part][..., 0] for part in scalars_of(problem)]
    hidden = activate("silu", np.concatenate([a, *invariants], axis=1) @ weights["L1"])
    return {
        "t": mixing_of(problem).oracle(p, weights),
        "a": (a + f * (hidden @ weights["L2"])) / np.sqrt(2),
    }


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem)
    if refusal:
        return refusal
    mixing = mixing_of(problem)
    missing = set(range(len(mixing.out))) - mixing.reached
    if not missing:
        return None
    node, edge, out = irreps_of(problem)
    irreps = " or ".join(str(out.items[i][1]) for i in sorted(missing))
    return Refusal(
        f"identically zero: no path of {node} x {edge} ends in {irreps}",
        "ask for other output irreps, or for so3 (degrees only)",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count, per edge, the environment, the product, the mixing and the perceptron."""
    channels, edges = channels_of(problem), counts_of(problem)[1]
    node, edge, out = irreps_of(problem)
    mixing, asked = mixing_of(problem), product_of(problem)
    read = channels * (1 + len(scalars_of(problem)))
    perceptron = 2 * NEURONS * channels * (read + channels)
    environment = 2 * len(edge) * channels**2 + 2 * channels * edge.dim
    each = environment + mixing.flops(channels) + perceptron
    numbers = edges * (channels * (node.dim + out.dim + 2) + 3) + mixing.numbers(channels)
    numbers += len(edge) * channels**2 + perceptron // 2
    return {
        "flops": float(edges * each + PRODUCT.cost(asked)["flops"] * (edges > 0)),
        "bytes": float(numbers * BYTES[problem.dtype] + edges * 8),
    }


OPERATION = Operation(
    name="allegro_layer",
    title="Allegro layer",
    family="points",
    summary="features of edges times the weighted harmonics around their centre, invariants beside",
    papers=("musaelian2023",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("t", "a", "v", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("musaelian2023",),
    growth=Growth({"lmax": 5, "channels": 2}),
)
