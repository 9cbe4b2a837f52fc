"""What packages said of falling back to another kernel, since a case was begun.

They say it by a warning when they are built or first traced, and not again: it is kept for the
receipt of the case, and shown as before.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

SPOKEN = r"(?is).*\b(fall(s|ing)?|fell)[ -]?back\b"
"""How a warning begins that speaks of it."""
LONGEST = 200
HEARD: list[str] = []
"""Each such warning since `forget`, as one line."""


def listen() -> None:
    """Keep what is said from now on, each time that it is said."""
    shown = warnings.showwarning

    def kept(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        text = str(message)
        if speaks(text):
            HEARD.append(" ".join(text.split())[:LONGEST])
        shown(message, category, *rest, **named)

    warnings.showwarning = kept
    warnings.filterwarnings("always", message=SPOKEN)


def speaks(text: str) -> bool:
    """Return whether a text speaks of falling back."""
    return re.match(SPOKEN, text) is not None


def forget() -> None:
    """Begin anew."""
    HEARD.clear()
