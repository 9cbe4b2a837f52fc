"""Which kernel ran: what the receipt of a case says, in a few words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reports.data.clocks import KERNELS
from reports.data.results import Result

RECEIPT = "receipt"
NAMED = 3
"""So many names of what every package is made of are said, the most frequent first."""
COMMON = re.compile(r"aten::|[a-z][a-z0-9-]*$")
"""What an operator of PyTorch itself, or a plain instruction of XLA, is called."""


def kernel_of(r: Result) -> str:
    """Return what one call ran; what was declared, where nobody looked.

    On a GPU these are the kernels that the driver recorded, else operators or instructions.
    """
    found = {probe: m.detail for probe in (KERNELS.probe, RECEIPT) if (m := r.measures.get(probe))}
    ran = found.get(KERNELS.probe, {}).get("kernels") or found.get(RECEIPT, {}).get("ran")
    return said(ran) if isinstance(ran, Mapping) and ran else str(r.detail.get("kernel") or "")


def said(ran: Mapping[str, float]) -> str:
    """Return names with how often each ran: all that a package calls its own, then the others."""
    common = sorted((n for n in ran if COMMON.match(n)), key=lambda name: -ran[name])
    own = [name for name in ran if name not in common]
    named = [f"{ran[name]:g} {name}" for name in (*own, *common[:NAMED])]
    left = sum(ran[name] for name in common[NAMED:])
    return ", ".join([*named, f"{left:g} others"] if left else named)
