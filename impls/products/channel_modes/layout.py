"""Layouts of features with channels that keep a long axis innermost, shared by own code.

Canonical is [batch, channels, components], whose innermost axis is as short as a feature of low
degree has components. With channels last, or components first, it is as long as there are channels,
or samples times channels.
"""

from __future__ import annotations

from collections.abc import Callable

from impls.backends import Backend
from impls.families.weighted import per_sample
from impls.implementation import Tensors
from impls.problem import Problem

Packing = tuple[Callable[[Tensors, Tensors], tuple[Tensors, Tensors]], Callable[[Tensors], Tensors]]
"""`pack` and `unpack` of a built implementation."""

CHANNELS_LAST = "[batch, components, channels]"
COMPONENTS_FIRST = "[components, batch, channels]"


def components_first(problem: Problem, b: Backend) -> Packing:
    """Return the packing of x, y and z as COMPONENTS_FIRST; weights have their path first."""

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        features = {
            name: b.contiguous(a.swapaxes(1, 2).swapaxes(0, 1)) for name, a in inputs.items()
        }
        w = weights["w"]
        return features, {"w": b.contiguous(w.swapaxes(0, 1)) if per_sample(problem) else w}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": b.contiguous(outputs["z"].swapaxes(0, 1).swapaxes(1, 2))}

    return pack, unpack


def channels_last(b: Backend, *names: str) -> Packing:
    """Return the packing of z and of some inputs as CHANNELS_LAST; the others stay canonical."""

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        turned = {name: b.contiguous(inputs[name].swapaxes(1, 2)) for name in names}
        return {**inputs, **turned}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": b.contiguous(outputs["z"].swapaxes(1, 2))}

    return pack, unpack
