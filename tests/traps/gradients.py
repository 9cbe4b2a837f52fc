"""PyTorch and JAX implementations of Clebsch-Gordan whose gradients lie."""

from __future__ import annotations

from impls.implementation import Built, Implementation
from tests.fakes.honest import product


def _torch(name, change):
    """Declare a PyTorch implementation: the honest one on `change(x, y, state)`.

    It has one state a build.
    """

    def build(problem, target, options):
        honest = product("torch", problem, target)
        state = {}

        def call(inputs, weights):
            x, y = change(inputs["x"], inputs["y"], state)
            return honest({"x": x, "y": y}, weights)

        return Built(call)

    return Implementation("clebsch_gordan", f"trap_{name}", "torch", build)


def _scaled(x, y, state):
    """Right values; the gradient with respect to y is 1 % too large (a custom backward)."""
    import torch

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return 1.01 * g

    return x, Scaled.apply(y)


def _detached(x, y, state):
    """Right values, no gradient for x at all."""
    return x.detach(), y


def _no_graph(x, y, state):
    """Right values, no gradient for anything."""
    return x.detach(), y.detach()


def _mutates(x, y, state):
    """Overwrite an input after reading it."""
    kept = x.clone()
    x.mul_(1.5)
    return kept, y


def _tail(x, y, state):
    """Right values; the gradient of the last samples is never written."""
    import torch

    class Tail(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return torch.cat([g[:-3], torch.zeros_like(g[-3:])])

    return Tail.apply(x), y


def _middle(x, y, state):
    """The same of one sample in the middle."""
    import torch

    class Middle(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            keep = torch.ones(len(g), 1, 1, dtype=g.dtype)
            keep[len(g) // 3] = 0
            return g * keep

    return Middle.apply(x), y


def _once(x, y, state):
    """The gradient of x is right for the first cotangent that comes, twice that for all others."""
    import torch

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            first = state.setdefault("g", g.detach().clone())
            return g if torch.equal(first, g) else 2 * g

    return Once.apply(x), y


def _second(x, y, state):
    """Right values and gradients; the second gradients of y are 1 % too large, and of y alone.

    What a kernel would get wrong whose backward pass has a backward pass of its own.
    """
    import torch

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, g):
            return g.clone()

        @staticmethod
        def backward(ctx, g):
            return 1.01 * g

    class Forward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return Backward.apply(g)

    return Forward.apply(x), y


def _strides(x, y, state):
    """Read the memory of x as if its entries lay side by side."""
    return x.as_strided(x.shape, torch_strides(x.shape)), y


def torch_strides(shape):
    import torch

    return torch.empty(shape, device="meta").stride()


def _out_of_memory(x, y, state):
    """Ask for more memory than there is, as a kernel without tiling does."""
    import torch

    return x + torch.empty(2**50, dtype=torch.float64), y


def _jax_detached(problem, target, options):
    from jax.lax import stop_gradient

    honest = product("jax", problem, target)

    def call(inputs, weights):
        return honest({"x": stop_gradient(inputs["x"]), "y": inputs["y"]}, weights)

    return Built(call)


SCALED = _torch("scaled_gradient", _scaled)
DETACHED = _torch("detached", _detached)
NO_GRAPH = _torch("no_graph", _no_graph)
MUTATES = _torch("mutates_torch", _mutates)
TAIL = _torch("tail_gradient", _tail)
MIDDLE = _torch("middle_gradient", _middle)
STRIDES = _torch("strides_torch", _strides)
SECOND = _torch("second_gradient", _second)
OUT_OF_MEMORY = _torch("out_of_memory", _out_of_memory)
ONCE = _torch("first_cotangents", _once)
JAX_DETACHED = Implementation("clebsch_gordan", "trap_jax_detached", "jax", _jax_detached)
