"""Run any layer on float64 arrays, differentiate it, and compare with its oracle."""

import contextlib

import numpy as np
import pytest

from analysis.derivative import directional
from analysis.equivariance import errors
from impls.families.feature import FAMILY
from impls.implementation import Target
from impls.registry import load
from impls.streams import Streams

REGISTRY = load()


class Layer:
    """One implementation of a layer of family `feature`, with its operation."""

    def __init__(self, operation, name):
        self.operation = REGISTRY.operation(operation)
        self.implementation = REGISTRY.implementation(f"{operation}.{name}")

    def draw(self, asked, seed=0):
        rng = np.random.default_rng(3)
        weights = {k: s.sample(rng) for k, s in self.operation.weights(asked).items()}
        return FAMILY.draw(asked, Streams(seed)), weights

    def outputs(self, asked, inputs, weights):
        return self._run(asked, inputs, weights, None)

    def gradients(self, asked, inputs, weights, cotangent):
        """Return the gradients of <cotangent, z> in every input and weight."""
        return self._run(asked, inputs, weights, cotangent)

    def gradient_error(self, asked):
        """Return the largest relative error of directional derivatives against the oracle's."""
        inputs, weights = self.draw(asked)
        rng = np.random.default_rng(4)
        c = rng.standard_normal(self.operation.outputs(asked)["z"].shape)
        found = self.gradients(asked, inputs, weights, c)
        worst = 0.0
        for name, base in {**inputs, **weights}.items():
            got, wanted = [], []
            for _ in range(3):
                d = rng.standard_normal(base.shape)
                along = ({name: d}, {}) if name in inputs else ({}, {name: d})
                got.append(np.vdot(found[name], d))
                wanted.append(
                    directional(
                        lambda i, w: self.operation.oracle(asked, i, w),
                        inputs,
                        weights,
                        *along,
                        {"z": c},
                        self.operation.linear_in,
                    )
                )
            gap = np.linalg.norm(np.subtract(got, wanted)) / np.linalg.norm(wanted)
            worst = max(worst, float(gap))
        return worst

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

    def _run(self, asked, inputs, weights, cotangent):
        if self.implementation.framework == "torch":
            return self._torch(asked, inputs, weights, cotangent)
        return self._jax(asked, inputs, weights, cotangent)

    def _torch(self, asked, inputs, weights, cotangent):
        import torch

        dtype = getattr(torch, asked.dtype)
        call = self.implementation.build(asked, Target(), {}).call
        leaves = {k: torch.tensor(a, dtype=dtype) for k, a in {**inputs, **weights}.items()}
        if cotangent is None:
            return {k: a.numpy() for k, a in call(leaves, leaves).items()}
        for leaf in leaves.values():
            leaf.requires_grad_()
        value = (call(leaves, leaves)["z"] * torch.tensor(cotangent, dtype=dtype)).sum()
        found = torch.autograd.grad(value, list(leaves.values()))
        return {k: a.numpy() for k, a in zip(leaves, found, strict=True)}

    def _jax(self, asked, inputs, weights, cotangent):
        import jax
        import jax.numpy as jnp

        double = asked.dtype == "float64"
        with jax.enable_x64(True) if double else contextlib.nullcontext():
            call = self.implementation.build(asked, Target(), {}).call
            leaves = {k: jnp.asarray(a, asked.dtype) for k, a in {**inputs, **weights}.items()}
            if cotangent is None:
                function = jax.jit(lambda a: call(a, a))
            else:
                function = jax.jit(jax.grad(lambda a: (call(a, a)["z"] * cotangent).sum()))
            return {k: np.asarray(a) for k, a in function(leaves).items()}


@pytest.fixture(scope="session")
def layer_of():
    return Layer


@pytest.fixture(scope="session")
def distance():
    """Largest difference relative to the largest entry."""
    return lambda found, wanted: np.abs(found - wanted).max() / np.abs(wanted).max()
