"""Growth: by which powers of which sizes the arithmetic grows, and where that holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Growth:
    """Exponents as theory has them: {"lmax": 5, "channels": 1} is O(L^5 C).

    Infinity is exponential growth. Growth that says nothing is False. `regime` says in words where
    the exponents hold ("channels = 1", "L < 24: FFTs"), empty where they always do.
    """

    exponents: Mapping[str, float] = field(default_factory=dict)
    regime: str = ""

    def __bool__(self) -> bool:
        """Return whether anything is said."""
        return bool(self.exponents)
