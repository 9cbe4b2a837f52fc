"""Messages of a channelwise convolution, summed at nodes, with the weights of a layer.

What `impls.points.convolution` computes, as a part of layers: channels are innermost, and weights
come from radial functions in the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Tensors
from impls.layers.radial import Radial, RadialNetwork, lengths
from impls.points.convolution.dense import Messages
from impls.points.convolution.kernel import form_of
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem

Summed = Callable[[Any, Tensors, Any], Any]
"""Sums [nodes, dim of all paths, channels] of x [nodes, channels, dim], of the inputs of a
convolution but x, and of w [edges, paths, channels]."""
Summing = Callable[[Problem, Backend], Summed]
"""A way to sum the messages of a convolution."""


def stored(problem: Problem, b: Backend) -> Summed:
    """Return the sums by batched matrix products; the messages of one item are stored at a time."""
    messages = Messages(problem, b)

    def summed(x: Any, inputs: Tensors, w: Any) -> Any:
        return messages({**inputs, "x": x}, w)

    return summed


def fused(problem: Problem, b: Backend) -> Summed:
    """Return the sums by the kernel of graphs, in one pass."""
    convolution = b.convolution(form_of(problem, weighted=True))
    harmonics = EdgeHarmonics(problem, b)

    def summed(x: Any, inputs: Tensors, w: Any) -> Any:
        ends = inputs["src"], inputs["dst"]
        return convolution(x, harmonics(inputs), w, *ends).swapaxes(1, 2)

    return summed


class Sums:
    """The sums with weights R(|v|) of each edge."""

    def __init__(self, summing: Summing, problem: Problem, radial: Radial, b: Backend) -> None:
        """Make the radial functions: one for each path and channel."""
        self.summed, self.network = summing(problem, b), RadialNetwork(radial, problem, b)
        self.shape = -1, len(paths_of(problem)), channels_of(problem)

    def __call__(self, h: Any, inputs: Tensors, weights: Tensors) -> Any:
        """Return them for what is sent, h [nodes, dim, channels]."""
        w = self.network(lengths(inputs["v"]), weights).reshape(self.shape)
        return self.summed(h.swapaxes(1, 2), inputs, w)
