"""Run any implementation on float64 arrays, and differentiate it, in any framework."""

import contextlib
from functools import partial

import numpy as np
import pytest

from impls.families.product import FAMILY
from impls.implementation import Target
from impls.streams import Streams


class Runner:
    """What a test asks of an implementation; x and y are the inputs, z the output."""

    def draw(self, problem):
        return FAMILY.draw(problem, Streams(problem.seed))

    def value(self, implementation, problem, arrays, options=None):
        return self._run(implementation, problem, arrays, options, self._value)

    def gradient(self, implementation, problem, arrays, cotangent):
        """Return the gradients of <cotangent, z> in x and y."""
        return self._run(implementation, problem, arrays | {"c": cotangent}, None, self._gradient)

    def asymmetry(self, implementation, operation, problem, elements):
        """Return the largest equivariance error over group elements, in one evaluation."""
        spaces, arrays = FAMILY.inputs(problem), self.draw(problem)
        copies = [arrays] + [{k: spaces[k].act(g, a) for k, a in arrays.items()} for g in elements]
        joined = {k: np.concatenate([copy[k] for copy in copies]) for k in arrays}
        larger = problem.with_sizes(batch=len(joined["x"]))
        value, *moved = np.split(self.value(implementation, larger, joined), len(copies))
        act = operation.outputs(problem)["z"].act
        errors = [np.abs(z - act(g, value)).max() for g, z in zip(elements, moved, strict=True)]
        return max(errors) / np.abs(value).max()

    def _run(self, implementation, problem, arrays, options, ask):
        framework = implementation.framework
        with self._precision(framework, problem.dtype):
            built = implementation.build(problem, Target(), options or {})
            inputs = {k: self._put(framework, a, problem.dtype) for k, a in arrays.items()}
            return self._numpy(ask(framework, built.call, inputs))

    def _precision(self, framework, dtype):
        if framework != "jax":
            return contextlib.nullcontext()
        import jax

        return jax.enable_x64(dtype == "float64")

    def _put(self, framework, array, dtype):
        real = array.dtype.kind == "f"  # the others are indices
        if framework == "torch":
            import torch

            return torch.tensor(array, dtype=getattr(torch, dtype) if real else None)
        if framework == "jax":
            import jax.numpy as jnp

            return jnp.asarray(array, dtype if real else None)
        return array.astype(dtype) if real else array

    def _numpy(self, found):
        if isinstance(found, tuple):
            return tuple(self._numpy(a) for a in found)
        found = found.detach() if hasattr(found, "detach") else found
        return np.asarray(found)

    def _value(self, framework, call, inputs):
        if framework == "jax":
            import jax

            call = jax.jit(call)
        return call(inputs, {})["z"]

    def _gradient(self, framework, call, inputs):
        def functional(x, y):
            return (call({"x": x, "y": y}, {})["z"] * inputs["c"]).sum()

        if framework == "jax":
            import jax

            return jax.jit(jax.grad(functional, (0, 1)))(inputs["x"], inputs["y"])
        import torch

        x, y = (inputs[name].requires_grad_() for name in "xy")
        return torch.autograd.grad(functional(x, y), (x, y))


class Expected:
    """The same from an operation's oracle, by multilinearity alone."""

    def matrix(self, operation, problem, arrays, cotangent):
        """Return A [batch, channels, dim1, dim2] with <c, z> = sum x A y."""
        dim1, dim2 = arrays["x"].shape[-1], arrays["y"].shape[-1]
        shape = arrays["x"].shape[:-1]
        entries = np.zeros((*shape, dim1, dim2))
        for i in range(dim1):
            for j in range(dim2):
                x = np.broadcast_to(np.eye(dim1)[i], (*shape, dim1))
                y = np.broadcast_to(np.eye(dim2)[j], (*shape, dim2))
                z = operation.oracle(problem, {"x": x, "y": y}, {})["z"]
                entries[..., i, j] = (z * cotangent).sum(-1)
        return entries

    def gradient(self, operation, problem, arrays, cotangent):
        matrix = self.matrix(operation, problem, arrays, cotangent)
        return (
            np.einsum("...ij,...j->...i", matrix, arrays["y"]),
            np.einsum("...ij,...i->...j", matrix, arrays["x"]),
        )


@pytest.fixture(scope="session")
def runner():
    return Runner()


@pytest.fixture(scope="session")
def expected():
    return Expected()


@pytest.fixture(scope="session")
def distance():
    """Largest difference relative to the largest entry."""
    return lambda found, wanted: np.abs(found - wanted).max() / np.abs(wanted).max()


class Judge:
    """Any implementation, of any family, with its weights: value, gradients, symmetry."""

    def __init__(self, runner):
        self.runner = runner

    def draw(self, family, operation, problem, seed=3):
        rng = np.random.default_rng(seed)
        inputs = family.draw(problem, Streams(0))
        return inputs, {k: s.sample(rng) for k, s in operation.weights(problem).items()}

    def value(self, implementation, problem, inputs, weights):
        return self.values(implementation, problem, [inputs], weights)[0]

    def values(self, implementation, problem, many_inputs, weights):
        """Return the outputs for several inputs, built and compiled once."""

        def ask(call):
            if implementation.framework == "jax":
                import jax

                call = jax.jit(call)
            return [call(put(inputs), put(weights)) for inputs in many_inputs]

        put = partial(self._put, implementation, problem)
        return self._run(implementation, problem, ask)

    def differentiated(self, implementation, problem, inputs, weights, cotangents):
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

        put = partial(self._put, implementation, problem)
        return self._run(implementation, problem, ask)

    def symmetry(self, family, operation, implementation, problem, inputs, weights, elements):
        """Return max |f(g x) - g f(x)| relative to max |f(x)|, for each element."""
        spaces_in, spaces = family.inputs(problem), operation.outputs(problem)
        moved = [{k: s.act(g, inputs[k]) for k, s in spaces_in.items()} for g in elements]
        plain, *found = self.values(implementation, problem, [inputs, *moved], weights)
        return [
            max(
                np.abs(outputs[k] - spaces[k].act(g, a)).max() / np.abs(a).max()
                for k, a in plain.items()
            )
            for g, outputs in zip(elements, found, strict=True)
        ]

    def _put(self, implementation, problem, arrays):
        framework = implementation.framework
        return {k: self.runner._put(framework, a, problem.dtype) for k, a in arrays.items()}

    def _run(self, implementation, problem, ask):
        with self.runner._precision(implementation.framework, problem.dtype):
            built = implementation.build(problem, Target(), {})

            def canonical(inputs, weights):
                native = built.pack(inputs, weights) if built.pack else (inputs, weights)
                outputs = built.call(*native)
                return built.unpack(outputs) if built.unpack else outputs

            found = ask(canonical)
            return [{k: self.runner._numpy(a) for k, a in arrays.items()} for arrays in found]


@pytest.fixture(scope="session")
def judge(runner):
    return Judge(runner)
