"""Run any layer on float64 arrays, differentiate it, and turn its input."""

from functools import partial

import numpy as np
import pytest

from analysis.equivariance import errors
from impls.families.feature import FAMILY
from impls.registry import load
from impls.streams import Streams

REGISTRY = load()


class Layer:
    """One implementation of a layer of family `feature`, with its operation."""

    def __init__(self, judge, operation, name):
        self.judge = judge
        self.operation = REGISTRY.operation(operation)
        self.implementation = REGISTRY.implementation(f"{operation}.{name}")

    def draw(self, asked, seed=0):
        rng = np.random.default_rng(3)
        weights = {k: s.sample(rng) for k, s in self.operation.weights(asked).items()}
        return FAMILY.draw(asked, Streams(seed)), weights

    def outputs(self, asked, inputs, weights):
        return self.judge.value(self.implementation, asked, inputs, weights)

    def gradients(self, asked, inputs, weights, cotangent):
        """Return the gradients of <cotangent, z> in every input and weight."""
        arrays = inputs, weights, {"z": cotangent}
        return self.judge.differentiated(self.implementation, asked, *arrays)[1]

    def symmetry_error(self, asked, subgroup, seed=5, n=3, drawn=0):
        """Return the largest |f(g x) - g f(x)| / |f(x)| over elements of a subgroup."""
        inputs, weights = self.draw(asked, drawn)
        elements = FAMILY.group(asked).subgroups[subgroup].sample(np.random.default_rng(seed), n)
        found = errors(
            lambda arrays: self.outputs(asked, arrays, weights),
            FAMILY.inputs(asked),
            self.operation.outputs(asked),
            inputs,
            elements,
        )
        return found.summary()["max"]


@pytest.fixture(scope="session")
def layer_of(judge):
    return partial(Layer, judge)
