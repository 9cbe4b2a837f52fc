r"""Matrix products of features of pairs of nodes, channel by channel, as means over a node between.

    p_ij = sum_l share_l a_il b_lj

with share_l = 1 / n of all n nodes, or those of a part. What it says of two nodes goes beyond all
linear maps of a pair: with adjacency for a and b, how many walks of two steps join them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.spaces import Array


def oracle(a: Array, b: Array, share: Array) -> Array:
    """Return p [samples, n, n, C] of a, b [samples, n, n, C] and shares [samples, n]."""
    return np.einsum("bilc,bljc->bijc", a * share[:, None, :, None], b)


def product(a: Any, b: Any, share: Any = None) -> Any:
    """Return the same in any framework, one matrix product a channel; None is all nodes."""
    a = a / a.shape[1] if share is None else a * share[:, None, :, None]
    return (b.swapaxes(1, 3) @ a.swapaxes(1, 3)).swapaxes(1, 3)
