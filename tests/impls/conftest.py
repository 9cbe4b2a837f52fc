"""Run any implementation on float64 arrays, differentiate it, and compare it with its oracle."""

from functools import partial

import numpy as np
import pytest

from impls.families.product import FAMILY
from impls.implementation import Target
from impls.registry import load
from impls.streams import Streams


class Judge:
    """Any implementation, of any family, with its weights: value, gradients, symmetry."""

    def __init__(self, precision):
        self._precision = precision

    def draw(self, family, operation, problem, seed=3):
        rng = np.random.default_rng(seed)
        inputs = operation.taken(family.draw(problem, Streams(0)))
        return inputs, {k: s.sample(rng) for k, s in operation.weights(problem).items()}

    def value(self, implementation, problem, inputs, weights, options=None):
        return self.values(implementation, problem, [inputs], weights, options)[0]

    def values(self, implementation, problem, many_inputs, weights, options=None):
        """Return the outputs for several inputs, built and compiled once."""

        def ask(call):
            if implementation.framework == "jax":
                import jax

                call = jax.jit(call)
            return [call(put(inputs), put(weights)) for inputs in many_inputs]

        put = partial(self._put, implementation.framework, problem.dtype)
        return self._run(implementation, problem, ask, options)

    def differentiated(self, implementation, problem, inputs, weights, cotangents, options=None):
        """Return the outputs, and the gradients of the sum of <cotangent, output>."""

        def ask(call):
            arrays = {**inputs, **weights}
            moving = {k for k, a in arrays.items() if a.dtype.kind == "f"}
            fixed = put({k: a for k, a in arrays.items() if k not in moving})

            def functional(leaves):
                whole = {**leaves, **fixed}
                outputs = call({k: whole[k] for k in inputs}, {k: whole[k] for k in weights})
                return sum((outputs[k] * c).sum() for k, c in put(cotangents).items()), outputs

            leaves = put({k: a for k, a in arrays.items() if k in moving})
            if implementation.framework == "jax":
                import jax

                gradients, outputs = jax.jit(jax.grad(functional, has_aux=True))(leaves)
                return [outputs, gradients]
            import torch

            leaves = {k: a.requires_grad_() for k, a in leaves.items()}
            total, outputs = functional(leaves)
            parts = torch.autograd.grad(total, list(leaves.values()))
            return [outputs, dict(zip(leaves, parts, strict=True))]

        put = partial(self._put, implementation.framework, problem.dtype)
        return self._run(implementation, problem, ask, options)

    def symmetry(self, family, operation, implementation, problem, inputs, weights, elements):
        """Return max |f(g x) - g f(x)| relative to max |f(x)|, for each element."""
        spaces_in = operation.taken(family.inputs(problem))
        spaces = operation.outputs(problem)
        moved = [{k: s.act(g, inputs[k]) for k, s in spaces_in.items()} for g in elements]
        plain, *found = self.values(implementation, problem, [inputs, *moved], weights)
        return [
            max(
                np.abs(outputs[k] - spaces[k].act(g, a)).max() / np.abs(a).max()
                for k, a in plain.items()
            )
            for g, outputs in zip(elements, found, strict=True)
        ]

    def _run(self, implementation, problem, ask, options):
        with self._precision(implementation.framework, problem.dtype):
            built = implementation.build(problem, Target(), options or {})

            def canonical(inputs, weights):
                native = built.pack(inputs, weights) if built.pack else (inputs, weights)
                outputs = built.call(*native)
                return built.unpack(outputs) if built.unpack else outputs

            return [
                {k: np.asarray(a.detach() if hasattr(a, "detach") else a) for k, a in found.items()}
                for found in ask(canonical)
            ]

    def _put(self, framework, dtype, arrays):
        """Return arrays of a framework; those that are not real are indices."""
        return {
            k: self._array(framework, a, dtype if a.dtype.kind == "f" else None)
            for k, a in arrays.items()
        }

    def _array(self, framework, a, dtype):
        if framework == "torch":
            import torch

            return torch.tensor(a, dtype=dtype and getattr(torch, dtype))
        if framework == "jax":
            import jax.numpy as jnp

            return jnp.asarray(a, dtype)
        return a.astype(dtype) if dtype else a


@pytest.fixture(scope="session")
def judge(precision):
    return Judge(precision)


class Runner:
    """The same of products without weights; x and y are the inputs, z the output."""

    def __init__(self, judge):
        self.judge = judge

    def draw(self, problem):
        return FAMILY.draw(problem, Streams(problem.seed))

    def value(self, implementation, problem, arrays, options=None):
        return self.judge.value(implementation, problem, arrays, {}, options)["z"]


@pytest.fixture(scope="session")
def runner(judge):
    return Runner(judge)


@pytest.fixture(scope="session")
def distance():
    """Largest difference relative to the largest entry."""
    return lambda found, wanted: np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.fixture(scope="session")
def agrees(judge, distance):
    """Put a problem to every NumPy implementation of an operation: it gives what the oracle does.

    What vanishes in the oracle is an exact zero in it. Those named in `but` refuse the problem; of
    options, those that have them are asked. That this holds in every framework, which share the
    code of an algorithm, with gradients and symmetry, `tests/conformance` sees on the examples of
    the family.
    """
    registry = load()

    def agrees(operation, asked, drawn=None, options=None, but=()):
        family = registry.family(operation.family)
        assert family.check(asked) is None and operation.supports(asked) is None
        inputs, weights = drawn or judge.draw(family, operation, asked)
        spaces, expected = operation.outputs(asked), operation.oracle(asked, inputs, weights)
        in_numpy = {
            i.name.removeprefix("numpy_"): i
            for i in registry.implementations_of(operation.name)
            if i.framework == "numpy" and set(options or {}) <= set(i.options)
        }
        refusing = {name for name, i in in_numpy.items() if i.supports(asked, Target())}
        assert refusing == set(but) < set(in_numpy)
        for name in set(in_numpy) - refusing:
            outputs = judge.value(in_numpy[name], asked, inputs, weights, options)
            assert set(outputs) == set(expected) == set(spaces), name
            for key, found in outputs.items():
                wanted = expected[key]
                assert found.dtype == np.float64, (name, key)
                assert found.shape == wanted.shape == spaces[key].shape, (name, key)
                assert distance(found, wanted) < 1e-11, (name, key)
                vanishes = ~np.any(wanted, axis=tuple(range(wanted.ndim - 1)))
                assert not np.any(found[..., vanishes]), (name, key)

    return agrees
