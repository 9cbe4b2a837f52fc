"""What all attempts of a run share, and where its wall time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.ask.profile import Profile
from bench.drive.pool import Pool
from bench.measuring import probes
from bench.record.rows import Store
from impls.registry import Registry

STAGES = {
    "time.build": "building",
    "time.first": "compiling",
    "warming up": "measuring",
    **dict.fromkeys((*probes.GATE, "conduct", "conduct.indices"), "checking"),
}
"""What the wall time of a probe counts as; any other is "probing"."""


@dataclass
class Session:
    """What all attempts of a run share."""

    store: Store
    registry: Registry
    pool: Pool
    settings: Profile
    provenance: Mapping[str, Any]
    run: str
    device: str
    explaining: Mapping[str, str] = field(default_factory=dict)
    nonce: int | None = None
    """What judges every case is drawn from this; None: for each attempt from a number of its own.
    """
    shared_core: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def account(self, on: str) -> Iterator[None]:
        """Add the wall time of a block of code to the account of the run."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent(on, time.monotonic() - began)

    def opened(self, seconds: Mapping[str, float], wall: float) -> None:
        """Share the wall time of opening a case among the stages that the worker names."""
        for name, each in seconds.items():
            self.spent(STAGES.get(name, "probing"), each)
            wall -= each
        self.spent("waiting", max(0.0, wall))

    def spent(self, on: str, seconds: float) -> None:
        """Add seconds to the account of the run."""
        self.seconds[on] = self.seconds.get(on, 0.0) + seconds
