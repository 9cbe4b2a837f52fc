"""The layer by perceptrons of all pairs and batched matrix products, one for each channel."""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.layers.pair_products import product
from impls.layers.perceptron import Network
from impls.layers.ppgn.operation import OPERATION, PAPERS, perceptrons_of
from impls.problem import Problem


def build(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    m1, m2 = (Network(m, b) for m in perceptrons_of(problem))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        met = product(m1(x, weights), m2(x, weights))
        mixing = b.concatenate([weights["S"], weights["P"]], 0)
        return {"x": b.concatenate([x, met], -1) @ mixing + weights["b"]}

    return Built(call, layout="channels last")


ALGORITHM = Algorithm(
    OPERATION.name,
    "products",
    "batched matrix products, one for each channel",
    build,
    papers=PAPERS,
)
