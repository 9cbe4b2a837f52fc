r"""Layer of a provably powerful graph network [@maronbenhamu2019]: matrix products by channel.

On features x [n, n, C] of pairs of nodes, with perceptrons m1, m2 of two linear maps each,

    x'_ij = S x_ij + P (1/n) sum_l m1(x_il) * m2(x_lj) + b

where * multiplies channel by channel: what is put in stands beside the product, and both are mixed.
Activations are silu, where the paper has a ReLU, and are in m1 and m2 alone; the mean stands for a
sum. No graph is asked for: its edges are a channel of x. Layers of it tell apart what the folklore
Weisfeiler-Lehman test of pairs of nodes does, which linear maps of pairs do not; strongly regular
graphs of the same parameters are the same for both.

Cost: O(n^3 C + n^2 C^2) for each graph.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.graphs import GraphsSizes, pair_space
from impls.growth import Growth
from impls.layers import pair_products, perceptron
from impls.layers.perceptron import Perceptron
from impls.layers.radial import matrix
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.spaces import Arrays, Space

PAPERS = ("maronbenhamu2019",)


def perceptrons_of(problem: Problem) -> tuple[Perceptron, Perceptron]:
    """Return m1 and m2."""
    c = GraphsSizes.of(problem).channels
    return Perceptron("m1", (c, c, c)), Perceptron("m2", (c, c, c))


def _weights(problem: Problem) -> Mapping[str, Space]:
    c, (m1, m2) = GraphsSizes.of(problem).channels, perceptrons_of(problem)
    mixing = matrix((c, c), 2 * c)
    return {**m1.weights(), **m2.weights(), "S": mixing, "P": mixing, "b": Space((c,))}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": pair_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x = inputs["x"]
    a, b = (perceptron.oracle(m, x, weights) for m in perceptrons_of(problem))
    met = pair_products.oracle(a, b, np.full(x.shape[:2], 1 / x.shape[1]))
    return {"x": x @ weights["S"] + met @ weights["P"] + weights["b"]}


def _cost(problem: Problem) -> Mapping[str, float]:
    s, (m1, m2) = GraphsSizes.of(problem), perceptrons_of(problem)
    pairs = s.batch * s.nodes**2
    each = m1.flops + m2.flops + 2 * s.nodes * s.channels + 4 * s.channels**2
    numbers = 2 * pairs * s.channels + m1.numbers + m2.numbers + (2 * s.channels + 1) * s.channels
    return {"flops": float(pairs * each), "bytes": float(numbers) * BYTES[problem.dtype]}


OPERATION = Operation(
    name="ppgn_layer",
    title="Provably powerful graph layer",
    family="graphs",
    reads=("x",),
    summary="a matrix product for each channel of features of pairs, beside the features",
    papers=PAPERS,
    claims=exact("permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    weights=_weights,
    users=PAPERS,
    growth=Growth({"lmax": 0, "channels": 2}),
)
