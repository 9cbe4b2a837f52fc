"""The right product, which traps change."""

from __future__ import annotations

from impls.backends import load
from impls.implementation import Target
from impls.products.clebsch_gordan.dense import BLOCKS, dense


def product(framework, problem, target=None):
    """Return the full product as a call whose arrays have the canonical layout."""
    built = dense(problem, load(framework, problem, target or Target()), {"block": BLOCKS[0]})
    unpack = built.unpack or (lambda outputs: outputs)
    return lambda inputs, weights: unpack(built.call(inputs, weights))
