"""PyTorch implementations of Clebsch-Gordan with right results that are hard to time on a GPU.

They need a card, or the pretend one of tests/fakes/gpu, where all of them misbehave as on a card.
"""

from __future__ import annotations

import sys

from impls.families.product import irreps_of
from impls.implementation import Built, Implementation
from impls.problem import Refusal
from tests.fakes.honest import product

LAUNCHES = 3000
"""More than a queue of 1024 holds."""
SHARE = 0.6
"""What one of the greedy holds of the memory of the card: two of them do not fit."""


def _on_cuda(problem, target):
    return None if target.device == "cuda" else Refusal("a trap for GPUs", "use --device cuda")


def calling(name, before):
    """Declare an implementation that calls `before(problem, inputs)` and then answers rightly."""

    def build(problem, target, options):
        honest = product("torch", problem, target)

        def call(inputs, weights):
            before(problem, inputs)
            return honest(inputs, weights)

        return Built(call)

    return Implementation("clebsch_gordan", f"trap_{name}", "torch", build, supports=_on_cuda)


def greedy(name):
    """Declare an implementation that holds SHARE of the memory of the card while it is built."""

    def build(problem, target, options):
        import torch

        honest = product("torch", problem, target)
        size = int(SHARE * torch.cuda.mem_get_info()[1])
        held = torch.empty(size, dtype=torch.int8, device="cuda")

        def call(inputs, weights):
            assert held.numel() == size
            return honest(inputs, weights)

        return Built(call)

    return Implementation("clebsch_gordan", f"trap_{name}", "torch", build, supports=_on_cuda)


def _waits(problem, inputs):
    """Wait for the device, so that nothing hides the launch of what follows."""
    import torch

    torch.cuda.synchronize()


def _launches(problem, inputs):
    """Launch so much that the host waits for room in the queue."""
    import torch

    for _ in range(LAUNCHES):
        torch.cuda._sleep(100)


def _poisons(problem, inputs):
    """Read beyond a table at L = 1: the context is lost, for whatever comes after it."""
    import torch

    if irreps_of(problem)[0].lmax == 1:
        table = torch.zeros(3, device="cuda")
        table.index_select(0, torch.full((1,), 10**6, device="cuda"))
        torch.cuda.synchronize()


def _unrecorded(problem, inputs):
    """Fail where a worker records what the GPU does, as CUPTI may."""
    if any('"traces": true' in word for word in sys.argv):
        raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES")


WAITS = calling("waits", _waits)
LAUNCHING = calling("launches", _launches)
POISONS = calling("poisons", _poisons)
UNRECORDED = calling("unrecorded", _unrecorded)
GREEDY = greedy("greedy")
GREEDY_TOO = greedy("greedy_too")
