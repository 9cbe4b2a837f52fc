"""What the pretend machine has: its cards, which of them this process sees, and their moods."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

VARIABLE = "EQUIBENCH_PRETEND_GPU"


@dataclass(frozen=True)
class Card:
    """One card of the box, by its index in the order of the PCI bus.

    A `forbidden` card is counted by NVML, which may not open it, and unknown to CUDA. On a card in
    the mode MIG, CUDA sees one instance, which has a UUID of its own. CUDA puts the fastest first.
    """

    index: int
    name: str = "Pretend H100"
    forbidden: bool = False
    mig: bool = False
    speed: float = 1.0

    @property
    def digits(self) -> str:
        """Return the UUID without its prefix, as torch writes it."""
        digit = f"{self.index + 1:x}"
        return "-".join(digit * n for n in (8, 4, 4, 4, 12))

    @property
    def uuid(self) -> str:
        """Return the UUID of the whole card."""
        return f"GPU-{self.digits}"

    @property
    def instance(self) -> str:
        """Return the digits of the UUID of its MIG instance."""
        return f"a{self.digits[1:]}"

    @property
    def bus(self) -> str:
        """Return the address on the PCI bus."""
        return f"00000000:{self.index + 1:02X}:00.0"

    @property
    def celsius(self) -> int:
        """Return the temperature, by which the cards of a box can be told apart."""
        return 40 + self.index

    @property
    def watts(self) -> tuple[float, float]:
        """Return the power of the card when it is idle, and when a kernel runs."""
        return 70.0 + 10 * self.index, 350.0

    @property
    def as_cuda(self) -> tuple[str, str]:
        """Return what CUDA calls it: (name, digits of the UUID)."""
        if self.mig:
            return f"{self.name} MIG 3g.40gb", self.instance
        return self.name, self.digits


@dataclass(frozen=True)
class Settings:
    """The whole pretend machine; every field may be given in the JSON of the variable.

    `launch` and `kernel` [s] are what a kernel costs the host and the least that it takes: far more
    than on a real card, so that a second of virtual time is few calls. `memory` [B] is that of each
    card, `context` [B] what a process takes by being there. `period` [s] is that of the energy
    counter, `ramp` [s] how long a card works until its clock is full. `ledger` is a folder in which
    processes write what they hold, so that they feel each other. `throttle` are the bits of NVML,
    `violations` shares of time by NVML's policies ("power", "thermal"), `foreign` processes that
    are on every card, `missing` words in names of NVML calls that are not supported. `absent` are
    packages that are not installed here; the driver of a `blind` box is too old for CUDA;
    `profiler` is whether CUPTI may record.
    """

    cards: tuple[Card, ...] = (Card(0),)
    launch: float = 1e-4
    kernel: float = 4e-5
    memory: int = 8 * 2**30
    context: int = 2**29
    period: float = 0.02
    ramp: float = 0.0
    ledger: str = ""
    throttle: int = 0
    violations: Mapping[str, float] = field(default_factory=dict)
    foreign: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    blind: bool = False
    profiler: bool = True
    driver: str = "580.95.05"

    @cached_property
    def visible(self) -> tuple[Card, ...]:
        """Return the cards that CUDA shows this process, in its order."""
        usable = [card for card in self.cards if not card.forbidden]
        if os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
            usable.sort(key=lambda card: -card.speed)
        if self.blind:
            return ()
        names = os.environ.get("CUDA_VISIBLE_DEVICES")
        if names is None:
            return tuple(usable)
        found: list[Card] = []
        for name in names.split(","):
            card = _named(name.strip(), usable)
            if card is None or card in found:
                break  # CUDA stops at the first name that it does not know
            found.append(card)
        return tuple(found)


def _named(name: str, cards: list[Card]) -> Card | None:
    """Return the card of an index or of the beginning of a UUID, as CUDA reads them."""
    if name.isdigit():
        return cards[int(name)] if int(name) < len(cards) else None
    if name.startswith("MIG-"):
        return next((c for c in cards if c.mig and name == f"MIG-{c.instance}"), None)
    known = [card for card in cards if name.startswith("GPU-") and card.uuid.startswith(name)]
    return known[0] if len(known) == 1 else None


def read() -> Settings:
    """Return the settings of the environment."""
    said: dict[str, Any] = json.loads(os.environ[VARIABLE])
    if not isinstance(said, dict):
        return Settings()
    if "cards" in said:
        said["cards"] = tuple(Card(i, **card) for i, card in enumerate(said["cards"]))
    return Settings(**{k: tuple(v) if isinstance(v, list) else v for k, v in said.items()})
