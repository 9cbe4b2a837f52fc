r"""The roofline: the least time that a machine could need for so much arithmetic and traffic."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Bound(NamedTuple):
    """The least time [s], and what limits it."""

    seconds: float
    limit: Literal["compute", "memory"]


def bound(flops: float, size: float, peak: float, bandwidth: float) -> Bound:
    r"""Return max(flops/peak, bytes/bandwidth) and which of both it is [@williams2009].

    `flops` and `size` [B] are those that the operation needs, `peak` [1/s] and `bandwidth` [B/s]
    what the machine was measured to reach. A time divided into this is the share of the roofline.

    >>> bound(flops=1e9, size=1e6, peak=1e12, bandwidth=1e11)
    Bound(seconds=0.001, limit='compute')

    Raises:
        ValueError: for a negative count, or a rate that is not positive.
    """
    if flops < 0 or size < 0 or not (peak > 0 and bandwidth > 0):
        raise ValueError(
            f"counts must not be negative ({flops}, {size}), "
            f"and rates positive ({peak}, {bandwidth})"
        )
    compute, memory = flops / peak, size / bandwidth
    return Bound(compute, "compute") if compute >= memory else Bound(memory, "memory")
