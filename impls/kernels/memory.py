"""How tensors of kernels lie in memory on a GPU: neighbouring threads read neighbouring words.

Threads take samples of a trilinear form, or channels of a convolution: these are innermost, and
components in front of them. Shapes stay what they are; a tensor that lies otherwise is copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from impls.implementation import Target, Tensors
from impls.kernels.derivative import Derivative
from impls.kernels.kernel import Kernel, Shape

Axes = tuple[int, ...]
"""The axes of a tensor in the order of memory, the outermost first."""
SAMPLES_INNERMOST: Axes = (2, 0, 1)
CHANNELS_INNERMOST: Axes = (0, 2, 1)
"""What a form and a convolution take of features [batch, channels, dim]."""
LAYOUTS = {SAMPLES_INNERMOST: "components first", CHANNELS_INNERMOST: "ir_mul"}


def order(kernel: Kernel, slot: int, axes: int) -> Axes:
    """Return how an argument with so many axes lies in a slot."""
    if not kernel.indices:
        return axes - 1, *range(axes - 1)
    return CHANNELS_INNERMOST if slot in (0, kernel.slots - 1) else tuple(range(axes))


def laid(kernel: Kernel, derivative: Derivative, tensors: Sequence[Any]) -> list[Any]:
    """Return what is given to a derivative, and indices, as they lie on a GPU."""
    given = [
        in_order(tensor, order(kernel, derivative.slots[a], tensor.ndim))
        for a, tensor in zip(derivative.given, tensors, strict=False)
    ]
    return [*given, *(tensor.contiguous() for tensor in tensors[len(given) :])]


def empty(
    kernel: Kernel, derivative: Derivative, leader: Any, shapes: Sequence[Shape]
) -> list[Any]:
    """Return new tensors for the outputs of a derivative, as they lie on the GPU of `leader`."""
    found = []
    for slot, shape in zip(derivative.output_slots, shapes, strict=True):
        axes = order(kernel, slot, len(shape))
        found.append(leader.new_empty([shape[axis] for axis in axes]).permute(*_inverse(axes)))
    return found


def in_order(tensor: Any, axes: Axes) -> Any:
    """Return a tensor whose axes lie in this order in memory: itself, or a copy."""
    return tensor.permute(*axes).contiguous().permute(*_inverse(axes))


def packed(target: Target, inputs: Mapping[str, Axes]) -> dict[str, Any]:
    """Return `pack` and `layout` of a `Built` whose kernels read inputs so on a GPU.

    Nothing on a CPU, whose kernels read what is canonical.
    """
    if target.device == "cpu":
        return {}

    def pack(given: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {n: in_order(a, inputs[n]) if n in inputs else a for n, a in given.items()}, weights

    return {"pack": pack, "layout": LAYOUTS[next(iter(inputs.values()))]}


def _inverse(axes: Axes) -> list[int]:
    return sorted(range(len(axes)), key=axes.__getitem__)
