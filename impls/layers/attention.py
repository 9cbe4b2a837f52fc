r"""Attention of a receiver to its edges, in any framework: positive weights that sum to one.

    alpha[e, h] = exp(s[e, h]) / sum_{e': dst[e'] = dst[e]} exp(s[e', h])

for scores s [edges, heads]. The largest score of each receiver is taken away first, so that nothing
overflows; it cancels, and gradients see a constant. A receiver without edges has no weight and
divides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.backends import Backend

SLOPE = 0.2
"""Of the smooth leaky rectifier where its argument is far below zero."""


def softmax_by_receiver(b: Backend, scores: Any, dst: Any, nodes: int) -> Any:
    """Return alpha [edges, heads] of scores [edges, heads] into receivers dst [edges]."""
    largest = b.gather(b.segment_max(scores, dst, nodes), dst)
    found = b.exp(scores - largest)
    return found / b.gather(b.segment_sum(found, dst, nodes), dst)


def leaky(silu: Callable[[Any], Any], a: Any) -> Any:
    """Return the smooth leaky rectifier 0.2 a + 0.8 silu(a)."""
    return SLOPE * a + (1 - SLOPE) * silu(a)


def heads_to_channels(b: Backend, alpha: Any, channels: int) -> Any:
    """Return [edges, channels] of weights [edges, heads]: each head has channels side by side."""
    edges, heads = alpha.shape
    wide = b.broadcast(alpha[:, :, None], (edges, heads, channels // heads))
    return wide.reshape(edges, channels)
