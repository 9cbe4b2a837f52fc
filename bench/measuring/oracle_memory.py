"""What an oracle said of a derivative, remembered by all that it was asked.

Implementations of one operation are judged by the same derivatives of its oracle, where their
arrays, cotangents and directions are the same. A run judges each in a process of its own and
remembers nothing; who judges many in one process, as tests do, gives their built cases one memory.

Nothing that an implementation has answered is kept. The key is the oracle itself, its problem, the
degrees that say how it is differentiated, the name of the array, and a digest of the contents of
all arrays: another question is never answered by a former one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np

from impls.spaces import Array, Arrays

MOST = 16384
"""So many derivatives are kept, each one number; the one not asked for longest goes first."""


def digest(*groups: Arrays) -> bytes:
    """Return what tells groups of named arrays from all others: names, kinds, shapes, numbers."""
    found = hashlib.blake2b(digest_size=32)
    for group in groups:
        found.update(f"{len(group)};".encode())
        for name, given in sorted(group.items()):
            a: Array = np.ascontiguousarray(given)
            found.update(f"{name!r}{a.dtype.str}{np.shape(given)};".encode())
            found.update(a.tobytes())
    return found.digest()


class OracleMemory:
    """The last derivatives that oracles gave; `found` and `made` count what was asked."""

    def __init__(self, most: int = MOST) -> None:
        """Take how many are kept."""
        self.most, self.found, self.made = most, 0, 0
        self._kept: OrderedDict[Hashable, float] = OrderedDict()

    def of(self, key: Hashable, make: Callable[[], float]) -> float:
        """Return the number of this key; `make` it where it is not known."""
        if key in self._kept:
            self.found += 1
            self._kept.move_to_end(key)
            return self._kept[key]
        self.made += 1
        self._kept[key] = value = make()
        if len(self._kept) > self.most:
            self._kept.popitem(last=False)
        return value
