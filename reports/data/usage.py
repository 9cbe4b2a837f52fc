"""Ten lines that call an operation, for a reader to copy."""

from __future__ import annotations

from collections.abc import Sequence

from impls.implementation import Implementation, Target
from impls.registry import Registry

LINES = """\
import torch
from impls.implementation import Target
from impls.registry import load
from impls.streams import Streams

registry = load()
operation = registry.operations["{operation}"]
family = registry.family("{family}")
problem = family.examples[{number}]  # or family.ask(...), of sizes of your own
named = registry.implementations["{name}"]
built = named.build(problem, Target(), {{}})
arrays = operation.taken(family.draw(problem, Streams(0)))
spaces = operation.weights(problem)
inputs = {{k: torch.as_tensor(a) for k, a in arrays.items()}}
weights = {{k: torch.as_tensor(s.sample(Streams(1)(k))) for k, s in spaces.items()}}
x, w = built.pack(inputs, weights) if built.pack else (inputs, weights)
z = built.call(x, w)
outputs = built.unpack(z) if built.unpack else z
"""


def usage(registry: Registry, operation: str, preferred: Sequence[str] = ()) -> str:
    """Return code that builds and calls an implementation in PyTorch on an example, or "".

    It is the first of `preferred` names that is in PyTorch, else the first that is registered,
    one that needs no other package if there is one.
    """
    if operation not in registry.operations:
        return ""
    known = {i.full_name: i for i in registry.implementations_of(operation)}
    others = sorted(known, key=lambda name: bool(known[name].requires))
    names = [*(name for name in preferred if name in known), *others]
    for name in names:
        number = _example(registry, known[name])
        if known[name].framework == "torch" and number is not None:
            family = registry.operations[operation].family
            return LINES.format(operation=operation, family=family, number=number, name=name)
    return ""


def _example(registry: Registry, implementation: Implementation) -> int | None:
    """Return the number of the first example of the family that an implementation answers."""
    operation = registry.operations[implementation.operation]
    for number, problem in enumerate(registry.family(operation.family).examples):
        if not (operation.supports(problem) or implementation.supports(problem, Target())):
            return number
    return None
