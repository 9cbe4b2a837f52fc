"""What a process holds of a card's memory, and what the others hold."""

from __future__ import annotations

import os
from pathlib import Path

from pretend_gpu.settings import Card, Settings


def holders(settings: Settings, card: Card) -> dict[int, int]:
    """Return what each living process holds of a card [B], by the ledger."""
    found = {}
    if settings.ledger:
        for page in Path(settings.ledger).glob(f"{card.uuid}.*"):
            pid, text = int(page.suffix[1:]), page.read_text(encoding="ascii")
            if text and Path(f"/proc/{pid}").exists():
                found[pid] = int(text)
    return found


def held(settings: Settings, card: Card) -> int:
    """Return what all processes hold of a card [B]."""
    return sum(holders(settings, card).values())


class Memory:
    """Memory of this process: storages by address, and what the allocator keeps of them.

    The allocator gives nothing back before `empty`, like torch's.
    """

    def __init__(self, settings: Settings, card: Card, error: type[Exception]) -> None:
        """Start without a context; `error` is torch's for what does not fit."""
        self.settings, self.card, self.error = settings, card, error
        self.storages: dict[int, list[int]] = {}
        self.allocated = self.peak = self.reserved = 0
        self.share = 1.0
        self.up = False

    def open(self) -> None:
        """Make a context, if there is none.

        Raises:
            `error`: when there is no room for it.
        """
        if not self.up:
            self._grow(0)
            self.up = True

    def hold(self, address: int, size: int) -> None:
        """Count a tensor on a storage.

        Raises:
            `error`: when there is no room for a new storage.
        """
        self.open()
        if address in self.storages:
            self.storages[address][0] += 1
            return
        if self.allocated + size > self.reserved:
            self._grow(self.allocated + size)
        self.storages[address] = [1, size]
        self.allocated += size
        self.peak = max(self.peak, self.allocated)

    def release(self, address: int) -> None:
        """Count a tensor less."""
        entry = self.storages[address]
        entry[0] -= 1
        if not entry[0]:
            self.allocated -= entry[1]
            del self.storages[address]

    def free(self) -> int:
        """Return what is left of the card [B]."""
        return max(0, self.settings.memory - self._others() - self.settings.context - self.reserved)

    def empty(self) -> None:
        """Give back what is kept for nothing."""
        self.reserved = self.allocated
        self._write()

    def _others(self) -> int:
        holding = holders(self.settings, self.card)
        return sum(size for pid, size in holding.items() if pid != os.getpid())

    def _grow(self, reserved: int) -> None:
        room = self.settings.memory - self._others() - self.settings.context
        if reserved > min(room, self.share * self.settings.memory):
            more = (reserved - self.allocated) / 2**20
            raise self.error(
                f"CUDA out of memory. Tried to allocate {more:.2f} MiB. GPU 0 has a total capacity "
                f"of {self.settings.memory / 2**30:.2f} GiB of which "
                f"{self.free() / 2**20:.2f} MiB is free."
            )
        self.reserved = max(self.reserved, reserved)
        self._write()

    def _write(self) -> None:
        if self.settings.ledger:
            page = Path(self.settings.ledger) / f"{self.card.uuid}.{os.getpid()}"
            page.write_text(str(self.settings.context + self.reserved), encoding="ascii")
